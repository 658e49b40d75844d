import re

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..tools.cells import make_unique

ORIGINS = [
    ("provided", "The person gave it"),
    ("observed", "It was observed"),
    ("derived", "It was derived"),
    ("other_person", "It is about somebody else"),
    ("none", "Not personal"),
]
ERASURES = [("empty", "Emptied"), ("keep", "Kept")]
PERSONAL_ORIGINS = ("provided", "observed", "derived")


class GdprDataMapField(models.Model):
    """Fields of a place of personal data that are of one kind, of one origin, and erased alike."""

    _name = "gdpr.data.map.field"
    _description = "Fields of a Place of Personal Data"
    _order = "sequence, id"

    map_id = fields.Many2one("gdpr.data.map", string="Place", required=True, index=True, ondelete="cascade")
    sequence = fields.Integer(default=10)
    names = fields.Char(
        "Fields",
        required=True,
        help="Technical names, separated by commas. A question mark after a name: another app adds the field.",
    )
    category_id = fields.Many2one(
        "gdpr.data.category",
        string="Kind of Data",
        ondelete="restrict",
        help="What kind of data it is, as the person reads it in an answer.",
    )
    origin = fields.Selection(
        ORIGINS,
        required=True,
        default="provided",
        help="Export takes what the person gave and what was observed; access all that is about the person.",
    )
    erasure = fields.Selection(
        ERASURES,
        string="On Anonymising",
        required=True,
        default="empty",
        help="What becomes of the value when the record stays. A required value is replaced by a placeholder.",
    )
    is_free_text = fields.Boolean("Free Text", help="It may name other people: somebody looks before it is given out.")
    reason = fields.Char(translate=True, help="Why it isn't personal, or why it is kept.")

    @api.constrains("names", "map_id")
    def _check_names(self):
        for line in self:
            records = line.map_id._get_records()
            if records is None:
                continue
            if missing := line._get_missing_names():
                raise ValidationError(line.map_id._describe_missing(missing))

    @api.model
    def _name_shipped_lines(self):
        """Give the lines that came with the rows of an add-on external ids, so that their reasons can be translated.

        Lines are written inside their rows, which alone have one. What was added by hand later isn't shipped: where
        one line has an id already nothing is named.
        """
        names = self.env["ir.model.data"].sudo()
        named = set(names.search([("model", "=", self._name)]).mapped("res_id"))
        vals_list = []
        for row in names.search([("model", "=", "gdpr.data.map"), ("module", "not =like", r"\_\_%")], order="id"):
            lines = self.env["gdpr.data.map"].browse(row.res_id).exists().field_ids
            if named & set(lines.ids):
                continue
            taken = set()
            for line in lines.filtered("reason"):
                first = re.match(r"\w*", line.names.strip())[0]
                name = make_unique(f"{row.name}_{first}", taken)
                vals = {"module": row.module, "name": name, "model": self._name, "res_id": line.id, "noupdate": True}
                vals_list.append(vals)
        names.create(vals_list)

    def _get_missing_names(self):
        """Give the declared names that the model doesn't have, but for those with a question mark."""
        self.ensure_one()
        records = self.map_id._get_records()
        return [
            name
            for name, is_optional in self.map_id._parse(self.names)
            if records is not None and not is_optional and name not in records._fields
        ]

    def _get_names(self):
        """Give the technical names of the fields that the model has."""
        self.ensure_one()
        return self.map_id._split(self.names)

    def _is_personal(self):
        """Tell whether the fields are about the person."""
        self.ensure_one()
        return self.origin in PERSONAL_ORIGINS
