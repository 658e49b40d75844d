from odoo.tests import HttpCase, tagged

from odoo.addons.gdpr_consent.tests.browser import BrowserMixin
from odoo.addons.sms.tests.common import SMSCase

from .test_sms import SmsCase


@tagged("post_install", "-at_install")
class TestTourSms(BrowserMixin, SmsCase, SMSCase, HttpCase):
    """The SMS button of a lead and the composer behind it, as a salesperson sees them."""

    def test_lead(self):
        self.lead.write(
            {
                "type": "opportunity",
                "user_id": self.salesperson.id,
                "phone": "+39 02 5555555",
                "country_id": self.italy.id,
            }
        )
        self.refuse(self.lead)
        with self.mockSMSGateway(), self.browse("privacy_salesperson") as page:
            page.goto(f"/odoo/crm/{self.lead.id}")
            number = page.locator(".o_field_widget[name=phone]:visible")
            number.locator(".o_gdpr_denial").first.wait_for()
            self.assertEqual(number.locator(".o_gdpr_denial:visible").count(), 2, "To call and to text.")
            number.get_by_text("SMS").click()
            warning = page.locator(".o_dialog [name=gdpr_denial_alert]")
            warning.wait_for()
            self.assertIn("Bruno Neri refused “News and offers” (March 2, 2026).", warning.inner_text())
            page.locator(".o_dialog textarea").first.fill("Your order is on its way")
            page.locator(".o_dialog button[name=action_send_sms]:enabled:visible").click()
            page.locator(".o_dialog").wait_for(state="detached")
        self.assertEqual(self.get_records_of_writing(self.lead).user_id, self.salesperson)
