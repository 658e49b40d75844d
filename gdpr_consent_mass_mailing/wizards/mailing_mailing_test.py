from odoo import models
from odoo.tools.mail import email_normalize


class MailingMailingTest(models.TransientModel):
    """A test goes to colleagues: it is no way round what somebody said."""

    _inherit = "mailing.mailing.test"

    def send_mail_test(self):
        """Refuse to send to who said no to what the mailing is for, or is suspended.

        :raise UserError: so
        """
        addresses = {email_normalize(line, strict=False) for line in (self.email_to or "").splitlines()}
        self.mass_mailing_id._gdpr_check_test(addresses - {False}, "email")
        return super().send_mail_test()
