from odoo import fields, models


class GdprSubjectRequestStep(models.Model):
    _inherit = "gdpr.subject.request.step"

    action = fields.Selection(
        selection_add=[("lifting_told", "Told that the processing resumes"), ("lifted",)],
        ondelete={"lifting_told": "cascade"},
    )
