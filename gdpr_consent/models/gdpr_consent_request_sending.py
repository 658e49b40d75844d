from odoo import api, models


class GdprConsentRequest(models.Model):
    _inherit = "gdpr.consent.request"

    @api.model
    def _trigger_senders(self):
        """Wake whatever sends what campaigns have queued."""
