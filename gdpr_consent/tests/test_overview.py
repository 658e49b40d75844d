import io
from collections import Counter
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import HttpCase, freeze_time, new_test_user, tagged
from odoo.tools import html2plaintext
from odoo.tools.pdf import PdfFileReader

from ..report.gdpr_overview_report import format_share
from .browser import DESKTOP, PHONE, BrowserMixin
from .common import ConsentCase


@tagged("post_install", "-at_install")
class TestOverview(ConsentCase):
    """The figures of the overview are those of the records, and each leads to just those records (mission S38)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.contacts = cls.env["res.partner"].create([{"name": f"Person {number}"} for number in range(6)])
        cls.contacts[0].gdpr_legal_basis = "contract"
        cls.contacts[1:3].gdpr_legal_basis = "consent"
        cls.contacts[3].gdpr_legal_basis = "consent"
        cls.contacts[3].gdpr_legal_basis = "not_applicable"
        cls.contacts[4]._gdpr_receive_request("restriction")
        cls.contacts[4].gdpr_subject_id._record_acts(
            [{"subject_id": cls.contacts[4].gdpr_subject_id.id, "action": "restricted", "actor": "operator"}]
        )

    def get_figures(self, user=None):
        return self.env["gdpr.overview"].with_user(user or self.officer).get_figures()

    def get_kind(self, model, user=None):
        return next(kind for kind in self.get_figures(user)["kinds"] if kind["model"] == model)

    def test_each_number_is_what_a_click_shows(self):
        for kind in self.get_figures()["kinds"]:
            records = self.env[kind["model"]].with_user(self.officer)
            self.assertEqual(kind["count"], records.search_count(kind["domain"]), kind["name"])
            self.assertEqual(kind["count"], sum(segment["count"] for segment in kind["segments"]), kind["name"])
            self.assertEqual(kind["restricted_count"], records.search_count(kind["restricted_domain"]))
            for segment in kind["segments"]:
                self.assertEqual(segment["count"], records.search_count(segment["domain"]), segment["label"])
            for group, domain in kind["group_domains"].items():
                total = sum(segment["count"] for segment in kind["segments"] if segment["group"] == group)
                self.assertEqual(total, records.search_count(domain), group)

    def test_decided_and_never_looked_at_are_told_apart(self):
        found = {segment["key"]: segment for segment in self.get_kind("res.partner")["segments"]}
        partners = self.env["res.partner"]
        self.assertIn(self.contacts[3], partners.search(found["not_applicable"]["domain"]))
        self.assertIn(self.contacts[5], partners.search(found["never_looked_at"]["domain"]))
        self.assertNotIn(self.contacts[5], partners.search(found["not_applicable"]["domain"]))

    def test_a_history_alone_is_no_decision(self):
        """Who only asked something has a history, and nobody decided on the legal basis (mission S38)."""
        asking = self.contacts[4]
        self.assertTrue(asking.gdpr_subject_id)
        found = {segment["key"]: segment for segment in self.get_kind("res.partner")["segments"]}
        partners = self.env["res.partner"].with_user(self.officer)
        self.assertIn(asking, partners.search(found["never_looked_at"]["domain"]))
        self.assertNotIn(asking, partners.search(found["not_applicable"]["domain"]))
        self.assertEqual((asking.gdpr_is_decided, self.contacts[3].gdpr_is_decided), (False, True))
        # Decided in the history of another card of the same person.
        asking.gdpr_subject_id._join(self.contacts[3].gdpr_subject_id, "Same person")
        self.assertIn(asking, partners.search(found["not_applicable"]["domain"]))

    def test_salesperson_counts_what_is_seen(self):
        self.lead.user_id = self.officer
        colleague = new_test_user(self.env, login="privacy_seller", groups="sales_team.group_sale_salesman")
        figures = self.get_figures(colleague)
        leads = next(kind for kind in figures["kinds"] if kind["model"] == "crm.lead")
        self.assertEqual(leads["count"], self.env["crm.lead"].with_user(colleague).search_count([]))
        self.assertEqual((figures["requests"], figures["verification"], figures["funnel"]), ([], {}, []))

    def test_employee_without_a_role_sees_nothing(self):
        with self.assertRaises(AccessError):
            self.get_figures(self.employee)

    def test_week(self):
        before = [Counter({series["key"]: series["counts"][-1]}) for series in self.get_figures()["trend"]["series"]]
        _request, token, _preferences = self.ask(self.partner)
        self.assertTrue(token)
        request = self.partner.gdpr_subject_id.request_ids
        request._answer(
            request._get_version(),
            "save",
            {self.marketing.id: ["email"], self.profiling.id: ["email"]},
            {"email": request.email, "language": "en_US"},
        )
        after = {series["key"]: series["counts"][-1] for series in self.get_figures()["trend"]["series"]}
        for counts in before:
            for key, count in counts.items():
                # Two purposes are one person's answer.
                self.assertEqual(after[key], count + (0 if key == "withdrawn" else 1), key)

    def get_week(self, key):
        series = next(series for series in self.get_figures()["trend"]["series"] if series["key"] == key)
        people = self.env["gdpr.subject"].with_user(self.officer)
        for count, domain in zip(series["counts"], series["domains"], strict=True):
            self.assertEqual(count, people.search_count(domain), "A bar is as high as the list behind it is long.")
        return series["counts"][-1], people.search(series["domains"][-1])

    def test_week_counts_what_people_said(self):
        """What the staff recorded is no answer of a person (mission S38)."""
        before = {key: self.get_week(key) for key in ("answered", "given", "withdrawn")}
        self.partner.gdpr_record_consent(self.marketing, self.email_channel, "phone", evidence="Call")
        self.partner.gdpr_withdraw_consent(self.marketing)
        self.assertEqual({key: self.get_week(key) for key in before}, before)

    def test_week_begins_at_midnight_of_the_company(self):
        self.env.company.partner_id.tz = "Europe/Rome"
        person = self.partner._gdpr_ensure_subjects()
        for moment, is_this_week in (("2026-03-01 22:59:59", False), ("2026-03-01 23:00:00", True)):
            with freeze_time("2026-03-04 12:00:00"):
                count = self.get_week("withdrawn")[0]
                act = {"subject_id": person.id, "action": "objected", "actor": "person", "occurred_on": moment}
                person._record_acts([act])
                after, people = self.get_week("withdrawn")
            self.assertEqual((after - count, person in people), (int(is_this_week), is_this_week), moment)

    def test_funnel_has_the_latest_first(self):
        """A form that was published often isn't newer than one asked with today."""
        requests = self.env["gdpr.consent.request"]
        old, new = self.form.copy({"name": "Old"}), self.form.copy({"name": "New"})
        shared = {"company_id": self.env.company.id, "subject_id": self.partner.gdpr_subject_id.id, "state": "answered"}
        now = fields.Datetime.now()
        requests.create(
            [
                {**shared, "form_id": form.id, "version_number": number, "sent_on": now + timedelta(days=days)}
                for form, number, days in ((old, 9, 1), (new, 2, 3), (new, 1, 2))
            ]
        )
        labels = [version["label"] for version in self.get_figures()["funnel"]]
        self.assertEqual(labels[:3], ["New, version 2", "New, version 1", "Old, version 9"])

    def test_funnel(self):
        self.ask(self.partner)
        version = self.get_figures()["funnel"][0]
        requests = self.env["gdpr.consent.request"]
        for step in version["steps"]:
            self.assertEqual(step["count"], requests.search_count(step["domain"]), step["label"])
        self.assertGreaterEqual(version["steps"][0]["count"], 1)

    def test_deadlines(self):
        before = {item["label"]: item["count"] for item in self.get_figures()["requests"]}
        self.env["gdpr.subject.request"].create(
            {
                "subject_id": self.contacts[0].gdpr_subject_id.id,
                "type": "access",
                "received_on": fields.Datetime.now() - timedelta(days=60),
            }
        )
        after = {item["label"]: item["count"] for item in self.get_figures()["requests"]}
        self.assertEqual(after["Overdue"], before["Overdue"] + 1)

    def test_switched_off(self):
        self.env["ir.config_parameter"].set_param("gdpr_consent.enabled", "False")
        self.env.registry.clear_cache()
        figures = self.get_figures()
        self.assertEqual((figures["is_enabled"], figures["kinds"]), (False, []))

    def test_on_paper(self):
        report = self.env["ir.actions.report"].with_user(self.officer)
        html, kind = report._render_qweb_html("gdpr_consent.overview_document", self.env.company.ids)
        self.assertIn(f"printed by {self.officer.name}", " ".join(html.decode().split()))
        self.assertEqual(kind, "html")
        paper = " ".join(html2plaintext(html.decode()).split())
        self.assertIn("Contacts", paper)
        records = self.get_kind("res.partner")["count"]
        self.assertIn(f"Contacts: {records:,} records", paper)
        self.assertIn("Not applicable: Decided", paper, "Decided alone says nothing where no heading stands above.")

    def test_paper_is_text_with_shares(self):
        self.ask(self.partner)
        report = self.env["ir.actions.report"].with_user(self.officer).with_context(force_report_rendering=True)
        pdf, kind = report._render_qweb_pdf("gdpr_consent.overview_document", self.env.company.ids)
        self.assertEqual(kind, "pdf")
        text = " ".join(" ".join(page.extract_text() for page in PdfFileReader(io.BytesIO(pdf)).pages).split())
        for words in ("Data Privacy Overview", "People per week", "From asking to agreeing", "100 %"):
            self.assertIn(words, text)

    def test_few_and_most_are_not_none_and_all(self):
        shares = [format_share(count, 1000) for count in (0, 1, 500, 999, 1000)]
        self.assertEqual(shares, ["0 %", "< 1 %", "50 %", "> 99 %", "100 %"])
        self.assertEqual(format_share(0, 0), "")

    def test_thousands_on_paper(self):
        self.env["gdpr.ledger.verification"].sudo().create(
            {"kind": "scheduled", "state": "sound", "verified_on": "2040-03-02", "event_count": 1234567}
        )
        report = self.env["ir.actions.report"].with_user(self.officer)
        html, _kind = report._render_qweb_html("gdpr_consent.overview_document", self.env.company.ids)
        self.assertIn("1,234,567", html.decode())

    def test_verification_on_paper_is_in_local_time(self):
        verification = {"kind": "scheduled", "state": "sound", "verified_on": "2040-03-02 23:30:00"}
        self.env["gdpr.ledger.verification"].sudo().create(verification)
        self.officer.tz = "Europe/Rome"
        report = self.env["report.gdpr_consent.overview_document"].with_user(self.officer)
        self.assertIn("03/03/2040", report.with_context(tz="Europe/Rome")._get_report_values([])["verified_on"])

    def test_queries_do_not_depend_on_the_number_of_records(self):
        self.get_figures()
        self.env.invalidate_all()
        with self.assertQueryCount(30):
            self.get_figures()


@tagged("post_install", "-at_install")
class TestOverviewScreen(BrowserMixin, ConsentCase, HttpCase):
    """The overview as an officer sees it."""

    def test_a_click_opens_the_records(self):
        pending = self.env["res.partner"].search_count([("gdpr_consent_state", "=", "pending")])
        with self.browse(self.officer.login, "/odoo/data-privacy", viewport=DESKTOP) as page:
            contacts = page.locator("section[data-kind='res.partner']").first
            row = contacts.locator("[data-segment='pending']")
            count = int(row.locator(".fw-bold").inner_text())
            self.assertEqual(count, pending)
            contacts.locator("[data-group='not_applicable']").click()
            page.get_by_text("Contacts: Not applicable").first.wait_for()
            page.go_back()
            row.click()
            page.get_by_text("Contacts: Pending").first.wait_for()
            page.locator(".o_data_row").filter(has_text="Anna Rossi").wait_for()
            page.go_back()
            # A slice, too: the biggest is at the right of the ring.
            canvas = contacts.locator("canvas")
            box = canvas.bounding_box()
            canvas.click(position={"x": box["width"] / 2 + box["height"] * 0.42, "y": box["height"] / 2})
            page.locator(".o_list_view, .o_kanban_view").first.wait_for()

    def test_nothing_leads_to_an_empty_list(self):
        with self.browse(self.officer.login, "/odoo/data-privacy", viewport=DESKTOP) as page:
            page.locator("section[data-kind='res.partner']").first.wait_for()
            buttons = page.locator(".o_gdpr_overview_content button:has(.fw-bold)")
            for button in buttons.all():
                is_zero = button.locator(".fw-bold").last.inner_text() == "0"
                self.assertEqual(button.is_disabled(), is_zero, button.inner_text())
            self.assertTrue(any(button.is_disabled() for button in buttons.all()))

    def test_phone(self):
        with self.browse(self.officer.login, "/odoo/data-privacy", viewport=PHONE) as page:
            page.locator("section[data-kind='res.partner']").first.wait_for()
            width = page.evaluate("document.querySelector('.o_gdpr_overview_content').scrollWidth")
            self.assertLessEqual(width, PHONE["width"])
