from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Domain

from ..tools.immutability import forbid_changes
from .gdpr_purpose import LEGAL_BASES

SOURCES = [
    ("email", "E-mail link"),
    ("portal", "Portal"),
    ("website", "Web site"),
    ("phone", "Phone"),
    ("meeting", "Meeting"),
    ("paper", "Paper"),
    ("import", "Import"),
    ("api", "API"),
]

# What the hash of an event covers, beside its salted commitments.
HASHED_COLUMNS = (
    "subject_id",
    "sequence",
    "action",
    "act",
    "legal_basis",
    "purpose_id",
    "channel_codes",
    "occurred_on",
    "recorded_on",
    "expires_on",
    "source",
    "actor",
    "user_id",
    "version_id",
    "request_id",
    "company_id",
)
# Covered where they say something: they are younger than the first ledgers.
HASHED_WHERE_SET = ("related_subject_id", "version_sha256")


class GdprConsentEvent(models.Model):
    """The ledger: everything that ever happened, append-only.

    Written by ``gdpr.subject._record_acts`` alone; PostgreSQL refuses any change. The actions, and
    who records them:

    * basis_changed: an officer chose a legal basis, or a new record got the default one;
    * asked: the mail with the consent form left, or failed to leave (delivery_failed), or came back
      (bounced);
    * declared: somebody typed, imported or sent that the person agrees; nothing is given until the person
      confirms from the mailbox, or it lapses (confirmation_lapsed);
    * given, refused, withdrawn: the person answered, or an operator recorded the person's words;
    * channels_withdrawn: the person took single channels of a purpose back;
    * requested: the person asked something under articles 15 to 22;
    * unproven: somebody brought in that the person agrees, without proof that counts; nothing is given;
    * noted: the person left a note, and decided nothing;
    * late_answer: the person answered with a link that had already been used; nothing changed;
    * expired, no_response: a period of the settings has passed;
    * renewal_due: a material change of the wording was published, so the person must be asked anew;
    * restricted, unrestricted: processing was suspended, or taken up again; exempted: an officer said why a message
      must go out all the same;
    * written_to: somebody wrote to the person by hand through a channel that the person had closed to marketing;
    * objected: the person wants no marketing at all; objection_lifted: the person agreed to marketing since;
    * joined, absorbed: two histories turned out to be one person's; the first is the event of the survivor, the
      second of the history that goes on there. split, separated: they turned out not to be;
    * erased: the personal values of the history were erased.
    """

    _name = "gdpr.consent.event"
    _description = "Consent Event"
    _order = "id DESC"
    _rec_name = "action"
    _log_access = False

    subject_id = fields.Many2one(
        "gdpr.subject", required=True, index=True, ondelete="restrict", help="Whose history it is in."
    )
    sequence = fields.Integer(required=True, help="Place of the event in the person's history.")
    action = fields.Selection(
        [
            ("basis_changed", "Legal basis set"),
            ("asked", "Consent asked"),
            ("delivery_failed", "Sending failed"),
            ("bounced", "Message came back"),
            ("declared", "Consent declared, not confirmed"),
            ("confirmation_lapsed", "Not confirmed"),
            ("unproven", "Consent imported without proof"),
            ("given", "Consent given"),
            ("refused", "Consent refused"),
            ("withdrawn", "Consent withdrawn"),
            ("channels_withdrawn", "Channels withdrawn"),
            ("requested", "Request about the data"),
            ("noted", "Note from the person"),
            ("late_answer", "Answer with a used link"),
            ("expired", "Consent expired"),
            ("no_response", "No answer in time"),
            ("renewal_due", "Consent due for renewal"),
            ("restricted", "Processing suspended"),
            ("unrestricted", "Processing resumed"),
            ("exempted", "Message sent although suspended"),
            ("written_to", "Message to one person in spite of a no"),
            ("objected", "Objection to marketing"),
            ("objection_lifted", "Objection to marketing lifted"),
            ("joined", "Joined with another history"),
            ("absorbed", "Goes on in another history"),
            ("split", "Split from another history"),
            ("separated", "Separated again"),
            ("erased", "Personal values erased"),
        ],
        required=True,
    )
    number = fields.Char(
        compute="_compute_number",
        search="_search_number",
        help="Names the event outside Odoo: the reference of the person and the place in the history.",
    )
    act = fields.Char(required=True, help="Events with the same mark were one act of one person.")
    legal_basis = fields.Selection([("not_applicable", "Not applicable"), *LEGAL_BASES])
    purpose_id = fields.Many2one(
        "gdpr.purpose",
        ondelete="restrict",
        help="What the event is about; empty where it is about the person as a whole.",
    )
    channel_codes = fields.Char(help="The channels allowed, by code, separated by commas.")
    channel_ids = fields.Many2many("gdpr.channel", string="Channels", compute="_compute_channel_ids")
    occurred_on = fields.Datetime(
        string="When",
        required=True,
        help="When it happened; for what is entered by hand, the moment that was typed in.",
    )
    recorded_on = fields.Datetime(
        required=True, help="When it was written into the ledger, by the clock of the server."
    )
    expires_on = fields.Datetime(help="When the consent lapses, unless it is renewed.")
    source = fields.Selection(SOURCES, help="Where the person spoke, or how it came in.")
    actor = fields.Selection(
        [("person", "The person"), ("operator", "Operator"), ("system", "System")],
        required=True,
        help="Who acted: the person, somebody of the staff, or Odoo by itself.",
    )
    user_id = fields.Many2one("res.users", ondelete="restrict", help="Who of the staff recorded it.")
    version_id = fields.Many2one(
        "gdpr.consent.form.version",
        string="Wording",
        index="btree_not_null",
        ondelete="restrict",
        help="The frozen words the person saw, as the ledger keeps them.",
    )
    version_sha256 = fields.Char(
        "SHA-256 of the Wording", help="Kept with the event, so that the wording can't be altered either."
    )
    request_id = fields.Many2one("gdpr.consent.request", index="btree_not_null", ondelete="restrict")
    company_id = fields.Many2one("res.company", ondelete="restrict")
    related_subject_id = fields.Many2one(
        "gdpr.subject", string="Other History", ondelete="restrict", help="The one joined with, or split from."
    )
    commitments = fields.Json(readonly=True)
    previous_hash = fields.Char(
        required=True, help="The hash of the event before; so each event vouches for all before it."
    )
    hash = fields.Char(required=True, help="Calculated from the whole event and the hash before: any change shows.")
    value_ids = fields.One2many("gdpr.consent.event.value", "event_id", string="Personal Values")
    description = fields.Char(string="What", compute="_compute_description", help="What happened.")
    details = fields.Text(
        compute="_compute_details",
        help="What was noted with the event: who proves it, what the person wrote, from where. Erased with the "
        "person; the event stays.",
    )

    _subject_sequence_uniq = models.Constraint(
        "UNIQUE(subject_id, sequence)", "Two events can't have the same place in a history."
    )
    _given_has_wording = models.Constraint(
        "CHECK (action != 'given' OR (version_id IS NOT NULL AND purpose_id IS NOT NULL))",
        "A consent is recorded only with the wording that was shown and its purpose.",
    )
    # Small, and enough for a table that grows with time.
    _occurred_on_index = models.Index("USING brin (occurred_on)")
    # Who was looked at and found not applicable, among all who have a history (overview).
    _decided_index = models.Index(
        "(subject_id) WHERE action = 'basis_changed' AND legal_basis = 'not_applicable' AND actor != 'system'"
    )
    _unproven_index = models.Index("(subject_id) WHERE action = 'unproven'")

    def init(self):
        forbid_changes(self.env.cr, self._table, "UPDATE OR DELETE")

    @api.depends("subject_id.reference", "sequence")
    def _compute_number(self):
        for event in self:
            event.number = f"{event.subject_id.reference}-{event.sequence}"

    def _search_number(self, operator, value):
        if operator != "in":
            return NotImplemented
        found = Domain.FALSE
        for number in value:
            reference, _dash, sequence = (number or "").strip().upper().rpartition("-")
            if sequence.isdecimal() and len(sequence) < 10:
                found |= Domain("subject_id.reference", "=", reference) & Domain("sequence", "=", int(sequence))
        return found

    @api.depends("channel_codes")
    def _compute_channel_ids(self):
        codes_by_event = {event: list(filter(None, (event.channel_codes or "").split(","))) for event in self}
        channels = self.env["gdpr.channel"]._get_ids_by_code(
            {code for codes in codes_by_event.values() for code in codes}
        )
        for event, codes in codes_by_event.items():
            event.channel_ids = [channels[code] for code in codes if code in channels]

    @api.depends("action", "purpose_id", "channel_codes", "legal_basis", "related_subject_id")
    @api.depends_context("lang")
    def _compute_description(self):
        actions = dict(self._fields["action"]._description_selection(self.env))
        bases = dict(self._fields["legal_basis"]._description_selection(self.env))
        for event in self:
            parts = [event.purpose_id.sudo().display_name] if event.purpose_id else []
            if event.action == "basis_changed":
                parts.append(bases[event.legal_basis])
            if event.related_subject_id:
                parts.append(event.related_subject_id.sudo().reference)
            if event.channel_ids:
                parts.append(", ".join(event.channel_ids.mapped("name")))
            event.description = ": ".join(
                [actions[event.action], " – ".join(parts)] if parts else [actions[event.action]]
            )

    @api.depends("value_ids")
    @api.depends_context("lang")
    def _compute_details(self):
        labels = {
            "note": self.env._("Note"),
            "reason": self.env._("Reason"),
            "evidence": self.env._("Evidence"),
            "evidence_file": self.env._("File"),
            "email": self.env._("Address"),
            "language": self.env._("Language"),
            "ip_address": self.env._("IP address"),
            "user_agent": self.env._("Browser"),
            "answer": self.env._("Answer"),
            "request": self.env._("Request"),
            "exemption": self.env._("Counts without confirmation because"),
            "cards": self.env._("Records"),
            "stated": self.env._("Stated"),
        }
        values = self.env["gdpr.consent.event.value"].search_fetch(
            [("event_id", "in", self.ids)], ["event_id", "name", "value"]
        )
        by_event = values.grouped("event_id")
        for event in self:
            event.details = "\n".join(
                f"{labels.get(value.name, value.name)}: {value.value}" for value in by_event.get(event, ())
            )

    @api.model_create_multi
    def create(self, vals_list):
        raise AccessError(self.env._("The ledger is written by the acts it records only."))

    def write(self, vals):
        raise AccessError(self.env._("The ledger can't be changed."))

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise AccessError(self.env._("The ledger can't be changed."))

    def action_show_wording(self):
        """Open the text the person saw."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Wording"),
            "res_model": "gdpr.consent.form.version",
            "res_id": self.version_id.id,
            "view_mode": "form",
            "target": "new",
        }

    def _get_value(self, name):
        """Give one personal value of the event, or False when there is none or it was erased."""
        return self.value_ids.filtered(lambda value: value.name == name)[:1].value
