from odoo import api, fields, models
from odoo.exceptions import UserError

from .mail_mail import CONSENT_PLACEHOLDER


class MailComposeMessage(models.TransientModel):
    """Odoo's composer, when it carries a consent request.

    The request goes to the person alone: never to followers, never to an address typed by hand, and
    without making a contact of a lead's address.
    """

    _inherit = "mail.compose.message"

    gdpr_consent_form_id = fields.Many2one("gdpr.consent.form", string="Consent Form")
    gdpr_recipient = fields.Char("Consent Request To", compute="_compute_gdpr_recipient")

    @api.depends("gdpr_consent_form_id", "model", "res_ids")
    def _compute_gdpr_recipient(self):
        for composer in self:
            card = composer._get_gdpr_card()
            composer.gdpr_recipient = card._gdpr_get_email_formatted() if card else False

    def _compute_partner_ids(self):
        asking = self.filtered("gdpr_consent_form_id")
        asking.partner_ids = False
        return super(MailComposeMessage, self - asking)._compute_partner_ids()

    def _get_gdpr_card(self):
        """Give the record a consent request is composed for, or None in any other composer."""
        self.ensure_one()
        if not self.gdpr_consent_form_id:
            return None
        return self.env["gdpr.subject.mixin"]._get_cards(self.model, self._evaluate_res_ids() or [])

    def _action_schedule_message(self):
        if self.filtered("gdpr_consent_form_id"):
            raise UserError(self.env._("A consent request can't be scheduled: send it now."))
        return super()._action_schedule_message()

    def _action_send_mail_comment(self, res_ids):
        """Send a consent request as a mail of its own instead of posting it to all followers."""
        self.ensure_one()
        card = self._get_gdpr_card()
        if not card:
            return super()._action_send_mail_comment(res_ids)
        if CONSENT_PLACEHOLDER not in (self.body or ""):
            raise UserError(
                self.env._(
                    "This message has no consent link. Choose a template that holds it, or put a link to"
                    " %(placeholder)s into the text.",
                    placeholder=CONSENT_PLACEHOLDER,
                )
            )
        card._gdpr_send_request(
            self.gdpr_consent_form_id,
            self.template_id,
            {
                "subject": self.subject,
                "body_html": self.body,
                "email_from": self.email_from,
                "author_id": self.author_id.id,
                "reply_to": self.reply_to,
                "mail_server_id": self.mail_server_id.id,
                "attachment_ids": [fields.Command.link(attachment.id) for attachment in self.attachment_ids],
            },
        )
        return self.env["mail.message"]
