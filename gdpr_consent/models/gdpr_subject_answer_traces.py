from odoo import models


class GdprSubject(models.Model):
    _inherit = "gdpr.subject"

    def _forget_traces(self, request, identified):
        """Erase what was prepared or corrected for this person, too."""
        self.env["gdpr.answer"]._discard_of(self)
        return super()._forget_traces(request, identified)
