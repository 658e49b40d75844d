import re

from odoo.tests import new_test_user, tagged

from .browser import BLOCKED_BY_PAGE, BrowserMixin
from .page_common import PageCase


@tagged("post_install", "-at_install")
class TestTourPreferences(BrowserMixin, PageCase):
    """The preference centre, the portal and the desk, used as people use them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.publish_several_purposes()

    def make_portal_user(self):
        new_test_user(
            self.env,
            "privacy_portal",
            "base.group_portal",
            partner_id=self.partner.id,
            email=self.partner.email,
        )

    def assertOutcome(self, page, *texts):
        outcome = page.locator(".o_gdpr_outcome")
        outcome.wait_for()
        for text in texts:
            self.assertIn(text, " ".join(outcome.inner_text().split()))

    def test_preference_centre(self):
        """From the mail to no marketing at all and back again, without scripts and with nobody logged in."""
        _request, grant, preferences = self.ask(self.partner)
        self.answer(grant, "accept")
        with self.catch_mails(), self.browse(expected_errors=BLOCKED_BY_PAGE, java_script_enabled=False) as page:
            page.goto(f"/gdpr/preferences/{preferences}")
            marketing = page.locator(".o_gdpr_record > li", has_text="News and offers").first
            marketing.get_by_label("SMS").uncheck()
            marketing.get_by_label("Post").uncheck()
            marketing.get_by_role("button", name="Keep only what is ticked").click()
            self.assertOutcome(page, "News and offers: you agreed, by E-mail, Phone")
            page.locator("summary").first.click()
            page.get_by_text("We tell you about our products").first.wait_for()
            page.get_by_role("button", name=re.compile("Take back ?: Personal suggestions")).click()
            self.assertOutcome(page, "Personal suggestions: you took your consent back")
            page.get_by_label("Anything you want to tell us").fill("No advertising, please.")
            page.get_by_role("button", name="No marketing at all").click()
            self.assertOutcome(page, "No marketing at all", "News and offers: you took your consent back")
            page.get_by_label("Tell me what you know about me").check()
            page.get_by_role("button", name="Send the request").click()
            self.assertOutcome(page, "We have your request: DSR/")
            page.get_by_role("button", name="Send me a new form").click()
            self.assertOutcome(page, "Look into your mailbox")
        self.assertEqual(self.get_given(self.partner), {})
        self.assertTrue(self.partner.gdpr_subject_id.objected)
        token = next(filter(None, (self.find_token(mail["body"], "consent") for mail in self._mails)))
        with self.browse(expected_errors=BLOCKED_BY_PAGE, java_script_enabled=False) as page:
            page.goto(f"/gdpr/consent/{token}")
            page.get_by_role("button", name="Accept all").click()
            page.get_by_role("heading", name="Thank you").wait_for()
        self.assertEqual(set(self.get_given(self.partner)), {"marketing", "profiling"})
        self.assertFalse(self.partner.gdpr_subject_id.objected)
        self.assertLedgerSound()

    def test_unsubscribe_page(self):
        _request, grant, _preferences = self.ask(self.partner)
        address = self._mails[-1]["headers"]["List-Unsubscribe"].strip("<>")
        self.answer(grant, "accept")
        with self.browse(expected_errors=BLOCKED_BY_PAGE, java_script_enabled=False) as page:
            page.goto(address.removeprefix(self.partner.gdpr_subject_id.get_base_url()))
            page.get_by_role("button", name="Unsubscribe").click()
            page.get_by_text("you took your consent back").first.wait_for()
            page.get_by_role("button", name="No marketing at all").click()
            page.get_by_text("You told us that you want no marketing at all").wait_for()
        self.assertEqual(self.get_given(self.partner), {})
        self.assertTrue(self.partner.gdpr_subject_id.objected)

    def test_portal(self):
        self.make_portal_user()
        self.start_tour("/my", "gdpr_consent_portal_choices", login="privacy_portal")
        self.assertEqual(self.get_given(self.partner), {}, "suggestions are marketing too")
        self.assertTrue(self.partner.gdpr_subject_id.objected)
        self.assertLedgerSound()

    def test_request(self):
        self.make_portal_user()
        with self.catch_mails():
            self.start_tour("/my/privacy", "gdpr_consent_portal_request", login="privacy_portal")
            self.start_tour(
                f"/odoo/contacts/{self.partner.id}", "gdpr_consent_request_from_card", login="privacy_salesperson"
            )
        self.start_tour("/odoo/privacy-requests", "gdpr_consent_request_erased", login="privacy_officer")
        self.env.invalidate_all()
        requests = self.env["gdpr.subject.request"].search([], order="id")
        self.assertEqual(requests.mapped("state"), ["in_progress", "new"])
        self.assertEqual(requests.mapped("type"), ["erasure", "access"])
        self.assertEqual(requests[0].erasure_state, "queued")
