import json

from odoo.tests import HttpCase, tagged

from .browser import BrowserMixin
from .common import ConsentCase

# What the head needs, and what can be typed.
READ_WITH_THE_RECORD = {
    "gdpr_channel_denials",
    "gdpr_consent_state",
    "gdpr_covered",
    "gdpr_legal_basis",
    "gdpr_legal_basis_reason",
    "gdpr_restricted",
}

# What tells whether the person can be asked.
READ_AGAIN = {"gdpr_consent_state", "gdpr_restricted"}

# What the tab shows when it is opened.
SHOWN = (
    ("gdpr_purpose_ids", "News and offers"),
    ("gdpr_channel_ids", "E-mail"),
    ("gdpr_consent_note", "Only offers"),
    ("gdpr_consent_source", "Phone"),
    ("gdpr_event_ids", "Consent given"),
)


@tagged("post_install", "-at_install")
class TestLazyTab(BrowserMixin, ConsentCase, HttpCase):
    """The consents and the history are read when the tab is opened, not with the card."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.form.action_publish()
        for card in (cls.partner, cls.lead):
            for number in range(20):
                card.gdpr_set_legal_basis("consent", f"Reason {number}")
            card.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 7", note="Only offers")

    def open(self, page, record):
        """Open a card; give the names of the add-on's fields that each request for it reads, as they come."""
        requests = []

        def note(request):
            if request.url.endswith(f"/{record._name}/web_read"):
                specification = json.loads(request.post_data)["params"]["kwargs"]["specification"]
                requests.append({name for name in specification if name.startswith("gdpr_")})

        page.on("request", note)
        page.goto(f"/odoo/{record._name}/{record.id}")
        page.locator("[name=gdpr_badge] .o_field_badge:has-text('Obtained')").wait_for()
        return requests

    def check(self, card):
        with self.browse("privacy_officer") as page:
            requests = self.open(page, card)
            self.settle(page)
            self.assertEqual(requests, [READ_WITH_THE_RECORD])
            page.get_by_role("tab", name="Data Privacy").click()
            tab = page.locator(".o_notebook .tab-pane.active")
            for name, text in SHOWN:
                tab.locator(f"[name={name}]:has-text('{text}')").wait_for()
            events = tab.locator("[name=gdpr_event_ids]")
            self.assertEqual(events.locator(".o_data_row").count(), 20)
            self.assertEqual(len(requests), 3)
            self.assertEqual(READ_WITH_THE_RECORD & (requests[1] | requests[2]), READ_AGAIN)
            # What isn't in the form's record works as if it were.
            events.get_by_role("button", name="Wording").first.click()
            page.locator(".modal .o_form_view").wait_for()
            page.locator(".modal .btn-close").click()
            # Odoo reads the record anew.
            self.settle(page)
            events.locator(".o_pager_next").click()
            events.locator(".o_pager_value:has-text('21')").wait_for()

    def test_contact(self):
        self.check(self.partner)

    def test_lead(self):
        self.check(self.lead)
