from odoo import models


class MailingSmsTest(models.TransientModel):
    """A test goes to colleagues: it is no way round what somebody said."""

    _inherit = "mailing.sms.test"

    def action_send_sms(self):
        """Refuse to send to who said no to what the mailing is for, or is suspended.

        :raise UserError: so
        """
        numbers = {self.env.user._phone_format(number=line.strip()) for line in (self.numbers or "").splitlines()}
        self.mailing_id._gdpr_check_test(numbers - {False, None}, "sms")
        return super().action_send_sms()
