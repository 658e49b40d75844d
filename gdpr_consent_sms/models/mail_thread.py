from odoo import models


class MailThread(models.AbstractModel):
    _inherit = "mail.thread"

    def _notify_thread_by_sms(self, message, recipients_data, msg_vals=False, **kwargs):
        """Record that a user has sent a text message to people who have closed the channel."""
        result = super()._notify_thread_by_sms(message, recipients_data, msg_vals=msg_vals, **kwargs)
        partner_ids = [recipient["id"] for recipient in recipients_data if recipient["notif"] == "sms"]
        # Without a contact, the message goes to the number on the record.
        cards = self.env["res.partner"].browse(partner_ids) or self
        if cards._name in self.env["gdpr.subject.mixin"]._get_card_models():
            self._gdpr_record_messages(message, msg_vals, "sms", cards, "sms")
        return result
