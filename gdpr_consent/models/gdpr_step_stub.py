from odoo import models


class GdprSubjectRequest(models.Model):
    _inherit = "gdpr.subject.request"

    def _log_step(self, action, note=None):
        pass
