from odoo.tests import HttpCase, new_test_user, tagged

from ..models.mail_mail import CONSENT_PLACEHOLDER, PREFERENCES_PLACEHOLDER
from .browser import BLOCKED_BY_PAGE, BrowserMixin
from .common import ConsentCase


@tagged("post_install", "-at_install")
class TestTourConsent(BrowserMixin, ConsentCase, HttpCase):
    """The whole way as people go it: set up, ask, answer, see, refuse, take back, in the back office and on the pages.

    The back office is driven by tours. The person's pages carry no scripts, so a tour can't run on them.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.template_body = f"""
            <p>Tell us what you prefer: <a href="{CONSENT_PLACEHOLDER}">choose</a>.</p>
            <p><a href="{PREFERENCES_PLACEHOLDER}">Take it back</a></p>
        """

    def test_contact(self):
        contact = self.env["res.partner"].create(
            {"name": "Chiara Galli", "email": "chiara.galli@example.com", "lang": "en_US"}
        )
        self.make_portal_user(contact)
        self.go_the_whole_way(contact, f"/odoo/contacts/{contact.id}")

    def test_lead(self):
        # Linked to a contact, as a lead of a person with access to the portal is.
        contact = self.env["res.partner"].create(
            {"name": "Dario Villa", "email": "dario.villa@example.com", "lang": "en_US"}
        )
        self.make_portal_user(contact)
        lead = self.env["crm.lead"].create(
            {
                "name": "Furniture for a lobby",
                "type": "opportunity",
                "partner_id": contact.id,
                "user_id": self.salesperson.id,
            }
        )
        self.go_the_whole_way(lead, f"/odoo/crm/{lead.id}")

    def make_portal_user(self, contact):
        new_test_user(
            self.env,
            "privacy_portal",
            "base.group_portal",
            partner_id=contact.id,
            name=contact.name,
            email=contact.email,
        )

    def go_the_whole_way(self, card, url):
        self.env["mail.template"].create(
            {
                "name": "A short question",
                "model_id": self.env["ir.model"]._get_id(card._name),
                "subject": "A short question",
                "body_html": self.template_body,
            }
        )
        self.switch_on(url)
        self.start_tour(url, "gdpr_consent_set_basis", login="privacy_officer")
        self.assertFalse(self.env["gdpr.consent.request"].search([("res_id", "=", card.id)]))
        token = self.ask_by_tour(url, "gdpr_consent_ask")
        self.assertEqual(self._mails[-1]["subject"], "A short question")
        self.assertNoToken(self.read_chatter(card))

        self.open_like_a_scanner(token)
        self.assertState(card, "waiting")
        self.agree(token)
        self.assertState(card, "obtained")
        # Which takes it back by hand, records another by hand, and asks again.
        token = self.ask_by_tour(url, "gdpr_consent_obtained")
        self.refuse(token)
        self.assertState(card, "refused")
        token = self.ask_by_tour(url, "gdpr_consent_refused")
        preferences = self.find_token(self._mails[-1]["body"], "preferences")
        self.agree(token)
        self.take_back(preferences)
        self.assertState(card, "withdrawn")
        self.start_tour("/my/privacy", "gdpr_consent_in_portal", login="privacy_portal")
        self.assertState(card, "obtained")
        self.start_tour(url, "gdpr_consent_from_portal", login="privacy_salesperson")
        self.assertLedgerSound()

    def switch_on(self, url):
        """Switch the add-on on: before, nothing of it shows on the card."""
        self.env["res.config.settings"].create(
            {"gdpr_enabled": False, "gdpr_scope_lead": False, "gdpr_scope_contact": False}
        ).set_values()
        with self.browse("privacy_officer") as page:
            page.goto(url)
            page.locator(".o_form_view .o_notebook").wait_for()
            self.settle(page)
            self.assertEqual(page.get_by_text("Data Privacy").count(), 0)
            self.assertEqual(page.locator("[name^=gdpr_]").count(), 0)
        self.start_tour("/odoo/settings", "gdpr_consent_switch_on", login="privacy_manager")

    def ask_by_tour(self, url, tour):
        """Run a tour at whose end a request is sent; give the token found in the mail."""
        with self.catch_mails():
            self.start_tour(url, tour, login="privacy_salesperson")
        return self.find_token(self._mails[-1]["body"], "consent")

    def read_chatter(self, card):
        self.env.invalidate_all()
        return "".join(card.message_ids.mapped("body") + self.env["mail.mail"].search([]).mapped("body_html"))

    def assertState(self, card, state):
        self.env.invalidate_all()
        self.assertEqual(card.gdpr_consent_state, state)

    def assertRecord(self, page, text):
        page.locator(".o_gdpr_record").get_by_text(text).wait_for()

    def browse_page(self, path):
        """Open a person's page: nobody logged in, no scripts."""
        return self.browse(expected_errors=BLOCKED_BY_PAGE, java_script_enabled=False, path=path)

    def open_like_a_scanner(self, token):
        for _time in range(2):
            with self.browse_page(f"/gdpr/consent/{token}") as page:
                self.assertEqual(page.locator("input:checked").count(), 0)

    def agree(self, token):
        with self.browse_page(f"/gdpr/consent/{token}") as page:
            page.get_by_label("News and offers").check()
            page.get_by_label("E-mail").check()
            page.get_by_label("Phone").check()
            page.get_by_label("Anything you want to tell us").fill("Only in the afternoon.")
            page.get_by_role("button", name="Save my choices").click()
            page.get_by_role("heading", name="Thank you").wait_for()
            self.assertRecord(page, "you agreed")

    def refuse(self, token):
        with self.browse_page(f"/gdpr/consent/{token}") as page:
            page.get_by_label("Anything you want to tell us").fill("No, thank you.")
            page.get_by_role("button", name="Refuse all").click()
            self.assertRecord(page, "you refused")

    def take_back(self, token):
        with self.browse_page(f"/gdpr/preferences/{token}") as page:
            page.get_by_label("Anything you want to tell us").fill("I changed my mind.")
            page.get_by_role("button", name="Take back everything").click()
            self.assertRecord(page, "you took your consent back")
