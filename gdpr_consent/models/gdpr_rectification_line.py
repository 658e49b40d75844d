import re
from typing import NamedTuple

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools.mail import email_normalize

# Why a record stays as it is. Who finds the whole request unfounded, or can't tell who asks, refuses the request.
GROUNDS = [
    ("accurate", "The data is right as it is (article 16)"),
    ("as_stated", "It says correctly what was stated or judged at the time"),
    ("unproven", "We can't verify that it is wrong"),
    ("not_needed", "It isn't needed for what we use the data for (article 16)"),
    ("national_law", "A limit set by national law (article 23)"),
    ("other", "Another reason"),
]
# Letters and digits, in groups or not, with two digits at least.
TAX_ID = re.compile(r"(?=(?:\D*\d){2})[A-Za-z0-9](?:[ ./+&*-]?[A-Za-z0-9]){2,24}")
# Those of cards that hold the person's address.
EMAIL_FIELDS = ("email", "email_from")
# What an officer writes; all else is the person's, or follows from what is done.
DECIDED_BY_HAND = frozenset({"is_chosen", "ground", "explanation"})


class Proposal(NamedTuple):
    """What a person says of one value: ``text`` is right; empty, it has to go. ``shown`` is what the person saw."""

    model: str
    res_id: int
    field: str
    text: str
    shown: str | None = None


class GdprRectificationLine(models.Model):
    """One value that a person wants corrected or completed (article 16): what is on record next to what is right.

    * proposed: the person said so;
    * applied: an officer wrote it to the record;
    * handled: an officer has said what was done about the person's own words;
    * rejected: an officer has said why it stays as it is (article 12(4)).
    """

    _name = "gdpr.rectification.line"
    _description = "Correction"
    _order = "id"
    _rec_name = "label"

    request_id = fields.Many2one("gdpr.subject.request", required=True, readonly=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="request_id.company_id", store=True)
    res_model = fields.Char(readonly=True, help="Empty: the person's own words, for somebody to read.")
    res_id = fields.Integer(readonly=True)
    field = fields.Char(readonly=True)
    record = fields.Char("Record As Sent", readonly=True)
    label = fields.Char("What", required=True, readonly=True, help="As the person reads it.")
    shown_label = fields.Char(
        "What It Is", compute="_compute_shown_label", help="In the language of the officer who looks at it."
    )
    shown_record = fields.Char(
        "Record", compute="_compute_shown_record", help="In the language of the officer who looks at it."
    )
    old_value = fields.Char("On Record", readonly=True, help="As the person was shown it.")
    new_value = fields.Text("What the Person Says", readonly=True)
    proposal = fields.Text("Proposed Value", compute="_compute_proposal", help="What the person wants it to be.")
    current_value = fields.Char(
        "Changed Meanwhile To", compute="_compute_current_value", help="What is on the record now, where it differs."
    )
    reviewed_value = fields.Char(readonly=True, help="What was on the record when an officer was asked to look again.")
    is_reviewed = fields.Boolean(readonly=True)
    is_overtaken = fields.Boolean(compute="_compute_current_value", help="Nobody has looked at what is there now.")
    is_chosen = fields.Boolean("Apply", help="Ticked: it is written into the record when you apply the corrections.")
    ground = fields.Selection(GROUNDS, "Why Not", help="Why it isn't changed. The person reads it.")
    explanation = fields.Text(
        "In Words", help="The person reads this: why it stays as it is, or what was done about the person's own words."
    )
    state = fields.Selection(
        [("proposed", "Proposed"), ("applied", "Applied"), ("handled", "Handled"), ("rejected", "Rejected")],
        required=True,
        readonly=True,
        default="proposed",
        help="Applied: the record has the new value. Handled: it was put right in another way. Rejected: it stays."
        " The person reads why.",
    )
    user_id = fields.Many2one("res.users", string="Decided By", readonly=True, help="Who decided.")
    decided_on = fields.Datetime(readonly=True, help="When it was decided.")

    @api.depends("label", "res_model", "field")
    @api.depends_context("lang")
    def _compute_shown_label(self):
        for line in self:
            # Without a model: the person's own words.
            line.shown_label = line._get_field_label() if line.res_model else self.env._("In the person's words")

    @api.depends("res_model", "res_id")
    @api.depends_context("lang")
    def _compute_shown_record(self):
        self.shown_record = False
        for model, lines in self.filtered(lambda line: line.res_model in self.env).grouped("res_model").items():
            kind = self.env["ir.model"]._get(model).name
            # An officer reads what is held of the person, whatever the officer's rights elsewhere.
            records = self.env[model].sudo().browse(set(lines.mapped("res_id"))).exists()
            names = {record.id: record.display_name for record in records}
            for line in lines:
                line.shown_record = f"{kind}: {names[line.res_id]}" if line.res_id in names else kind

    def _get_field_label(self):
        labels = self.env["ir.model.fields"].get_field_string(self.res_model) if self.res_model in self.env else {}
        return labels.get(self.field) or self.label

    @api.depends("res_model", "new_value")
    @api.depends_context("lang")
    def _compute_proposal(self):
        nothing = self.env._("(to be removed)")
        for line in self:
            line.proposal = line.new_value or (line.res_model and line.res_id and nothing)

    @api.depends("state", "old_value", "reviewed_value", "is_reviewed")
    @api.depends_context("lang")
    def _compute_current_value(self):
        waiting = self.filtered(lambda line: line.state == "proposed" and line.res_model)
        for line in self - waiting:
            line.current_value = line.is_overtaken = False
        for request, lines in waiting.grouped("request_id").items():
            values = request._get_card_values()
            for line in lines:
                value = values.get((line.res_model, line.res_id, line.field))
                seen = line.reviewed_value if line.is_reviewed else line.old_value
                changed = value is not None and value.split() != (line.old_value or "").split()
                line.current_value = changed and (value or self.env._("(nothing)"))
                line.is_overtaken = value is not None and value.split() != (seen or "").split()

    def write(self, vals):
        """Let what the person said, and what was decided, stand."""
        if not self.env.su and not DECIDED_BY_HAND.issuperset(vals):
            raise AccessError(self.env._("What the person says isn't changed: decide on it, and say why."))
        if not DECIDED_BY_HAND.isdisjoint(vals) and self.filtered(lambda line: line.state != "proposed"):
            raise UserError(self.env._("This correction was decided already."))
        return super().write(vals)

    def _apply(self):
        """Write these corrections to their records, with the user's own rights.

        :raise UserError: one can't be written, none is then; or nobody says what was done about the person's words
        """
        statements = self.filtered(lambda line: not line.res_model)
        if any(not (line.explanation or "").strip() for line in statements):
            raise UserError(self.env._("Say in words what was done about what the person wrote."))
        by_record = self.filtered("res_model").grouped(lambda line: (line.res_model, line.res_id))
        for (model, res_id), lines in by_record.items():
            record = self.env[model].browse(res_id).exists()
            if not record:
                raise UserError(self.env._("%(record)s isn't there any more.", record=lines[0].record))
            record.check_access("write")
            lines._check_addresses()
            values = lines._convert(record)
            lines._check_tax_id(record, values)
            record.write(values)
            if hasattr(record, "_message_log"):
                record._message_log(
                    body=self.env._(
                        "Corrected at the person's request %(number)s: %(fields)s",
                        number=lines[0].request_id.name,
                        fields=", ".join(lines.mapped("label")),
                    )
                )
        (self - statements)._decide("applied")
        statements._decide("handled")

    def _check_addresses(self):
        """Refuse an e-mail address to which nothing can be sent.

        :raise UserError: so
        """
        for line in self:
            if line.field in EMAIL_FIELDS and line.new_value and not email_normalize(line.new_value):
                raise UserError(
                    self.env._(
                        "%(label)s: “%(value)s” is no e-mail address. Ask the person, or reject the correction and say"
                        " why.",
                        label=line.label,
                        value=line.new_value,
                    )
                )

    def _check_tax_id(self, record, values):
        """Refuse a tax number that can't be one: Odoo checks it where its module is installed and a country is known.

        :param dict values: to be written to the record
        :raise UserError: so
        """
        line = self.filtered(lambda line: line.field == "vat")
        text = (values.get("vat") or "").strip() if line else ""
        # A slash says that the person isn't subject to tax.
        if text in ("", "/"):
            return
        countries = self.env["res.country"]
        country = countries.browse(values.get("country_id", record.country_id.id))
        # Without a country Odoo takes anything, even where a number begins with the code of one.
        country = country or countries.search([("code", "=", text[:2].upper())], limit=1)
        if country and hasattr(record, "_check_vat_number"):
            record._run_vat_checks(country, text, partner_name=record.display_name)
        elif not TAX_ID.fullmatch(text):
            raise UserError(
                self.env._(
                    "%(label)s: “%(value)s” is no tax number. Ask the person, or reject the correction and say why.",
                    label=line.label,
                    value=text,
                )
            )

    def _reject(self):
        """Leave the records as they are.

        :raise UserError: a line doesn't say why
        """
        for line in self:
            if not line.ground or line.ground == "other" and not (line.explanation or "").strip():
                raise UserError(
                    self.env._(
                        "%(label)s: say why it stays as it is. The person has a right to know (article 12(4) GDPR).",
                        label=line.label,
                    )
                )
        self._decide("rejected")

    def _ask_again(self):
        """Untick what was changed on the records meanwhile, so that somebody looks at it."""
        for request, lines in self.sudo().grouped("request_id").items():
            values = request._get_card_values()
            for line in lines:
                now = values[line.res_model, line.res_id, line.field]
                line.write({"is_chosen": False, "is_reviewed": True, "reviewed_value": now})

    def _get_reason(self):
        """Give why this stays as it is, for the person to read."""
        self.ensure_one()
        ground = self.ground != "other" and dict(self._fields["ground"]._description_selection(self.env))[self.ground]
        return ": ".join(filter(None, [ground, self.explanation]))

    def _describe(self, words):
        self.ensure_one()
        return f"{self.label} ({words})" if words else self.label

    def _decide(self, state):
        self.sudo().write({"state": state, "user_id": self.env.uid, "decided_on": fields.Datetime.now()})

    def _forget_values(self):
        """Remove what these corrections say of the person, and keep that something was corrected."""
        self.write(
            {"old_value": False, "new_value": False, "reviewed_value": False, "explanation": False, "res_id": False}
        )

    def _convert(self, record):
        """Give the values to write, from the words of the person: names and labels in the person's language.

        :raise UserError: a text doesn't say what the field can hold
        """
        speaking = record.with_context(lang=self[0].request_id.lang)
        problems = {}
        with self.env.cr.savepoint(flush=False) as savepoint:
            convert = self.env["ir.fields.converter"].with_context(lang=speaking.env.lang, import_file=False)
            convert = convert.for_model(speaking, savepoint=savepoint)
            # Of a linked record the name is given.
            relational = {line.field for line in self if record._fields[line.field].relational}
            given = {
                line.field: [{None: line.new_value}] if line.field in relational and line.new_value else line.new_value
                for line in self
            }
            values = convert(given, lambda field, problem: problems.setdefault(field, problem))
        for line in self.filtered(lambda line: line.field in problems):
            raise UserError(
                self.env._(
                    "%(label)s: “%(value)s” can't be written. Correct it on the record by hand.",
                    label=line.label,
                    value=line.new_value,
                )
            )
        return values

    @api.constrains("res_model", "field")
    def _check_field(self):
        for line in self.filtered("res_model"):
            if line.field not in self.env[line.res_model]._fields:
                raise ValidationError(self.env._("“%(field)s” isn't a field of the record.", field=line.field))
