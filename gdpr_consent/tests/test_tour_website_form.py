from odoo.tests import tagged

from .browser import BLOCKED_BY_PAGE, NARROW, BrowserMixin
from .website_form_common import WebsiteFormCase


@tagged("post_install", "-at_install")
class TestTourWebsiteForm(BrowserMixin, WebsiteFormCase):
    """The block with the consent choices, as visitors and the web site's editor meet it."""

    def test_visitor(self):
        self.make_page()
        with self.catch_mails(), self.browse(path="/get-in-touch", viewport=NARROW) as page:
            choices = page.locator(".s_gdpr_consent_choices")
            choices.get_by_label("News and offers").wait_for()
            self.settle(page)
            self.assertEqual(choices.locator("input:checked").count(), 0)
            self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), NARROW["width"])
            page.get_by_label("Subject").fill("A question")
            page.get_by_label("Your Name").fill("Gaia")
            page.get_by_label("Your Email").fill("gaia@example.com")
            choices.get_by_label("News and offers").check()
            page.get_by_role("button", name="Submit").click()
            page.get_by_text("choose at least one way to contact you").wait_for()
            # Nothing of what was filled in is lost.
            choices.get_by_label("E-mail", exact=True).check()
            page.get_by_role("button", name="Submit").click()
            page.get_by_text("We have your message.").wait_for()
            self.settle(page)
        self.env.invalidate_all()
        lead = self.env["crm.lead"].search([("email_from", "=", "gaia@example.com")])
        self.assertEqual(len(lead), 1)
        self.assertFalse(lead.gdpr_purpose_ids)
        token = self.find_token(self._mails[0]["body"], "consent")
        with self.browse(
            path=f"/gdpr/consent/{token}", java_script_enabled=False, expected_errors=BLOCKED_BY_PAGE
        ) as page:
            page.get_by_role("button", name="Yes, I confirm").click()
            page.get_by_role("heading", name="Thank you").wait_for()
        self.assertEqual(self.get_given(lead), {"marketing": {"email"}})

    def test_editor_changes_the_action(self):
        """What the block says follows what the form makes, before the page is saved."""
        website_page = self.make_page(model="mail.mail")
        self.start_tour(
            self.env["website"].get_client_action_url("/get-in-touch", mode_edit=True),
            "gdpr_consent_choices_other_action",
            login="admin",
        )
        self.env.invalidate_all()
        arch = self.env["ir.ui.view"].search([("key", "=", website_page.key)]).mapped("arch")
        self.assertIn('data-model_name="crm.lead"', arch[0])
        self.assertNotIn("News and offers", arch[0])

    def test_editor(self):
        """The block is placed from the editor's panel, and nothing of the wording is saved with the page."""
        website_page = self.make_page(has_block=False)
        self.start_tour(
            self.env["website"].get_client_action_url("/get-in-touch", mode_edit=True),
            "gdpr_consent_choices_in_editor",
            login="admin",
        )
        self.env.invalidate_all()
        arch = self.env["ir.ui.view"].search([("key", "=", website_page.key)]).mapped("arch")
        self.assertIn("s_gdpr_consent_choices", arch[0])
        self.assertNotIn("News and offers", arch[0])
        self.assertNotIn("o_gdpr_choices", arch[0])
