from odoo import models
from odoo.exceptions import UserError
from odoo.tools.mail import email_normalize


class MailingMailingTest(models.TransientModel):
    """A test goes to colleagues: it is no way round what somebody said."""

    _inherit = "mailing.mailing.test"

    def send_mail_test(self):
        """Refuse to send to who said no to what the mailing is for.

        :raise UserError: so
        """
        mailing = self.mass_mailing_id
        if mailing.gdpr_is_gated and mailing.gdpr_message_class == "marketing":
            addresses = {email_normalize(line, strict=False) for line in (self.email_to or "").splitlines()} - {False}
            colleagues = self.env["res.partner"].sudo()
            colleagues = colleagues.search([("partner_share", "=", False), ("email_normalized", "in", list(addresses))])
            addresses -= set(colleagues.mapped("email_normalized"))
            people = self.env["gdpr.subject"].sudo()
            channel = self.env.ref("gdpr_consent.channel_email").sudo()
            if refusing := people._filter_refusing(addresses, mailing.gdpr_purpose_id.sudo(), channel):
                raise UserError(
                    self.env._(
                        "%(addresses)s: whoever has this address said no to such mailings. Send the test to a"
                        " colleague.",
                        addresses=", ".join(sorted(refusing)),
                    )
                )
        return super().send_mail_test()
