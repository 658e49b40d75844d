from odoo import models


class GdprMailingCheck(models.TransientModel):
    _inherit = "gdpr.mailing.check"

    def _get_channel(self):
        return "gdpr_consent.channel_sms" if self.mailing_id.mailing_type == "sms" else super()._get_channel()
