from odoo import fields, models
from odoo.exceptions import UserError


class MailComposeMessage(models.TransientModel):
    """Odoo's composer, when it carries the answer to a data-subject request: to the person alone."""

    _inherit = "mail.compose.message"

    gdpr_answer_id = fields.Many2one("gdpr.answer", string="Answer")
    gdpr_answer_recipient = fields.Char("Answer To", related="gdpr_answer_id.request_id.email")

    def _compute_partner_ids(self):
        answering = self.filtered("gdpr_answer_id")
        answering.partner_ids = False
        return super(MailComposeMessage, self - answering)._compute_partner_ids()

    def _action_schedule_message(self):
        if self.filtered("gdpr_answer_id"):
            raise UserError(self.env._("An answer can't be scheduled: send it now."))
        return super()._action_schedule_message()

    def _action_send_mail_comment(self, res_ids):
        """Send the answer as a mail of its own instead of posting it to all followers."""
        self.ensure_one()
        if not self.gdpr_answer_id:
            return super()._action_send_mail_comment(res_ids)
        self.gdpr_answer_id.request_id.check_access("write")
        self.gdpr_answer_id._send_mail(
            {
                "subject": self.subject,
                "body_html": self.body,
                "email_from": self.email_from,
                "author_id": self.author_id.id,
                "reply_to": self.reply_to,
                "mail_server_id": self.mail_server_id.id,
                "attachment_ids": [fields.Command.link(attachment.id) for attachment in self.attachment_ids],
            }
        )
        return self.env["mail.message"]
