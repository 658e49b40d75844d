import hashlib
import shutil
from unittest import skipUnless

from lxml import html

from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ..tools.consent_record import build_record
from .page_common import PageCase
from .test_consent_record import RecordCase, expand

REPORT = "gdpr_consent.subject_evidence_report"


class EvidenceCase(PageCase, RecordCase):
    """A person with a rich history, in a company that has all that a record names."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.company
        cls.company.write(
            {
                "street": "Via Roma 1",
                "zip": "10121",
                "city": "Torino",
                "country_id": cls.env.ref("base.it").id,
                "vat": "IT12345670017",
                "gdpr_officer_name": "Olga Verdi",
                "gdpr_officer_email": "dpo@example.com",
            }
        )
        cls.publish_several_purposes()
        cls.subject = cls.partner.gdpr_subject_id

    def live(self):
        """Let the person be asked, agree, take a channel back, and say more on paper.

        :return: the token of the preferences link
        """
        _request, grant, preferences = self.ask(self.partner)
        self.answer(
            grant,
            "save",
            ("purpose", "marketing"),
            ("channel", "marketing.email"),
            ("channel", "marketing.sms"),
            ("note", "Only news, please"),
        )
        self.env.invalidate_all()
        self.subject._record_channels_withdrawal({self.marketing.id: {"sms"}}, source="portal", actor="person")
        scan = self.env["ir.attachment"].create({"name": "form.pdf", "raw": b"a scan"})
        self.partner.with_user(self.officer).gdpr_record_consent(
            "profiling", ["email"], "paper", evidence=[scan, "Folder 7"]
        )
        return preferences

    def render(self, subject, user=None, companies=None):
        """Give the text of the evidence pack as a user gets it, by default the officer."""
        report = self.env.ref(REPORT).with_user(user or self.officer)
        report = report.with_context(allowed_company_ids=(companies or self.company).ids)
        page = report._render_qweb_html(REPORT, subject.ids)[0]
        return " ".join(html.fromstring(page).text_content().split())


@tagged("post_install", "-at_install")
class TestEvidencePack(EvidenceCase):
    """What a privacy officer hands out."""

    def test_all_is_told(self):
        self.live()
        text = self.render(self.subject)
        version = self.form._get_version("en_US")
        for told in (
            "Anna Rossi",
            self.subject.reference,
            self.company.name,
            "IT12345670017",
            "Via Roma 1",
            "Olga Verdi",
            "Legal basis set: Consent",
            "Consent asked",
            "Address: anna.rossi@example.com",
            "Consent given: News and offers – E-mail, SMS",
            "Note: Only news, please",
            "Channels withdrawn: News and offers – SMS",
            "Consent refused: Personal suggestions",
            "Consent given: Personal suggestions",
            "Evidence: Folder 7",
            f"form.pdf (SHA-256 {hashlib.sha256(b'a scan').hexdigest()})",
            f"Operator: {self.officer.name}",
            "E-mail link",
            version.display_name,
            version.sha256,
            "We tell you about our products",
            self.subject.head_hash,
            f"{self.subject.reference}-{self.subject.head_sequence}",
            "every event of this person is as it was written",
        ):
            with self.subTest(told=told):
                self.assertIn(told, text)
        self.assertRegex(text, r"Made on ?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
        self.assertNotIn("False", text)

    def test_words_of_every_version(self):
        """The words are those that were shown, in their language, whatever the form says now."""
        self.live()
        shown = self.form._get_version("en_US")
        self.form.title = "Quite another question"
        self.form.action_publish()
        self.publish_in_italian()
        self.partner.lang = "it_IT"
        request, _grant, _preferences = self.ask(self.partner)
        request._answer(request._get_version("it_IT"), "refuse", {}, {})
        text = self.render(self.subject)
        self.assertIn(shown._get_content()["title"], text)
        self.assertIn("Possiamo restare in contatto?", text)
        self.assertNotIn("Quite another question", text)

    def test_joined_histories(self):
        self.live()
        self.lead.gdpr_record_consent("marketing", ["phone"], "phone", evidence="Call 9")
        absorbed = self.lead.gdpr_subject_id
        self.subject._join(absorbed, "She told us")
        for subject in (self.subject, absorbed):
            text = self.render(subject)
            for told in (
                "Bruno Neri, Anna Rossi",
                f"{self.subject.reference}, {absorbed.reference}",
                f"{absorbed.reference}-2",
                "Call 9",
                "Joined with another history",
                f"With {absorbed.reference}",
                "Goes on in another history",
                "Reason: She told us",
            ):
                self.assertIn(told, text)

    def test_faults_are_told(self):
        self.live()
        with self.env.cr.savepoint() as savepoint:
            self.env.cr.execute("DROP TRIGGER gdpr_consent_event_refuse_change ON gdpr_consent_event")
            self.env.cr.execute(
                "UPDATE gdpr_consent_event SET source = 'paper' WHERE subject_id = %s AND sequence = 3",
                [self.subject.id],
            )
            self.env.invalidate_all()
            text = self.render(self.subject)
            self.assertIn(f"{self.subject.reference}: event 3 was altered.", text)
            self.assertNotIn("as it was written", text)
            savepoint.close(rollback=True)

    def test_who_may_have_it(self):
        self.live()
        for user in (self.salesperson, self.employee):
            with self.assertRaises(AccessError):
                self.subject.with_user(user).action_evidence_pdf()
            with self.assertRaises(AccessError):
                self.render(self.subject, user)
            with self.assertRaises(AccessError):
                self.partner.with_user(user).action_gdpr_evidence()
        action = self.partner.with_user(self.officer).action_gdpr_evidence()
        self.assertEqual(action["report_name"], "gdpr_consent.subject_evidence")

    def test_other_companies(self):
        other = self.env["res.company"].create({"name": "Other", "email": "other@example.com"})
        form = self.form.copy({"name": "Other form", "company_id": other.id})
        form.action_publish()
        self.live()
        self.subject._record_answer(form._get_version(), {self.marketing.id: ["post"]}, source="website")
        text = self.render(self.subject)
        self.assertIn("2 more events are of companies", text)
        self.assertNotIn("Web site", text)
        self.officer.company_ids |= other
        self.assertIn("Web site", self.render(self.subject, companies=self.company | other))

    def test_somebody_without_a_card(self):
        self.live()
        self.partner.unlink()
        text = self.render(self.subject)
        self.assertIn("No record of the person is left.", text)
        self.assertIn("Consent given: News and offers", text)

    @skipUnless(shutil.which("wkhtmltopdf"), "wkhtmltopdf isn't installed")
    def test_pdf(self):
        self.live()
        report = self.env["ir.actions.report"].with_user(self.officer).with_context(force_report_rendering=True)
        content, kind = report._render_qweb_pdf(REPORT, self.subject.ids)
        self.assertEqual(kind, "pdf")
        self.assertTrue(content.startswith(b"%PDF-"))
        self.assertGreater(len(content), 10_000)

    @mute_logger("odoo.http")
    def test_records_for_machines(self):
        self.live()
        path = f"/gdpr/evidence/{self.subject.id}/consent-records.jsonld"
        for login in ("privacy_salesperson", "privacy_employee"):
            self.authenticate(login, login)
            self.assertIn(self.url_open(path).status_code, (403, 404))
        self.authenticate("privacy_officer", "privacy_officer")
        self.assertEqual(self.url_open("/gdpr/evidence/999999999/consent-records.jsonld").status_code, 404)
        response = self.url_open(path)
        self.assertEqual(response.headers["Content-Type"], "application/ld+json; charset=utf-8")
        self.assertIn(self.subject.reference, response.headers["Content-Disposition"])
        document = response.json()
        self.assertTermsExist(document)
        records = {record["dct:identifier"]: record for record in document["@graph"]}
        self.assertEqual(set(records), {f"{self.subject.reference}-marketing", f"{self.subject.reference}-profiling"})
        for record in records.values():
            self.assertMandatoryFields(record)
        marketing = records[f"{self.subject.reference}-marketing"]
        self.assertEqual(
            [status["@type"] for status in marketing["dpv:hasConsentStatus"]],
            ["dpv:ConsentRequested", *[["dpv:ConsentGiven", "dpv:ExpressedConsent"]] * 2],
        )
        self.assertEqual(marketing["dpv:hasConsentStatus"][0]["dpv:hasDuration"], "P30D")
        profiling = records[f"{self.subject.reference}-profiling"]
        self.assertEqual(
            [status["@type"] for status in profiling["dpv:hasConsentStatus"]],
            ["dpv:ConsentRequested", "dpv:ConsentRefused", ["dpv:ConsentGiven", "dpv:ExpressedConsent"]],
        )
        controller = marketing["dpv:hasDataController"]
        self.assertEqual(controller["dpv:hasAddress"], "Via Roma 1, 10121 Torino, IT")
        self.assertEqual(controller["dpv:hasContact"], "mailto:dpo@example.com")
        self.assertEqual(marketing["dpv:hasJurisdiction"], "loc:IT")
        notice = marketing["dpv:hasNotice"][0]
        version = self.form._get_version("en_US")
        self.assertEqual(notice["spdx:checksum"]["spdx:checksumValue"], version.sha256)
        self.assertEqual(hashlib.sha256(notice["rdf:value"].encode()).hexdigest(), version.sha256)
        for value in ("Anna", "Rossi", "Only news", "Folder 7", self.officer.name):
            self.assertNotIn(value, response.text)
        self.assertEqual(len(expand(document)), 2)

    def test_last_status_is_the_present_state(self):
        states = {
            "dpv:ConsentGiven": "given",
            "dpv:RenewedConsentGiven": "given",
            "dpv:ConsentRefused": "refused",
            "dpv:ConsentWithdrawn": "withdrawn",
            "dpv:ConsentRevoked": "withdrawn",
            "dpv:ConsentExpired": "expired",
        }
        self.live()
        self.lead.gdpr_record_consent("profiling", ["email"], "phone", evidence="Call 9")
        self.subject._record_withdrawal(self.profiling, source="phone")
        self.subject._join(self.lead.gdpr_subject_id, "She told us")
        self.subject._record_objection(source="phone")
        evidence = self.subject._get_evidence()
        for record in self.subject._get_consent_records(evidence["events"]):
            status = build_record(record)["dpv:hasConsentStatus"][-1]["@type"]
            consents = {consent.purpose_id.id: consent for consent in self.subject.consent_ids}
            expected = consents[record.purpose_id].state
            self.assertEqual(states[status if isinstance(status, str) else status[0]], expected)


@tagged("post_install", "-at_install")
class TestReceipt(EvidenceCase):
    """What a person keeps (law.md R-27)."""

    def get_receipt(self, preferences, ending=""):
        return self.open_preferences(f"{preferences}/copy{ending}")

    def test_every_act(self):
        preferences = self.live()
        response = self.get_receipt(preferences)
        text = " ".join(self.parse(response).text_content().split())
        version = self.form._get_version("en_US")
        for told in (
            f"{self.subject.reference}-{self.subject.head_sequence}",
            "Consent asked",
            "Consent given: News and offers – E-mail, SMS",
            "Your note: Only news, please",
            "Channels withdrawn: News and offers – SMS",
            "Consent refused: Personal suggestions",
            "News and offers: Given (E-mail)",
            version.sha256,
            "We tell you about our products",
            "dpo@example.com",
        ):
            with self.subTest(told=told):
                self.assertIn(told, text)
        for hidden in ("anna.rossi@example.com", self.officer.name, "Folder 7", "form.pdf"):
            self.assertNotIn(hidden.lower(), text.lower())
        self.assertFalse(self.parse(response).xpath("//script | //img | //link | //iframe | //@src | //@href"))

    def test_number_leads_to_the_record(self):
        preferences = self.live()
        number = self.get_receipt(preferences, ".jsonld").json()["@graph"][0]["dct:identifier"]
        events = self.env["gdpr.consent.event"].with_user(self.officer)
        for typed in (number, number.lower(), f" {number} "):
            event = events.search([("number", "=", typed)])
            self.assertEqual((event.subject_id, event.sequence), (self.subject, self.subject.head_sequence))
            self.assertEqual(event.hash, self.subject.head_hash)
        for typed in ("", "-", "ABC", f"{number}9", f"{self.subject.reference}-", f"{self.subject.reference}-x"):
            self.assertFalse(events.search([("number", "=", typed)]))

    def test_for_machines(self):
        preferences = self.live()
        response = self.get_receipt(preferences, ".jsonld")
        self.assertEqual(response.status_code, 200)
        self.assertEqual(response.headers["Content-Disposition"], 'attachment; filename="consent-record.jsonld"')
        for header in ("Referrer-Policy", "Content-Security-Policy", "X-Robots-Tag"):
            self.assertIn(header, response.headers)
        self.assertEqual(response.headers["Cache-Control"], "no-store")
        document = response.json()
        self.assertTermsExist(document)
        receipt, *records = document["@graph"]
        self.assertEqual(receipt["dct:references"], [record["@id"] for record in records])
        self.assertNotIn(preferences, response.text)
        self.assertNotIn("Anna", response.text)

    @mute_logger("odoo.http")
    def test_bad_links(self):
        preferences = self.live()
        bad = self.open_preferences("unknown").text
        for path in ("unknown/copy", "unknown/copy.jsonld", f"{preferences}x/copy.jsonld"):
            response = self.open_preferences(path)
            self.assertEqual(response.status_code, 404)
            self.assertEqual(response.text, bad)

    @mute_logger("odoo.http")
    def test_reading_changes_nothing(self):
        preferences = self.live()
        before = self.take_snapshot()
        for ending in ("", ".jsonld"):
            for method in ("GET", "HEAD"):
                path = f"/gdpr/preferences/{preferences}/copy{ending}"
                self.assertEqual(self.url_open(path, method=method).status_code, 200)
        self.assertEqual(self.take_snapshot(), before)

    def test_whole_joined_history(self):
        preferences = self.live()
        self.lead.gdpr_record_consent("marketing", ["phone"], "phone", evidence="Call 9")
        absorbed = self.lead.gdpr_subject_id
        absorbed._join(self.subject, "She told us")
        self.env.flush_all()
        text = self.get_receipt(preferences).text
        self.assertIn(f"Consent record {absorbed.reference}", text)
        self.assertIn(f"{self.subject.reference}-2", text)

    def test_in_the_portal(self):
        user = new_test_user(self.env, login="portal_anna", groups="base.group_portal", email="p@example.com")
        self.authenticate("portal_anna", "portal_anna")
        response = self.url_open("/my/privacy/copy")
        self.assertTrue(response.url.endswith("/my/privacy"), "nothing to keep yet")
        user.partner_id.gdpr_legal_basis = "consent"
        user.partner_id.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 9")
        self.assertIn("/my/privacy/copy", self.url_open("/my/privacy").text)
        reference = user.partner_id.gdpr_subject_id.reference
        self.assertIn(f"Consent record {reference}", self.url_open("/my/privacy/copy").text)
        document = self.url_open("/my/privacy/copy.jsonld").json()
        self.assertTermsExist(document)
        self.assertEqual(document["@graph"][1]["dct:identifier"], f"{reference}-marketing")
        self.authenticate(None, None)
        self.assertIn("/web/login", self.url_open("/my/privacy/copy").url)

    def test_in_italian(self):
        self.publish_in_italian()
        self.partner.lang = "it_IT"
        _request, grant, preferences = self.ask(self.partner)
        self.answer(grant, "refuse")
        self.assertEqual(self.parse(self.get_receipt(preferences)).get("lang"), "it-IT")
        self.assertIn("Possiamo restare in contatto?", self.get_receipt(preferences).text)
        record = self.get_receipt(preferences, ".jsonld").json()["@graph"][1]
        self.assertEqual(record["dpv:hasNotice"][0]["dct:language"], "it-IT")


@tagged("post_install", "-at_install")
class TestErasure(EvidenceCase):
    """A person's values go, the proof stays (law.md R-103)."""

    def test_values_salts_and_files_go(self):
        preferences = self.live()
        self.lead.gdpr_record_consent("marketing", ["phone"], "phone", note="Call me", evidence="Call 9")
        absorbed = self.lead.gdpr_subject_id
        self.subject._join(absorbed, "She told us")
        self.env.flush_all()
        values = self.env["gdpr.consent.event.value"].sudo()
        files = values.search([("event_id.subject_id.root_id", "=", self.subject.id)]).attachment_id
        self.assertTrue(files)
        events = self.subject._erase_values(actor="system")
        self.assertEqual(set(events.mapped("action")), {"erased"})
        self.assertEqual(events.subject_id, self.subject | absorbed)
        self.assertFalse(values.search([("event_id.subject_id", "in", (self.subject | absorbed).ids)]))
        self.assertFalse(files.exists())
        self.assertLedgerSound()
        self.assertEqual(self.subject._verify_ledger() + absorbed._verify_ledger(), [])
        text = self.render(self.subject)
        self.assertIn("Personal values erased", text)
        for value in ("Only news", "Folder 7", "form.pdf", "anna.rossi@example.com", "Call me", "She told us"):
            self.assertNotIn(value, text)
        self.assertEqual(self.open_preferences(f"{preferences}/copy").status_code, 200)
        self.assertTermsExist(self.open_preferences(f"{preferences}/copy.jsonld").json())
        self.assertEqual(self.open_preferences(preferences).status_code, 200)

    def test_again_does_nothing(self):
        self.live()
        self.subject._erase_values()
        before = self.get_events(self.partner)
        self.assertFalse(self.subject._erase_values())
        self.assertEqual(self.get_events(self.partner), before)

    def test_what_comes_after(self):
        self.live()
        self.subject._erase_values()
        self.partner.gdpr_withdraw_consent(source="phone", note="Enough")
        self.assertEqual(self.partner.gdpr_consent_note, "Enough")
        self.assertLedgerSound()
        self.assertTrue(self.subject._erase_values())
        self.assertFalse(self.partner.gdpr_consent_note)
        self.assertLedgerSound()

    def test_split_afterwards(self):
        self.live()
        self.lead.gdpr_record_consent("marketing", ["phone"], "phone", note="Call me", evidence="Call 9")
        self.subject._join(self.lead.gdpr_subject_id, "She told us")
        self.subject._erase_values()
        self.subject._split([self.lead], "Two after all")
        self.assertLedgerSound()

    def test_it_takes_an_erasure(self):
        """Who removes the evidence without it is found out."""
        self.live()
        self.env.cr.execute("DELETE FROM gdpr_consent_event_value WHERE value = 'Folder 7'")
        self.env.invalidate_all()
        faults = self.subject._verify_ledger()
        self.assertEqual(len(faults), 1)
        self.assertRegex(faults[0], r"the value “evidence” of event \d+ is missing")
