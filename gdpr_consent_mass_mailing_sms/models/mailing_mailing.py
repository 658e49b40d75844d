from odoo import models


class MailingMailing(models.Model):
    """A mailing by SMS obeys what the mailing says it is."""

    _inherit = "mailing.mailing"

    def _send_sms_get_composer_values(self, res_ids):
        return {
            **super()._send_sms_get_composer_values(res_ids),
            "gdpr_message_class": self.gdpr_message_class,
            "gdpr_purpose_id": self.gdpr_purpose_id.id,
        }
