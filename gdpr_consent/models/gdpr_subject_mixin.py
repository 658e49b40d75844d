from collections import defaultdict

from odoo import api, fields, models, tools
from odoo.exceptions import AccessError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL
from odoo.tools.mail import email_normalize_all, formataddr
from odoo.tools.sql import column_exists, create_column, table_exists

from .gdpr_purpose import LEGAL_BASES
from .gdpr_subject import CONSENT_STATES

# Columns that exist before the ORM looks, so that it doesn't compute them record by record.
# PostgreSQL keeps a constant default of a new column in its catalogue: no row is written.
COLUMNS = {
    "gdpr_legal_basis": ("varchar", "'not_applicable'"),
    "gdpr_consent_state": ("varchar", "'not_applicable'"),
    "gdpr_restricted": ("bool", "false"),
    "gdpr_subject_id": ("int4", None),
}
PROJECTED_FIELDS = ("gdpr_consent_state", "gdpr_restricted", "gdpr_subject_id")
# The columns of a card that show what is on record of its person, by those of the person.
SHOWN = {
    "gdpr_legal_basis": "legal_basis",
    "gdpr_consent_state": "consent_state",
    "gdpr_restricted": "restricted",
}


class GdprSubjectMixin(models.AbstractModel):
    """A card: a record that describes a person. Inherit it to cover a model of your own.

    Set ``_gdpr_email_field`` and override ``_gdpr_get_name`` and the like where your model differs.
    """

    _name = "gdpr.subject.mixin"
    _description = "Record That Describes a Data Subject"

    _gdpr_email_field = "email"

    gdpr_subject_id = fields.Many2one(
        "gdpr.subject",
        string="Data Subject",
        compute="_compute_gdpr_subject_id",
        store=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        groups="gdpr_consent.group_user",
    )
    gdpr_legal_basis = fields.Selection(
        [("not_applicable", "Not applicable"), *LEGAL_BASES],
        string="Legal Basis",
        compute="_compute_gdpr_legal_basis",
        default=lambda self: self._gdpr_get_default_basis({})[0],
        store=True,
        readonly=False,
        copy=False,
        groups="gdpr_consent.group_user",
        help="Why you may hold this person's data (article 6 GDPR). Only Consent asks the person.",
    )
    gdpr_legal_basis_reason = fields.Text(
        "Reason for the Legal Basis",
        compute="_compute_gdpr_legal_basis_reason",
        readonly=False,
        groups="gdpr_consent.group_user",
        help="Legitimate interests: say how you weighed yours against the person's.",
    )
    gdpr_consent_state = fields.Selection(
        CONSENT_STATES,
        string="Consent",
        compute="_compute_gdpr_projection",
        store=True,
        copy=False,
        groups="gdpr_consent.group_user",
        help="How far the consent is: to be asked, asked, given, refused, taken back, lapsed, or no answer. It follows"
        " what the person does.",
    )
    gdpr_restricted = fields.Boolean(
        "Processing Suspended",
        compute="_compute_gdpr_projection",
        store=True,
        copy=False,
        groups="gdpr_consent.group_user",
        help="The person's data is only stored: Odoo stops whatever would be sent to the person.",
    )
    gdpr_requested_on = fields.Datetime(
        "Consent Asked On", related="gdpr_subject_id.requested_on", groups="gdpr_consent.group_user"
    )
    gdpr_consent_on = fields.Datetime(
        "Consent Given On", related="gdpr_subject_id.consent_on", groups="gdpr_consent.group_user"
    )
    gdpr_consent_source = fields.Selection(
        string="Collected By",
        related="gdpr_subject_id.consent_source",
        groups="gdpr_consent.group_user",
    )
    gdpr_objected = fields.Boolean(
        "Objects to Marketing", related="gdpr_subject_id.objected", groups="gdpr_consent.group_user"
    )
    gdpr_event_ids = fields.One2many(
        "gdpr.consent.event",
        string="History",
        compute="_compute_gdpr_event_ids",
        search="_search_gdpr_event_ids",
        groups="gdpr_consent.group_user",
    )
    gdpr_is_decided = fields.Boolean(
        "Found Not Applicable",
        compute="_compute_gdpr_is_decided",
        search="_search_gdpr_is_decided",
        groups="gdpr_consent.group_user",
        help="Somebody decided that no legal basis is needed; that none was chosen says nothing.",
    )
    gdpr_failure_reason = fields.Text(
        "Why the Request Failed", compute="_compute_gdpr_telling", groups="gdpr_consent.group_user"
    )

    def _auto_init(self):
        # Instant on a table of any size, at the install and when a model becomes a card later.
        if not self._abstract and table_exists(self.env.cr, self._table):
            for name, (column_type, default) in COLUMNS.items():
                if not column_exists(self.env.cr, self._table, name):
                    self._gdpr_create_column(name, column_type, default)
        return super()._auto_init()

    def _gdpr_create_column(self, name, column_type, default):
        if not default:
            create_column(self.env.cr, self._table, name, column_type)
            return
        table, column = SQL.identifier(self._table), SQL.identifier(name)
        self.env.cr.execute(
            SQL("ALTER TABLE %s ADD COLUMN %s %s DEFAULT %s", table, column, SQL(column_type), SQL(default))
        )
        # The ORM gives every new row a value; a default in the database would hide it if it didn't.
        self.env.cr.execute(SQL("ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT", table, column))

    # ------------------------------------------------------------
    # COMPUTES
    # ------------------------------------------------------------

    def _compute_gdpr_subject_id(self):
        """Runs for new records only: what is stored is set by ``_gdpr_ensure_subjects``.

        Computed, so that Odoo's merge of contacts doesn't copy it from one contact to another.
        """
        self.gdpr_subject_id = False

    @api.depends("gdpr_subject_id.legal_basis")
    def _compute_gdpr_legal_basis(self):
        for card in self:
            card.gdpr_legal_basis = card.gdpr_subject_id.legal_basis or "not_applicable"

    # Apart from the basis: while that is written, what it is computed with isn't recomputed.
    @api.depends("gdpr_subject_id.consent_state", "gdpr_subject_id.restricted")
    def _compute_gdpr_projection(self):
        for card in self:
            subject = card.gdpr_subject_id
            card.gdpr_consent_state = subject.consent_state or "not_applicable"
            card.gdpr_restricted = subject.restricted

    @api.depends("gdpr_subject_id.history_ids")
    @api.depends_context("uid", "allowed_company_ids")
    def _compute_gdpr_event_ids(self):
        """What the user may see of the history: not what the person said to a company of others."""
        roots = self.sudo().gdpr_subject_id.root_id
        # No more than tells whose they are: what they say is read when it is shown.
        events = self.env["gdpr.consent.event"].search_fetch([("subject_id.root_id", "in", roots.ids)], ["subject_id"])
        by_root = events.grouped(lambda event: event.sudo().subject_id.root_id.id)
        for card in self:
            card.gdpr_event_ids = by_root.get(card.sudo().gdpr_subject_id.root_id.id, events.browse())

    @api.depends("gdpr_subject_id.history_ids")
    def _compute_gdpr_is_decided(self):
        known = self.sudo().with_context(active_test=False)
        decided = set(known.search([("id", "in", self.ids), ("gdpr_is_decided", "=", True)]).ids)
        for card in self:
            card.gdpr_is_decided = card._origin.id in decided

    def _search_gdpr_is_decided(self, operator, value):
        """A decision of the person behind the card counts, in whichever of the joined histories it stands."""
        if operator != "in":
            return NotImplemented
        self.env["gdpr.subject"].flush_model(["root_id"])
        return Domain(
            "gdpr_subject_id",
            "in",
            SQL(
                """(
                SELECT member.id FROM gdpr_subject member WHERE member.root_id IN (
                    SELECT history.root_id FROM gdpr_subject history
                      JOIN gdpr_consent_event event ON event.subject_id = history.id
                     WHERE event.action = 'basis_changed' AND event.legal_basis = 'not_applicable'
                       AND event.actor != 'system'
                ))"""
            ),
        )

    def _search_gdpr_event_ids(self, operator, value):
        return Domain("gdpr_subject_id.history_ids", operator, value)

    # ------------------------------------------------------------
    # CRUD
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """Give new records the default basis, through the one door."""
        self._gdpr_refuse_projected(set().union(*vals_list))
        forged = [key for key in self.env.context if key.startswith("default_gdpr_")]
        if forged:
            self = self.with_env(self.env(context={k: v for k, v in self.env.context.items() if k not in forged}))
        for name in ("gdpr_legal_basis", "gdpr_legal_basis_reason"):
            if any(name in vals for vals in vals_list):
                self._check_field_access(self._fields[name], "write")
        vals_list = [dict(vals) for vals in vals_list]
        bases = [self._gdpr_pop_basis(vals) for vals in vals_list]
        if any(is_chosen for *_basis, is_chosen in bases):
            self._gdpr_check_group("gdpr_consent.group_officer")
        cards = super().create(vals_list)
        # At once: what is shown on other cards meanwhile lets go of what waits to be computed.
        cards._recompute_recordset([*SHOWN])
        cards.sudo()._gdpr_adopt_subjects()
        by_basis = defaultdict(self.browse)
        for card, basis in zip(cards, bases, strict=True):
            if basis[0] != "not_applicable":
                by_basis[basis] += card
        for (basis, reason, is_chosen), starting in by_basis.items():
            if is_chosen:
                starting._gdpr_apply_basis(basis, reason)
            else:
                # What is on record of a known person comes before the default.
                starting = self.env["gdpr.scope"]._filter_covered(starting)
                starting = starting.filtered(lambda card: not card.sudo().gdpr_subject_id)
                starting._gdpr_apply_basis(basis, reason, actor="system")
        return cards

    def _prepare_create_values(self, vals_list):
        """Leave the default basis out, which would be written as if the user had chosen it (see ``create``)."""
        vals_list = super()._prepare_create_values(vals_list)
        for vals in vals_list:
            vals.pop("gdpr_legal_basis", None)
        return vals_list

    def write(self, vals):
        """Set the legal basis through the one door. The reason on record was for the basis before."""
        self._gdpr_refuse_projected(vals)
        chosen = {name: vals[name] for name in ("gdpr_legal_basis", "gdpr_legal_basis_reason") if name in vals}
        if not chosen:
            return super().write(vals)
        self.check_access("write")
        for name in chosen:
            self._check_field_access(self._fields[name], "write")
        others = {name: value for name, value in vals.items() if name not in chosen}
        reason = chosen.get("gdpr_legal_basis_reason")
        if "gdpr_legal_basis" not in chosen:
            super().write(others)
            for basis, cards in self.grouped("gdpr_legal_basis").items():
                cards.gdpr_set_legal_basis(basis or "not_applicable", reason)
            return True
        field = self._fields["gdpr_legal_basis"]
        basis = chosen["gdpr_legal_basis"] or "not_applicable"
        self._gdpr_check_basis(basis)
        watched = [field] if self._gdpr_is_watched() else []
        if watched:
            # An automation rule sees in ``write`` what is written: it isn't to see it again when it is computed.
            others["gdpr_legal_basis"] = basis
        if others:
            super().write(others)
        with self.env.protecting(watched, self):
            self.gdpr_set_legal_basis(basis, reason)
        return True

    def _gdpr_refuse_projected(self, names):
        if "gdpr_restricted" in names and "gdpr_consent_state" not in names:
            raise AccessError(
                self.env._(
                    "The processing isn't suspended or resumed by hand: it follows from what the person asked. Make a"
                    " data-subject request, or resume the processing from the one that suspends it."
                )
            )
        if not set(PROJECTED_FIELDS).isdisjoint(names):
            raise AccessError(
                self.env._(
                    "Consent isn't set by hand: it follows from what the person answered. Send the consent"
                    " form, or record a consent given on the phone, in a meeting or on paper."
                )
            )

    # ------------------------------------------------------------
    # WHAT A CARD TELLS; override where a model differs
    # ------------------------------------------------------------

    def _gdpr_get_name(self):
        """Give the person's name."""
        self.ensure_one()
        return self.display_name

    def _gdpr_get_lang(self):
        """Give the language to write to the person in, a code of an installed language."""
        self.ensure_one()
        return self._gdpr_get_company().partner_id.lang or self.env.lang or "en_US"

    def _gdpr_get_company(self):
        """Give the company that is the controller of the card's data."""
        self.ensure_one()
        return self._gdpr_get_own_company() or self.env.company

    def _gdpr_get_own_company(self):
        """Give the company that alone sees the card; empty when all do."""
        self.ensure_one()
        return self.sudo().company_id if "company_id" in self._fields else self.env["res.company"]

    def _gdpr_get_email(self):
        """Give the one normalised address of the person, or False."""
        self.ensure_one()
        # Asked of a hundred thousand: the text is taken apart once.
        emails = email_normalize_all(self[self._gdpr_email_field] or "")
        return len(emails) == 1 and not emails[0].startswith("@") and emails[0]

    def _gdpr_get_email_formatted(self):
        self.ensure_one()
        return formataddr((self._gdpr_get_name() or "", self._gdpr_get_email() or ""))

    def _gdpr_get_phone_fields(self):
        """Give the names of the fields with a number of the person."""
        return [name for name in ("phone", "phone_sanitized") if name in self._fields]

    def _gdpr_get_own_addresses(self):
        """Give the records of the same kind that are only further addresses of the person; archived ones too."""
        return self.browse()

    # ------------------------------------------------------------
    # CARDS AND PERSONS
    # ------------------------------------------------------------

    @api.model
    @tools.ormcache()
    def _get_card_models(self):
        """Give the names of the models that are cards."""
        mixin = self.env.registry["gdpr.subject.mixin"]
        return frozenset(
            name
            for name, model in self.env.registry.items()
            if issubclass(model, mixin) and not model._abstract and not model._transient
        )

    @api.model
    def _get_cards(self, model, ids):
        """Give the existing cards of a model, or None when the model isn't one of cards."""
        if model not in self._get_card_models():
            return None
        return self.env[model].browse(ids).exists()

    def _gdpr_ensure_subjects(self):
        """Make the person behind each card that has none yet.

        :return: the persons
        :rtype: gdpr.subject
        """
        cards = self.sudo()
        cards.fetch(["gdpr_subject_id"])
        without = cards.filtered(lambda card: not card.gdpr_subject_id)
        if without:
            without._gdpr_adopt_subjects(make=True)
            without = without.filtered(lambda card: not card.gdpr_subject_id)
        if without:
            if "company_id" in self._fields:
                without.fetch(["company_id"])
            company_ids = [card._gdpr_get_own_company().id for card in without]
            without._gdpr_link_subjects(self.env["gdpr.subject"]._make(company_ids))
        cards.fetch(["gdpr_subject_id"])
        return cards.gdpr_subject_id

    def _gdpr_adopt_subjects(self, make=False):
        """Take over the person of a card that stands for the same person. Nothing, by default.

        :param bool make: make the person of that card where it has none yet
        """

    def _gdpr_take_over(self, others):
        """Take over the history and the open requests of cards that are merged into this one.

        What was said to another company stays with it: each is its own controller.
        """
        self.ensure_one()
        company = self._gdpr_get_own_company()
        others = others.filtered(lambda card: not (company and card._gdpr_get_own_company() - company))
        requests = self.env["gdpr.consent.request"].sudo()
        requests.search([("res_model", "=", self._name), ("res_id", "in", others.ids)]).write({"res_id": self.id})
        for subject in others.gdpr_subject_id:
            if self.gdpr_subject_id:
                self.gdpr_subject_id._join(subject, self.env._("Two records of this person were merged."))
            else:
                self._gdpr_link_subject(subject)

    def _gdpr_check_group(self, group):
        if not self.env.su and not self.env.user.has_group(group):
            raise AccessError(
                self.env._(
                    "You need the role “%(group)s” for this. Ask your privacy officer.",
                    group=self.env.ref(group).sudo().display_name,
                )
            )

    # ------------------------------------------------------------
    # ARGUMENTS OF THE PUBLIC METHODS
    # ------------------------------------------------------------

    @api.model
    def _gdpr_browse(self, model, value):
        """Give the record meant by a record, an id or nothing."""
        return value if isinstance(value, models.BaseModel) else self.env[model].browse(value or None)

    @api.model
    def _gdpr_browse_by_code(self, model, value):
        """Give the records meant by records, ids or codes."""
        if isinstance(value, models.BaseModel):
            return value
        value = [value] if isinstance(value, (str, int)) else value or []
        if all(isinstance(item, str) for item in value):
            records = self.env[model]._get_by_codes(value)
            unknown = set(value) - set(records.mapped("code"))
            if unknown:
                raise ValidationError(self.env._("Unknown: %(codes)s.", codes=", ".join(sorted(unknown))))
            return records
        return self.env[model].browse(value)
