from odoo.tests import HttpCase, tagged

from .browser import BrowserMixin
from .test_one_to_one import OneToOneCase


@tagged("post_install", "-at_install")
class TestTourOneToOne(BrowserMixin, OneToOneCase, HttpCase):
    """The number on a form and the composer, as a salesperson sees them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for card in cls.card + cls.other + cls.untouched:
            card.phone = "+39 02 5550123"

    def open_card(self, page, card):
        page.goto(f"/odoo/res.partner/{card.id}")
        return page.locator(".o_field_widget[name=phone]").first

    def test_number(self):
        self.restrict(self.other)
        with self.browse("privacy_salesperson") as page:
            number = self.open_card(page, self.card)
            mark = number.locator(".o_gdpr_denial").first
            mark.wait_for()
            self.assertTrue(mark.get_by_text("Call").is_visible(), "It is a warning, also without the mouse over it.")
            self.assertEqual(mark.locator("a").get_attribute("href"), "tel:+39025550123")
            self.assertEqual(number.locator(".o_phone_form_link").count(), 0)
            mark.hover()
            page.locator(".o-tooltip", has_text="Rita Stop refused “News and offers” (March 2, 2026).").wait_for()
            number = self.open_card(page, self.other)
            number.locator(".o_gdpr_denial").first.wait_for()
            self.assertEqual(number.locator("a").count(), 0)
            number.locator(".o_gdpr_denial").first.hover()
            page.locator(".o-tooltip", has_text="Olga Go is suspended").wait_for()
            number = self.open_card(page, self.untouched)
            number.locator(".o_phone_form_link").wait_for(state="attached")
            self.assertEqual(number.locator(".o_gdpr_denial").count(), 0)

    def test_short_composer(self):
        """Above the box for a short message stands who doesn't want it, before anything is written."""
        self.restrict(self.other)
        with self.browse("privacy_salesperson") as page:
            for card, words in (
                (self.card, "Rita Stop refused “News and offers” (March 2, 2026). Write only what"),
                (self.other, "Olga Go is suspended. No message leaves."),
            ):
                self.open_card(page, card)
                page.locator(".o-mail-Chatter-logNote").click()
                page.locator(".o-mail-Composer").wait_for()
                self.assertEqual(page.locator(".o_gdpr_chatter_denial").count(), 0, "A note goes to nobody.")
                page.locator(".o-mail-Chatter-sendMessage").click()
                page.locator(".o_gdpr_chatter_denial", has_text=words).wait_for()
            self.open_card(page, self.untouched)
            page.locator(".o-mail-Chatter-sendMessage").click()
            page.locator(".o-mail-Composer").wait_for()
            self.assertEqual(page.locator(".o_gdpr_chatter_denial").count(), 0)

    def test_composer(self):
        with self.browse("privacy_salesperson") as page:
            self.open_card(page, self.card)
            page.locator(".o-mail-Chatter-sendMessage").click()
            page.locator(".o-mail-Composer button[name=open-full-composer]").click()
            warning = page.locator(".o_dialog [name=gdpr_denials_alert]")
            warning.wait_for()
            self.assertIn("Rita Stop refused “News and offers” (March 2, 2026).", warning.inner_text())
            page.locator(".o_dialog .odoo-editor-editable").first.fill("Your order is on its way")
            with self.catch_mails():
                page.locator(".o_dialog .o_mail_send:enabled").first.click()
                page.locator(".o_dialog").wait_for(state="detached")
                page.get_by_text("Your order is on its way").first.wait_for()
        self.assertEqual(self.get_records_of_writing(self.card).user_id, self.salesperson)
