from odoo import fields, models


class GdprAnswerPart(models.Model):
    """Records of a place as they were read, some hundred at a time."""

    _name = "gdpr.answer.part"
    _description = "Part of an Answer"
    _order = "id"

    place_id = fields.Many2one("gdpr.answer.place", required=True, index=True, ondelete="cascade")
    rows = fields.Json(help="See gdpr.data.map._read_records.")
