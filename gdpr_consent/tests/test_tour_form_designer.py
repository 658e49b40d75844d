from odoo.tests import HttpCase, tagged

from .browser import BLOCKED_BY_PAGE, BrowserMixin
from .common import ConsentCase


@tagged("post_install", "-at_install")
class TestTourFormDesigner(BrowserMixin, ConsentCase, HttpCase):
    """Make a form, look at it, publish it, change it, and publish the change as material."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("it_IT")
        cls.env.company.email = "info@example.com"

    def test_designer(self):
        self.start_tour("/odoo/privacy-forms", "gdpr_consent_form_make", login="privacy_manager")
        form = self.env["gdpr.consent.form"].search([("name", "=", "Fair")])
        url = f"/odoo/privacy-forms/{form.id}"
        self.look_at_preview(url)
        self.start_tour(url, "gdpr_consent_form_publish", login="privacy_manager")
        self.env.invalidate_all()
        version = form._get_version()
        self.assertEqual(version._get_content()["labels"]["accept"], "Yes to all")
        self.partner._gdpr_ensure_subjects()._record_answer(
            version, {self.marketing.id: ["email"]}, source="portal", actor="person"
        )
        self.start_tour(url, "gdpr_consent_form_change", login="privacy_manager")
        self.env.invalidate_all()
        self.assertEqual(form.material_version_number, 2)
        self.assertTrue(self.partner.gdpr_subject_id.consent_ids.renewal_due)
        self.assertLedgerSound()

    def look_at_preview(self, url):
        """The page as it will be, in another language and as wide as a phone."""
        with self.browse("privacy_manager", url, expected_errors=BLOCKED_BY_PAGE) as page:
            page.locator(".o_form_view .o_notebook").wait_for()
            fields_by_tab = {
                "Introduction": ("title", "introduction"),
                "Privacy Text": ("privacy_text", "notice_url"),
                "Buttons": ("accept_label",),
                "Thank-you Text": ("thanks",),
            }
            for tab, names in fields_by_tab.items():
                page.get_by_role("tab", name=tab).click()
                for name in names:
                    page.locator(f".o_field_widget[name={name}] .o_field_translate").first.wait_for(state="attached")
            with page.expect_popup() as popup:
                page.get_by_role("button", name="Preview").click()
            preview = popup.value
            frame = preview.frame_locator("iframe")
            frame.get_by_role("heading", name="Shall we keep in touch?").wait_for()
            frame.get_by_role("button", name="Yes to all").click()
            preview.get_by_role("link", name="Phone").click()
            preview.get_by_role("link", name="Italiano").click()
            preview.get_by_text("Not translated").wait_for()
            frame.get_by_text("I dati sono conservati per 24 mesi.").wait_for()
            self.assertEqual(preview.locator("iframe").bounding_box()["width"], 390)
            self.assertFalse(frame.locator("body").evaluate("body => body.scrollWidth > innerWidth"))
            self.settle(preview)
