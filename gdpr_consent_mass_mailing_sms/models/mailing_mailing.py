from odoo import api, models


class MailingMailing(models.Model):
    """A mailing by SMS obeys what the mailing says it is."""

    _inherit = "mailing.mailing"

    @api.constrains("body_plaintext")
    def _check_gdpr_text(self):
        self._check_gdpr_message_class()

    def _send_sms_get_composer_values(self, res_ids):
        return {
            **super()._send_sms_get_composer_values(res_ids),
            "gdpr_message_class": self.gdpr_message_class,
            "gdpr_purpose_id": self.gdpr_purpose_id.id,
        }
