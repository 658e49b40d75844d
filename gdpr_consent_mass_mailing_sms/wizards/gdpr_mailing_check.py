from odoo import models


class GdprMailingCheck(models.TransientModel):
    _inherit = "gdpr.mailing.check"

    def _find_left_out(self, recipients):
        mailing = self.mailing_id
        if mailing.mailing_type != "sms":
            return super()._find_left_out(recipients)
        ids = list(recipients)
        composer = self.env["sms.composer"].new(mailing._send_sms_get_composer_values(ids))
        return composer._find_gdpr_left_out(self.env[mailing.mailing_model_real].browse(ids))
