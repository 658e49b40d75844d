from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError


class GdprRectificationLine(models.Model):
    """One value that a person wants corrected or completed (article 16): what is on record next to what is right.

    * proposed: the person said so; applied: an officer wrote it to the record; rejected: it stays as it is.
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
    record = fields.Char(readonly=True)
    label = fields.Char("What", required=True, readonly=True)
    old_value = fields.Char("On Record", readonly=True)
    new_value = fields.Text("What the Person Says", readonly=True)
    is_chosen = fields.Boolean("Apply")
    state = fields.Selection(
        [("proposed", "Proposed"), ("applied", "Applied"), ("rejected", "Rejected")],
        required=True,
        readonly=True,
        default="proposed",
    )
    user_id = fields.Many2one("res.users", string="Decided By", readonly=True)
    decided_on = fields.Datetime(readonly=True)

    def write(self, vals):
        """Let what was decided stand."""
        if "is_chosen" in vals and self.filtered(lambda line: line.state != "proposed"):
            raise UserError(self.env._("This correction was decided already."))
        return super().write(vals)

    def _apply(self):
        """Write these corrections to their records, with the user's own rights.

        :raise UserError: one of them can't be written; none is then
        """
        by_record = self.filtered("res_model").grouped(lambda line: (line.res_model, line.res_id))
        for (model, res_id), lines in by_record.items():
            record = self.env[model].browse(res_id).exists()
            if not record:
                raise UserError(self.env._("%(record)s isn't there any more.", record=lines[0].record))
            record.check_access("write")
            record.write(lines._convert(record))
            if hasattr(record, "_message_log"):
                record._message_log(
                    body=self.env._(
                        "Corrected at the person's request %(number)s: %(fields)s",
                        number=lines[0].request_id.name,
                        fields=", ".join(lines.mapped("label")),
                    )
                )
        self._decide("applied")

    def _decide(self, state):
        self.sudo().write({"state": state, "user_id": self.env.uid, "decided_on": fields.Datetime.now()})

    def _forget_values(self):
        """Remove what these corrections say of the person, and keep that something was corrected."""
        self.write({"old_value": False, "new_value": False, "res_id": False})

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
