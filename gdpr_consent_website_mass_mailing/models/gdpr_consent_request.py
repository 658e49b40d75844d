from odoo import models


class GdprConsentRequest(models.Model):
    _inherit = "gdpr.consent.request"

    def _lapse_unconfirmed(self, actor="system"):
        """Delete the contacts that the newsletter block made of addresses that nobody confirmed (law.md R-10)."""
        super()._lapse_unconfirmed(actor)
        asked = self.filtered(lambda request: request.res_model == "mailing.contact")
        self.env["mailing.contact"].sudo().browse(asked.mapped("res_id")).exists()._gdpr_forget_typed()
