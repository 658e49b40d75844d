import secrets

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools import ledger
from .gdpr_consent_event import SOURCES
from .gdpr_purpose import LEGAL_BASES

# Letters and digits that can't be taken for one another.
REFERENCE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
REFERENCE_LENGTH = 10

CONSENT_STATES = [
    ("not_applicable", "Not applicable"),
    ("pending", "Pending"),
    ("waiting", "Waiting"),
    ("obtained", "Obtained"),
    ("refused", "Refused"),
    ("withdrawn", "Withdrawn"),
    ("expired", "Expired"),
    ("no_response", "No response"),
]


class GdprSubject(models.Model):
    """The person behind one or more cards. Holds no personal data, so that it can outlive an erasure.

    ``_record_acts`` is the one door in: it alone writes the ledger and what is derived from it.
    """

    _name = "gdpr.subject"
    _description = "Data Subject"
    _rec_name = "reference"
    _rec_names_search = ("reference", "partner_ids.name", "lead_ids.contact_name")
    _order = "id DESC"

    reference = fields.Char(
        required=True,
        readonly=True,
        copy=False,
        default=lambda self: self._new_reference(),
        help="Stands for the person in the ledger. It stays when the records are erased, and names nobody.",
    )
    company_id = fields.Many2one("res.company", readonly=True, ondelete="restrict")
    legal_basis = fields.Selection(
        [("not_applicable", "Not applicable"), *LEGAL_BASES],
        required=True,
        readonly=True,
        default="not_applicable",
        help="Why you may hold the data (article 6 GDPR). Changed on the record's Data Privacy tab.",
    )
    consent_state = fields.Selection(
        CONSENT_STATES,
        required=True,
        readonly=True,
        default="not_applicable",
        help="The state of all the person's consents in one word.",
    )
    restricted = fields.Boolean(
        "Processing Suspended", readonly=True, help="The person's data is only stored until a privacy officer lifts it."
    )
    objected = fields.Boolean(
        "Objects to Marketing", readonly=True, help="No marketing, whatever the legal basis; nobody can override it."
    )
    requested_on = fields.Datetime(readonly=True, help="When the person was asked last.")
    consent_on = fields.Datetime(readonly=True, help="When the person agreed last.")
    consent_source = fields.Selection(SOURCES, readonly=True, help="Where the person agreed last.")
    head_sequence = fields.Integer(readonly=True, default=0)
    head_hash = fields.Char(readonly=True, default=ledger.GENESIS)
    survivor_id = fields.Many2one(
        "gdpr.subject",
        string="Goes on In",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
        help="The history this one was joined with, because both are of one person.",
    )
    root_id = fields.Many2one(
        "gdpr.subject",
        string="Person",
        readonly=True,
        index=True,
        ondelete="restrict",
        help="The history that counts: this one, or the one at the end of the joined ones.",
    )
    member_ids = fields.One2many("gdpr.subject", "root_id", string="Joined Histories", readonly=True)
    absorbed_ids = fields.One2many(
        "gdpr.subject",
        "survivor_id",
        string="Absorbed Histories",
        readonly=True,
        help="Histories of duplicates that were joined with this one. They stay as they are.",
    )
    consent_ids = fields.One2many(
        "gdpr.consent", "subject_id", readonly=True, help="What the person said yes or no to, purpose by purpose."
    )
    event_ids = fields.One2many("gdpr.consent.event", "subject_id", readonly=True)
    history_ids = fields.One2many(
        "gdpr.consent.event",
        compute="_compute_history_ids",
        search="_search_history_ids",
        help="The events of all joined histories, newest first.",
    )
    link_ids = fields.One2many("gdpr.link", "subject_id", groups="base.group_system")
    data_request_ids = fields.One2many(
        "gdpr.subject.request", "subject_id", readonly=True, groups="gdpr_consent.group_officer"
    )
    request_ids = fields.One2many(
        "gdpr.consent.request", "subject_id", readonly=True, help="The messages that asked for consent."
    )
    partner_ids = fields.One2many(
        "res.partner", "gdpr_subject_id", string="Contacts", readonly=True, help="The contacts that are this person."
    )
    lead_ids = fields.One2many(
        "crm.lead",
        "gdpr_subject_id",
        string="Leads",
        readonly=True,
        groups="sales_team.group_sale_salesman",
        help="The leads and opportunities that are this person.",
    )

    _reference_uniq = models.Constraint("UNIQUE(reference)", "Two people can't share a reference.")

    @api.depends("reference", "partner_ids.name", "lead_ids.contact_name")
    def _compute_display_name(self):
        """The person's name as the cards have it, the reference where there is no card any more."""
        everybody = self.sudo().with_context(active_test=False)
        # At once for all: the ledger shows many.
        everybody.partner_ids.fetch(["name"])
        everybody.lead_ids.fetch(["contact_name", "partner_id", "partner_name", "name"])
        others = everybody.filtered(lambda known: not known.partner_ids and not known.lead_ids)._get_other_cards()
        for subject, known in zip(self, everybody, strict=True):
            card = known.partner_ids[:1] or known.lead_ids[:1] or others.get(known.id)
            name = card and card._gdpr_get_name()
            subject.display_name = f"{name} ({subject.reference})" if name else subject.reference

    def _get_other_cards(self):
        """Give a card of each of these people that is neither a contact nor a lead, by id; a query for each kind.

        :rtype: dict[int, models.Model]
        """
        found = {}
        for model in sorted(self.env["gdpr.subject.mixin"]._get_card_models() - {"res.partner", "crm.lead"}):
            for card in self and self.env[model].search([("gdpr_subject_id", "in", self.ids)], order="id"):
                found.setdefault(card.gdpr_subject_id.id, card)
        return found

    @api.depends("event_ids", "root_id", "member_ids.event_ids")
    def _compute_history_ids(self):
        events = self.env["gdpr.consent.event"].search([("subject_id.root_id", "in", self.root_id.ids)])
        by_root = events.grouped(lambda event: event.subject_id.root_id)
        for subject in self:
            subject.history_ids = by_root.get(subject.root_id, events.browse())

    def _search_history_ids(self, operator, value):
        return Domain("root_id.member_ids.event_ids", operator, value)

    @api.model
    def _search_display_name(self, operator, value):
        """Find people by the name on a lead that the user may not open too: it is shown."""
        found = super()._search_display_name(operator, value)
        return Domain("id", "in", self.sudo().with_context(active_test=False)._search(found))

    @api.model_create_multi
    def create(self, vals_list):
        subjects = super().create(vals_list)
        subjects.flush_recordset()
        # In one statement: there may be a hundred thousand, each its own root.
        self.env.cr.execute(SQL("UPDATE gdpr_subject SET root_id = id WHERE id IN %s", tuple(subjects.ids) or (0,)))
        subjects.invalidate_recordset(["root_id"], flush=False)
        subjects.modified(["root_id"])
        return subjects

    @api.model
    def _make(self, company_ids):
        """Make people nobody has said anything of yet, in one statement: there may be a hundred thousand.

        :param list company_ids: for each the id of the company that alone knows the person, or False
        :return: their ids, in order
        :rtype: list[int]
        """
        sequence = f"{self._table}_id_seq"
        ids = [
            row[0]
            for row in self.env.execute_query(
                SQL("SELECT nextval(%s) FROM generate_series(1, %s)", sequence, len(company_ids))
            )
        ]
        self.env.cr.execute_values(
            "INSERT INTO gdpr_subject (id, root_id, reference, company_id, legal_basis, consent_state, restricted,"
            " objected, head_sequence, head_hash, create_uid, create_date, write_uid, write_date) VALUES %s",
            [
                (subject_id, subject_id, self._new_reference(), company_id or None)
                for subject_id, company_id in zip(ids, company_ids, strict=True)
            ],
            template=self.env.cr.mogrify(
                SQL(
                    "(%%s, %%s, %%s, %%s, 'not_applicable', 'not_applicable', false, false, 0, %s, %s, %s, %s, %s)",
                    ledger.GENESIS,
                    self.env.uid,
                    self.env.cr.now(),
                    self.env.uid,
                    self.env.cr.now(),
                )
            ).decode(),
            page_size=1000,
        )
        return ids

    @api.model
    def _new_reference(self):
        number = secrets.randbelow(len(REFERENCE_ALPHABET) ** REFERENCE_LENGTH)
        letters = []
        for _place in range(REFERENCE_LENGTH):
            number, letter = divmod(number, len(REFERENCE_ALPHABET))
            letters.append(REFERENCE_ALPHABET[letter])
        return "".join(letters)

    def _cancel_requests(self):
        """Void the open requests of these people."""
        requests = self.env["gdpr.consent.request"].sudo()
        requests.search([("subject_id", "in", self.ids), ("state", "in", ("queued", "sent", "failed"))])._cancel()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_with_history(self):
        if self.filtered("head_sequence"):
            raise UserError(self.env._("A person with a history in the ledger can't be removed."))
