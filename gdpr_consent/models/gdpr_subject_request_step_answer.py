from odoo import fields, models


class GdprSubjectRequestStep(models.Model):
    _inherit = "gdpr.subject.request.step"

    action = fields.Selection(
        selection_add=[("proposed", "Corrections proposed"), ("rejected", "Corrections rejected")],
        ondelete={"proposed": "cascade", "rejected": "cascade"},
    )
