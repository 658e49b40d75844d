from contextlib import contextmanager

from odoo.tests import HttpCase, tagged

from .browser import BrowserMixin
from .campaign_common import CampaignCase
from .smtp_common import SmtpCase


@tagged("post_install", "-at_install")
class TestTourCampaign(SmtpCase, BrowserMixin, CampaignCase, HttpCase):
    """In the browser: from a list to a campaign, and its numbers, which follow."""

    @contextmanager
    def behind(self, page):
        """Act on the server while the page's window is hidden, so that it asks nothing."""
        page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
        self.settle(page)
        self.env.invalidate_all()
        yield
        self.env.flush_all()
        page.evaluate("delete document.hidden")

    def run_jobs(self):
        """Queue and send, as the scheduler does."""
        self.queue()
        with self.enter_registry_test_mode():
            self.env.ref("gdpr_consent.ir_cron_campaign_sender_1").method_direct_trigger()

    def show_list(self, cards):
        """Give the path of a list of these records."""
        action = self.env["ir.actions.act_window"].create(
            {
                "name": "Some",
                "res_model": cards._name,
                "view_mode": "list,form",
                "domain": repr([("id", "in", cards.ids)]),
                "path": "some-records",
            }
        )
        return f"/odoo/{action.path}"

    def choose_all(self, page):
        page.locator(".o_list_view thead .o_list_record_selector input").check()
        page.locator(".o_cp_action_menus .dropdown-toggle").get_by_text("Actions").click()
        page.locator(".o-dropdown--menu .o_menu_item").get_by_text("Ask for consent").click()

    def get_number(self, page, name, number):
        """Wait for a number of a smart button; give the button."""
        button = page.locator(f".oe_stat_button:has([name={name}])")
        button.locator(".o_stat_value").get_by_text(str(number), exact=True).wait_for()
        return button

    def wait_for_count(self, page, name, number):
        """Wait for a number of the form."""
        page.locator(f".o_inner_group .o_field_widget[name={name}]").get_by_text(str(number), exact=True).wait_for()

    def go_back(self, page):
        page.locator(".breadcrumb-item a, .o_back_button a").get_by_text("Fair").click()
        page.locator(".o_form_view .o_statusbar_status").wait_for()

    def test_from_a_list_to_the_answers(self):
        self.start_server()
        chosen = self.people[:2] | self.people.create({"name": "Person Without Address"})
        chosen.gdpr_legal_basis = "consent"
        with self.browse("privacy_salesperson", self.show_list(chosen)) as page:
            self.choose_all(page)
            page.get_by_text("records selected in a list").wait_for()
            page.locator(".o_form_view .o_field_widget[name=name] input").fill("Fair")
            page.get_by_role("button", name="Check who will be asked").click()
            page.locator("[name=summary]").get_by_text("2 people will be asked").wait_for()
            # Each number leads to its records.
            self.get_number(page, "to_ask_count", 2).click()
            page.locator(".o_data_row").nth(1).wait_for()
            page.get_by_text("Person 1").first.wait_for()
            self.go_back(page)
            row = page.locator("[name=exclusion_count_ids] .o_data_row")
            row.get_by_text("No e-mail address").wait_for()
            row.get_by_role("button", name="Show records").click()
            page.locator(".o_list_view .o_data_row").get_by_text("Person Without Address").first.wait_for()
            self.go_back(page)
            page.get_by_role("button", name="Send a test to myself").click()
            page.get_by_text("The message to Person 0 was sent to you").wait_for()
            page.get_by_role("button", name="Start", exact=True).click()
            question = page.locator(".modal")
            question.get_by_text("can't be taken back").wait_for()
            question.get_by_text("2 people will be asked").wait_for()
            page.locator(".modal footer").get_by_role("button", name="Start").click()
            page.locator(".o_arrow_button_current").get_by_text("Running").wait_for()
            with self.behind(page):
                campaign = self.env["gdpr.consent.campaign"].search([], limit=1)
                self.assertEqual((campaign.name, campaign.user_id), ("Fair", self.salesperson))
                self.run_jobs()
            self.get_number(page, "sent_count", 2)
            page.locator(".o_arrow_button_current").get_by_text("Done").wait_for()
            with self.behind(page):
                self.answer(campaign.request_ids[0], {self.marketing.id: ["email"]})
                self.answer(campaign.request_ids[1], {})
            self.wait_for_count(page, "accepted_count", 1)
            self.wait_for_count(page, "refused_count", 1)
            self.get_number(page, "answered_count", 2).click()
            page.locator(".o_graph_view canvas").wait_for()
            self.settle(page)
            self.go_back(page)
            self.get_number(page, "total_count", 2).click()
            page.locator(".o_data_row").first.get_by_role("button", name="Wording").click()
            page.locator(".modal").get_by_text(self.form.title).first.wait_for()
            self.settle(page)
        recipients = sorted(address for envelope in self.mailbox.envelopes for address in envelope.rcpt_tos)
        self.assertEqual(recipients, sorted([*self.people[:2].mapped("email"), self.salesperson.email_normalized]))

    def test_numbers_follow(self):
        campaign = self.start(user=self.officer)
        with self.browse("privacy_officer", f"/odoo/privacy-campaigns/{campaign.id}") as page:
            page.locator("[name=summary]").get_by_text("5 of 5 are still to be sent.").wait_for()
            with self.behind(page):
                self.send(campaign.request_ids[:2])
                campaign.sudo().sending_problem = "Connection refused"
            page.locator("[name=summary]").get_by_text("3 of 5 are still to be sent.").wait_for()
            page.locator("[name=sending_problem]").get_by_text("Connection refused").wait_for()
            page.locator(".o_field_widget[name=name] input").fill("Half typed")
            page.wait_for_timeout(4000)
            self.assertEqual(page.locator(".o_field_widget[name=name] input").input_value(), "Half typed")
            page.get_by_role("button", name="Pause").click()
            page.get_by_role("button", name="Resume").wait_for()
            self.settle(page)
        self.env.invalidate_all()
        self.assertEqual((campaign.name, campaign.state), ("Half typed", "paused"))

    def test_failed_are_asked_again(self):
        campaign = self.start(name="Fair")
        first, *others = campaign.request_ids.sudo()
        for request in others:
            self.send(request)
        first._mark_failed(first._explain_doubt())
        campaign.sudo()._close_finished()
        with self.browse("privacy_salesperson", f"/odoo/privacy-campaigns/{campaign.id}") as page:
            self.get_number(page, "failed_count", 1).click()
            row = page.locator(".o_data_row")
            row.get_by_text("interrupted").wait_for()
            row.locator(".o_list_record_selector input").check()
            page.get_by_role("button", name="Ask again").click()
            page.locator(".modal").get_by_text("may get a second one").wait_for()
            page.locator(".modal footer .btn-primary").click()
            page.get_by_text("All are queued again.").wait_for()
            self.settle(page)
        self.env.invalidate_all()
        self.assertEqual((first.state, campaign.state), ("queued", "running"))

    def test_leads(self):
        leads = self.lead | self.lead.copy({"email_from": "other@example.com"})
        leads.user_id = self.salesperson
        with self.browse("privacy_salesperson", self.show_list(leads)) as page:
            self.choose_all(page)
            page.get_by_role("button", name="Check who will be asked").click()
            page.locator("[name=exclusion_count_ids], [name=summary]").first.wait_for()
            page.locator("[name=summary]").get_by_text("as of").wait_for()
            self.settle(page)
        self.assertEqual(self.env["gdpr.consent.campaign"].search([], limit=1).model, "crm.lead")
