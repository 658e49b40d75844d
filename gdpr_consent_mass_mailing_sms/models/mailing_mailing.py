from odoo import models


class MailingMailing(models.Model):
    """A mailing by SMS obeys what the mailing says it is."""

    _inherit = "mailing.mailing"

    def action_send_sms(self, res_ids=None):
        return super(MailingMailing, self._gdpr_as_released(res_ids)).action_send_sms(res_ids=res_ids)

    def _send_sms_get_composer_values(self, res_ids):
        return {
            **super()._send_sms_get_composer_values(res_ids),
            "gdpr_message_class": self.gdpr_message_class,
            "gdpr_purpose_id": self.gdpr_purpose_id.id,
        }
