from odoo import models


class SmsSms(models.Model):
    _inherit = "sms.sms"

    def _gdpr_get_company(self):
        return self.mailing_id.user_id.company_id or super()._gdpr_get_company()

    def _stop(self, reasons):
        super()._stop(reasons)
        for reason, messages in self.grouped(lambda sms: reasons[sms.id]).items():
            messages.mailing_trace_ids.write(
                {"trace_status": "cancel", "failure_type": "sms_optout", "gdpr_reason": reason}
            )
