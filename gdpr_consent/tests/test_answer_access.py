import io
import json
import re
import shutil
from unittest import skipUnless
from unittest.mock import patch

from lxml import html

from odoo.tests import new_test_user, tagged
from odoo.tools import format_amount
from odoo.tools.pdf import PdfFileReader
from odoo.tools.translate import code_translations

from .answer_common import AnswerCase

BLOCKS = {
    "purposes",
    "categories",
    "recipients",
    "retention",
    "rights",
    "complaint",
    "source",
    "automated_decisions",
    "transfers",
}


@tagged("post_install", "-at_install")
class TestAnswerAccess(AnswerCase):
    """The whole answer of article 15, to read and for machines (S32, law.md R-50)."""

    def check_schema(self, document):
        """Check a document against its schema, version 1.0."""
        expected = {
            "schema": str,
            "schema_version": str,
            "created_on": str,
            "found_on": str,
            "language": str,
            "request": dict,
            "controller": dict,
            "person": dict,
            "information": list,
            "consents": list,
            "history": list,
            "wordings": list,
            "data": list,
        }
        self.assertEqual(set(document), set(expected))
        for name, kind in expected.items():
            self.assertIsInstance(document[name], kind, name)
        self.assertEqual({block["about"] for block in document["information"]}, BLOCKS)
        for block in document["information"]:
            self.assertEqual(set(block), {"about", "article", "title", "statements"})
            self.assertTrue(block["statements"] and all(block["statements"]), block["about"])
        for place in document["data"]:
            self.assertEqual(set(place), {"place", "fields", "records"})
            names = [field["name"] for field in place["fields"]]
            for field in place["fields"]:
                self.assertEqual(set(field), {"name", "label", "category", "origin"})
                self.assertIn(field["origin"], ("provided", "observed", "derived"))
            for record in place["records"]:
                self.assertEqual(set(record), {"recorded_on", "source", "values"})
                self.assertEqual(list(record["values"]), names)

    def read_report(self, request):
        """Give the text of the document to read; in tests Odoo makes a page of it."""
        return " ".join(html.fromstring(self.get_file(request, "answer.html")).text_content().split())

    def test_everything(self):
        self.partner.gdpr_record_consent(
            "marketing", ["email"], "phone", evidence="Call", note="Only once a month, please"
        )
        self.marketing.recipient_ids = self.env["res.partner"].create({"name": "Acme Mailing", "is_company": True})
        request = self.prepare("access")
        document = self.read_json(request)
        self.check_schema(document)
        information = {block["about"]: " ".join(block["statements"]) for block in document["information"]}
        self.assertIn(self.marketing.name, information["purposes"])
        self.assertIn("Acme Mailing", information["recipients"])
        self.assertEqual([consent["purpose"] for consent in document["consents"]], [self.marketing.name])
        self.assertIn("Only once a month, please", [event["note"] for event in document["history"]])
        [lead] = self.get_values(document, "Leads")
        self.assertEqual(lead["probability"], 42)
        text = self.read_report(request)
        for told in (
            "Anna Rossi",
            "Torino",
            "=2+3 chairs",
            "Acme Mailing",
            "Only once a month, please",
            "data protection authority",
            "given by you",
            "derived",
            self.env.company.name,
            request.name,
        ):
            self.assertIn(told, text)
        for other in ("Bob", "Verdi", "carla", self.officer.name):
            self.assertNotIn(other, text)

    def get_told(self, request):
        """Give what is told of article 15, by what it is about."""
        return {block["about"]: " ".join(block["statements"]) for block in self.read_json(request)["information"]}

    def test_purposes_of_what_is_held(self):
        """Who never agreed to anything is told why records are held all the same, and how long (15(1)(a), (d))."""
        self.env["gdpr.purpose"].search([("legal_basis", "!=", "consent")]).active = False
        leads = self.env.ref("gdpr_consent.data_map_crm_lead")
        request = self.prepare("access")
        told = self.get_told(request)
        self.assertIn("Contact: To know who you are", told["purposes"])
        self.assertIn("Leads: To answer inquiries", told["purposes"])
        for place in ("Contact", "Leads", "Messages"):
            self.assertIn(place, told["retention"])
        leads.used_for = "To plan your kitchen."
        leads.write(
            {
                "erasure": "keep",
                "keep_ground": "legal_claims",
                "keep_reason": "Until claims lapse.",
                "keep_months": 24,
            }
        )
        request.action_prepare_answer()
        request.answer_id.item_ids.filtered(lambda item: not item.decision).decision = "include"
        request.answer_id.action_approve()
        told = self.get_told(request)
        self.assertIn("Leads: To plan your kitchen. Until claims lapse.", told["purposes"])
        self.assertIn("Leads: kept for 24 months.", told["retention"])
        self.assertRegex(told["retention"], "Contact[^:]*: no fixed term")

    def test_officer_is_warned_of_unknown_purposes(self):
        """Where nothing says what records are for the officer learns it before the answer goes out."""
        self.env["gdpr.purpose"].search([("legal_basis", "!=", "consent")]).active = False
        request = self.make_request("access")
        request.action_prepare_answer()
        self.assertNotIn("purposes:", request.answer_undeclared)
        self.assertRegex(request.answer_undeclared, "^recipients, automated decisions, transfers abroad: .*Contact")
        unexplained = request.answer_id.sudo().place_ids[0]
        unexplained.map_id = False
        request.answer_id.invalidate_recordset(["undeclared"])
        self.assertIn(f"purposes: {unexplained.name}", request.answer_id.undeclared)

    def test_only_what_is_held(self):
        """The kinds of data are those that are held of this person, not all that could be (15(1)(b))."""
        category = self.env.ref("gdpr_consent.data_category_phone").name
        self.assertIn(category, self.get_told(self.prepare("access"))["categories"])
        bare = self.env["res.partner"].create({"name": "Ines Nova", "email": "ines@example.com"})
        bare._gdpr_ensure_subjects()
        request = self.prepare("access", subject_id=bare.gdpr_subject_id.id)
        told = self.get_told(request)["categories"]
        self.assertIn(self.env.ref("gdpr_consent.data_category_name").name, told)
        self.assertNotIn(category, told)

    def test_recipient_named_once(self):
        acme = self.env["res.partner"].create({"name": "Acme Mailing", "is_company": True})
        self.marketing.recipient_ids = acme
        self.partner.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call")
        told = self.get_told(self.prepare("access"))["recipients"]
        self.assertEqual(told, f"Acme Mailing receives it for: {self.marketing.name}.")

    def test_nothing_held(self):
        """Somebody of whom no record is left is told all the same."""
        subject = self.env["gdpr.subject"].create({})
        request = self.make_request("access", subject_id=subject.id, email="nobody@example.com", lang="en_US")
        request.action_prepare_answer()
        self.assertEqual(request.answer_state, "ready")
        document = self.read_json(request)
        self.check_schema(document)
        self.assertEqual(document["data"], [])
        self.assertIn("We hold no data about you", self.read_report(request))

    def test_mail_has_the_data_of_the_card(self):
        self.start_server()
        message = self.send(self.prepare("access"))
        text = message.get_body(("plain",)).get_content()
        for told in ("Anna Rossi", "Via Roma 1", "+39 02 5550123"):
            self.assertIn(told, text)
        path = self.find_link(message, "download")
        self.assertEqual(self.parse(self.url_open(path)).xpath("//button/@value"), ["answer.html", "data.zip"])

    def test_in_the_language_of_the_person(self):
        self.env["res.lang"]._activate_lang("it_IT")
        country = self.env.ref("base.it")
        country.with_context(lang="it_IT").name = "Italia"
        self.partner.write({"lang": "it_IT", "country_id": country.id})
        request = self.prepare("access")
        self.assertEqual(request.answer_id.lang, "it_IT")
        document = self.read_json(request)
        self.assertEqual(document["language"], "it-IT")
        cards = [part for part in document["data"] if "country_id" in [field["name"] for field in part["fields"]]]
        self.assertIn("Italia", [record["values"]["country_id"] for part in cards for record in part["records"]])

    def change(self, record, user, **values):
        """Let somebody change a record whose changes are tracked."""
        self.env.flush_all()
        self.env.cr.precommit.run()
        record.with_user(user).sudo().write(values)
        self.env.flush_all()
        self.env.cr.precommit.run()

    def test_earlier_address_is_the_persons_own(self):
        """What the person was reached by before isn't somebody else's; of a record that was renamed it may be."""
        for value in ("anna.before@example.com", "anna.rossi@example.com"):
            self.change(self.partner, self.colleague, email=value)
        request = self.prepare("access")
        place = self.env.ref("gdpr_consent.data_map_mail_tracking_value").name
        sides = {
            text
            for values in self.get_values(self.read_json(request), place)
            for text in (values["old_value"], values["new_value"])
        }
        self.assertIn("anna.before@example.com", sides)
        self.assertNotIn(request.answer_id.mark, sides)

    def test_address_of_a_record_that_was_renamed(self):
        self.change(self.partner, self.colleague, name="Bruno Bianchi", email="bruno@example.com")
        self.change(self.partner, self.colleague, name="Anna Rossi", email="anna.rossi@example.com")
        request = self.prepare("access")
        self.assertNotIn("bruno@example.com", str(self.read_json(request)))

    def test_mail_in_the_queue_is_read_as_text(self):
        self.env["mail.mail"].create(
            {
                "recipient_ids": [(4, self.partner.id)],
                "body_html": "<html><style>p {color: red}</style><p>Your <b>order</b></p></html>",
            }
        )
        request = self.prepare("access")
        text = self.read_report(request)
        self.assertIn("order", text)
        self.assertNotIn("<b>", text)

    def test_tracked_changes(self):
        """What was changed, from what to what, by whom and when, in the person's language and without colleagues."""
        self.env["res.lang"]._activate_lang("it_IT")
        stages = self.env["crm.stage"].create([{"name": "First"}, {"name": "Second"}])
        stages[1].with_context(lang="it_IT").name = "Secondo"
        stages[0].with_context(lang="it_IT").name = "Primo"
        self.env["ir.model.fields"]._get("crm.lead", "expected_revenue").with_context(
            lang="it_IT"
        ).field_description = "Ricavo previsto"
        self.inquiry.write({"stage_id": stages[0].id, "expected_revenue": 0, "user_id": False, "active": True})
        self.change(
            self.inquiry,
            self.colleague,
            expected_revenue=1234.5,
            stage_id=stages[1].id,
            user_id=self.colleague.id,
            active=False,
        )
        self.partner.lang = "it_IT"
        request = self.prepare("access")
        place = self.env.ref("gdpr_consent.data_map_mail_tracking_value").with_context(lang="it_IT").name
        changes = {values["field_id"]: values for values in self.get_values(self.read_json(request), place)}
        revenue = changes["Ricavo previsto"]
        self.assertEqual((revenue["old_value"], revenue["new_value"]), (0.0, 1234.5))
        self.assertEqual(revenue["currency_id"], self.env.company.currency_id.name)
        labels = self.env["ir.model.fields"].with_context(lang="it_IT").get_field_string("crm.lead")
        stage, salesperson, active = (changes[labels[name]] for name in ("stage_id", "user_id", "active"))
        self.assertEqual((stage["old_value"], stage["new_value"]), ("Primo", "Secondo"))
        self.assertEqual((active["old_value"], active["new_value"]), (True, False))
        self.assertEqual((salesperson["old_value"], salesperson["new_value"]), (None, request.answer_id.mark))
        self.assertEqual({change["author"] for change in (stage, salesperson, active)}, {revenue["author"]})
        text = self.read_report(request)
        speaking = self.env(context={**self.env.context, "lang": "it_IT"})
        zero, amount = (format_amount(speaking, value, self.env.company.currency_id) for value in (0, 1234.5))
        self.assertIn("1.234,50", amount)
        self.assertIn(f"{zero} → {amount}".replace("\xa0", " "), text)
        self.assertRegex(text, r"Ricavo previsto\W*" + re.escape(zero.replace("\xa0", " ")))
        self.assertRegex(text, "Primo → Secondo")
        self.assertNotIn("Bob", text)
        self.assertNotIn("1234.5", text)
        archive = self.open_archive(request)
        rows = [
            row for name in archive.namelist() if name.endswith(".csv") for row in self.read_csv(archive.read(name))
        ]
        [row] = [row for row in rows if "Ricavo previsto" in row and "1234.5" in row]
        self.assertEqual(row[3:6], ["0.0", "1234.5", self.env.company.currency_id.name])

    def test_who_changed(self):
        """The person herself, a colleague or the system: never which colleague."""
        self.change(self.inquiry, self.colleague, expected_revenue=10)
        self.change(self.inquiry, self.env.ref("base.user_root"), expected_revenue=20)
        values = self.get_values(self.read_json(self.prepare("access")), "Earlier values")
        authors = {
            change["new_value"]: change["author"] for change in values if change["field_id"] == "Expected Revenue"
        }
        self.assertEqual(authors, {10: "a member of our staff", 20: "our system"})

    def test_amounts_with_their_currency(self):
        """An amount is a number beside its currency for machines, and one readable text for the person."""
        self.inquiry.expected_revenue = 1234.5
        currency = self.env.company.currency_id
        request = self.prepare("access")
        [lead] = self.get_values(self.read_json(request), "Leads")
        self.assertEqual(lead["expected_revenue"], 1234.5)
        self.assertEqual(lead["company_currency"], currency.name)
        amount = format_amount(self.env, 1234.5, currency).replace("\xa0", " ")
        self.assertIn(f"Expected Revenue {amount}", self.read_report(request))

    def test_mark_in_the_language_of_the_person(self):
        """What stands in place of somebody else is said in the person's language, everywhere the same."""
        self.env["res.lang"]._activate_lang("it_IT")
        self.partner.lang = "it_IT"
        words = {**code_translations.get_python_translations("gdpr_consent", "it_IT"), "[redacted]": "[oscurato]"}
        patcher = patch.dict(code_translations.python_translations, {("gdpr_consent", "it_IT"): words})
        self.startPatcher(patcher)
        request = self.make_request("access")
        request.action_prepare_answer()
        item = request.answer_id.item_ids.filtered(lambda item: "Spoke with Anna" in (item.original_text or ""))
        self.assertIn("[oscurato]", item.outgoing_text)
        self.assertEqual(item.redaction_count, item.outgoing_text.count("[oscurato]"))
        item.decision = "include"
        item.decision = "redact"
        self.assertIn("[oscurato]", item.outgoing_text)
        request.answer_id.item_ids.filtered(lambda item: not item.decision).decision = "include"
        request.answer_id.action_approve()
        everything = json.dumps(self.read_json(request)) + self.read_report(request)
        self.assertNotIn("[redacted]", everything)
        self.assertIn("[oscurato]", self.read_report(request))

    def test_source(self):
        """Where a record comes from is told, not by whom of the staff (article 15(1)(g))."""
        staff = new_test_user(self.env, "stella", "base.group_user,base.group_partner_manager", name="Stella Nobile")
        self.env["res.partner"].with_user(staff).create(
            {"name": "Anna Rossi", "parent_id": self.partner.id, "type": "delivery"}
        )
        [contact] = [part for part in self.read_json(self.prepare("access"))["data"] if part["place"] == "Contact"]
        self.assertEqual([record["source"] for record in contact["records"]], ["automatic", "staff"])
        self.assertNotIn("Stella", json.dumps(contact))

    def test_source_as_far_as_it_is_known(self):
        """What was imported, came by mail or through the web site is told so; nobody claims more than is recorded."""
        imported = {"id": "list.anna", "name": "Imported", "email_from": "anna.rossi@example.com"}
        leads = self.env["crm.lead"]
        loaded = leads.load(list(imported), [[*imported.values()]])
        self.assertFalse(loaded["messages"])
        visitor = self.env.ref("base.public_user")
        leads.with_user(visitor).sudo().create({"name": "Form", "email_from": "anna.rossi@example.com"})
        gone = leads.create({"name": "Gone", "email_from": "anna.rossi@example.com"})
        gone.flush_recordset()
        self.env.cr.execute("UPDATE crm_lead SET create_uid = NULL WHERE id = %s", [gone.id])
        gone.invalidate_recordset()
        self.partner.message_post(body="By mail", message_type="email", author_id=self.partner.id)
        request = self.prepare("access")
        document = self.read_json(request)
        sources = {
            record["values"]["name"]: record["source"]
            for part in document["data"]
            if part["place"] == "Leads"
            for record in part["records"]
        }
        self.assertEqual(
            {name: sources[name] for name in ("Imported", "Form", "Gone")},
            {"Imported": "import", "Form": "form", "Gone": "unknown"},
        )
        messages = {
            record["source"]
            for part in document["data"]
            for record in part["records"]
            if "By mail" in str(record["values"])
        }
        self.assertEqual(messages, {"email"})
        self.assertIn("from whom isn't recorded", self.read_report(request))

    def test_other_company(self):
        """What another company alone holds is that controller's to tell."""
        other = self.env["res.company"].create({"name": "Other"})
        self.inquiry.copy({"company_id": other.id, "name": "Secret of the other"})
        self.assertNotIn("Secret of the other", str(self.read_json(self.prepare("access"))))

    def test_secrets_never(self):
        place = self.env.ref("gdpr_consent.data_map_res_partner")
        place.field_ids = [(0, 0, {"names": "signup_type", "origin": "observed"})]
        manifest = json.loads(self.open_archive(self.prepare("access")).read("manifest.json"))
        self.assertIn("It protects your account.", [gap["reason"] for gap in manifest["left_out"]])

    def test_only_declared_fields(self):
        lines = self.env.ref("gdpr_consent.data_map_res_partner").field_ids
        lines.filtered(lambda line: line.names in ("barcode", "website")).unlink()
        self.partner.write({"barcode": "undeclared-4711", "website": "https://undeclared.example.com"})
        archive = self.open_archive(self.prepare("access"))
        for name in archive.namelist():
            self.assertNotIn(b"undeclared", archive.read(name))

    def test_shared_address(self):
        """A record that only a shared address leads to waits for somebody who knows whose it is."""
        self.env["res.partner"].create({"name": "Ugo Blu", "email": "anna.rossi@example.com"})
        doubtful = self.env["crm.lead"].create({"name": "Whose is it", "email_from": "anna.rossi@example.com"})
        request = self.make_request("access")
        request.action_prepare_answer()
        item = request.answer_id.item_ids.filtered(lambda item: item.kind == "record" and item.res_id == doubtful.id)
        self.assertFalse(item.decision)
        request.answer_id.item_ids.filtered(lambda item: not item.decision).decision = "leave_out"
        request.answer_id.action_approve()
        self.assertNotIn("Whose is it", str(self.read_json(request)))

    @skipUnless(shutil.which("wkhtmltopdf"), "wkhtmltopdf isn't installed")
    def test_pdf(self):
        request = self.make_request("access").with_context(force_report_rendering=True)
        request.action_prepare_answer()
        request.answer_id.item_ids.filtered(lambda item: not item.decision).decision = "leave_out"
        request.answer_id.action_approve()
        content = self.get_file(request, "answer.pdf")
        self.assertTrue(content.startswith(b"%PDF"))
        page = PdfFileReader(io.BytesIO(content)).pages[0]
        self.assertIn(request.name, page.extract_text(), "text that can be searched and read out, not curves")
