import json
from datetime import timedelta

from lxml import html

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from .answer_common import AnswerCase


@tagged("post_install", "-at_install")
class TestAnswerOthers(AnswerCase):
    """Who else is named is proposed for redaction, and goes out nowhere else (article 15(4), law.md R-53)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.stranger = cls.env["res.partner"].create(
            {"name": "Mario Bianchi", "email": "mario.bianchi@example.com", "phone": "+39 02 555 7777"}
        )

    def read_all(self, request):
        archive = self.open_archive(request)
        texts = [archive.read(name).decode() for name in archive.namelist() if not name.startswith("files/")]
        return " ".join([*texts, *archive.namelist()])

    def find_item(self, request, text):
        return request.answer_id.item_ids.filtered(lambda item: text in (item.original_text or ""))

    def test_contacts_named_in_texts(self):
        """A contact that has nothing to do with the person is noticed by the name, whatever its order, and number."""
        self.partner.message_post(body="Same wish as BIANCHI Mario, call 02 5557777 or +39 02 555 7777.")
        request = self.make_request("access")
        request.action_prepare_answer()
        item = self.find_item(request, "Same wish")
        self.assertEqual(item.decision, "redact")
        self.assertNotIn("BIANCHI", item.outgoing_text)
        self.assertNotIn("555", item.outgoing_text)

    def test_contact_known_by_its_address(self):
        self.partner.message_post(body="Mario asked too (mario.bianchi@example.com).")
        request = self.make_request("access")
        request.action_prepare_answer()
        self.assertEqual(self.find_item(request, "asked too").outgoing_text, "[redacted] asked too ([redacted]).")

    def test_numbers_of_nobody_known(self):
        """Every address, number and account is proposed that isn't the person's; the company's own name nobody."""
        company = self.env.company
        company.write({"country_id": self.env.ref("base.it").id, "phone": "+39 02 5559999", "email": "us@example.com"})
        self.env["res.partner.bank"].create(
            [
                {"acc_number": "IT60 X054 2811 1010 0000 0123 456", "partner_id": self.partner.id},
                {"acc_number": "GB82 WEST 1234 5698 7654 32", "partner_id": company.partner_id.id},
            ]
        )
        domain = self.env["mail.alias.domain"].create({"name": "our.example.com"})
        model = self.env["ir.model"]._get_id("crm.lead")
        alias = {"alias_name": "chairs", "alias_domain_id": domain.id, "alias_model_id": model}
        self.env["mail.alias"].create(alias)
        own = (
            "anna.rossi@example.com, +39 02 5550123, IT60X0542811101000000123456,"
            " us@example.com, chairs@our.example.com, 02 5559999, GB82 WEST 1234 5698 7654 32"
        )
        self.partner.message_post(body=f"Nobody else: {own}", message_type="comment")
        self.partner.message_post(body=f"{own}. Others: ugo@example.org, 347 8812990, DE89370400440532013000.")
        request = self.make_request("access")
        request.action_prepare_answer()
        self.assertEqual(self.find_item(request, "Nobody else").decision, "include")
        item = self.find_item(request, "Others:")
        self.assertEqual((item.decision, item.redaction_count), ("redact", 3))
        self.assertEqual(item.outgoing_text, f"{own}. Others: [redacted], [redacted], [redacted].")

    def test_many_contacts_cost_no_queries(self):
        """How many names there are in the texts doesn't matter to the database."""

        def count(texts):
            reader = self.make_reader()
            before = self.env.cr.sql_log_count
            self.env["gdpr.data.map"]._take_in_named(texts, reader)
            return self.env.cr.sql_log_count - before

        few = count(["Mario Bianchi"])
        self.assertLessEqual(count([f"Name{n} Surname{n}" for n in range(100)]), few + 1)

    def make_reader(self):
        request = self.make_request("access")
        request.action_prepare_answer()
        reader = request.sudo().answer_id._make_reader()
        request.action_cancel()
        return reader

    def test_names_of_linked_records(self):
        """The name of a record that is linked to is words of somebody, too."""
        self.inquiry.name = "Chairs for Mario Bianchi"
        self.inquiry.email_cc = "someone.else@example.com"
        self.inquiry.activity_schedule("mail.mail_activity_data_todo", summary="Call", user_id=self.env.uid)
        everything = self.read_all(self.prepare("access"))
        self.assertIn("Chairs for [redacted]", everything)
        for other in ("Bianchi", "someone.else"):
            self.assertNotIn(other, everything)

    def test_linked_record_as_reviewed(self):
        """A file that was left out isn't told by its name in the message that it came with."""
        self.file.name = "Quarrel with neighbour.txt"
        self.partner.message_post(body="See the file", attachment_ids=self.file.ids)
        request = self.make_request("access")
        request.action_prepare_answer()
        items = request.answer_id.item_ids
        for item in items.filtered(lambda item: item.res_id == self.file.id and item.place_id.model == "ir.attachment"):
            item.decision = "leave_out"
        items.filtered(lambda item: not item.decision).decision = "include"
        request.answer_id.action_approve()
        self.assertNotIn("Quarrel", self.read_all(request))

    def test_file_named_as_reviewed(self):
        self.file.name = "Letter of Mario Bianchi.txt"
        names = self.open_archive(self.prepare("access")).namelist()
        self.assertIn("files/Letter_of_redacted_.txt", names)
        self.assertNotIn("Bianchi", " ".join(names))

    def test_nobody_named(self):
        """Odoo itself and the addresses of its mail are nobody."""
        robot = self.env.ref("base.partner_root")
        robot.email = "odoobot@example.com"
        self.partner.message_post(body=f"Sent by {robot.name}, odoobot@example.com", message_type="comment")
        request = self.make_request("access")
        request.action_prepare_answer()
        self.assertEqual(self.find_item(request, "Sent by").decision, "include")

    def test_value_of_the_employer(self):
        """The tax number on the card of somebody who works for a company is the company's."""
        employer = self.env["res.partner"].create({"name": "Acme", "is_company": True, "vat": "IT12345670017"})
        self.partner.parent_id = employer
        self.assertEqual(self.partner.vat, employer.vat)
        self.assertNotIn("12345670017", self.read_all(self.prepare("portability")))

    def test_review_shows_what_was_proposed(self):
        request = self.make_request("access")
        request.action_prepare_answer()
        action = request.action_review_answer()
        self.assertFalse([name for name in action.get("context", {}) if name.startswith("search_default")])
        items = self.env["gdpr.answer.item"].with_user(self.officer).search(action["domain"])
        self.assertEqual(items, request.answer_id.item_ids)
        decisions = items.mapped("decision")
        self.assertEqual(decisions, sorted(decisions, key=[False, "redact", "leave_out", "include"].index))
        self.assertEqual(request.answer_redacted_count, decisions.count("redact"))

    def test_doubtful_record_with_labels(self):
        self.env["res.partner"].create({"name": "Ugo Blu", "email": "anna.rossi@example.com"})
        self.env["crm.lead"].create({"name": "Whose is it", "email_from": "anna.rossi@example.com", "city": "Torino"})
        request = self.make_request("access")
        request.action_prepare_answer()
        [item] = request.answer_id.item_ids.filtered(
            lambda item: item.kind == "record" and "Whose is it" in item.original_text
        )
        self.assertIn("City: Torino", item.original_text.splitlines())

    def test_labels_of_the_officer(self):
        """The officer reads the labels in the own language; what goes out has them in that of the person."""
        self.env["res.lang"]._activate_lang("it_IT")
        self.partner.lang = "it_IT"
        place = self.env.ref("gdpr_consent.data_map_crm_lead")
        place.with_context(lang="it_IT").name = "Opportunità"
        for name, label in (("city", "Città"), ("description", "Appunti")):
            field = self.env["ir.model.fields"]._get("crm.lead", name)
            field.with_context(lang="it_IT").field_description = label
        self.env["res.partner"].create({"name": "Ugo Blu", "email": "anna.rossi@example.com"})
        self.env["crm.lead"].create({"name": "Whose is it", "email_from": "anna.rossi@example.com", "city": "Torino"})
        self.inquiry.description = "Chairs in the garden"
        request = self.make_request("access")
        request.action_prepare_answer()
        items = request.answer_id.item_ids.with_user(self.officer).with_context(lang="en_US")
        [doubtful] = items.filtered(lambda item: item.kind == "record" and "Whose is it" in item.original_text)
        self.assertIn("Città: Torino", doubtful.original_text.splitlines())
        self.assertIn("City: Torino", doubtful.shown_text.splitlines())
        [notes] = items.filtered(lambda item: item.field == "description")
        self.assertRegex(notes.shown_title, "^Leads · .* · Notes$")
        self.assertRegex(notes.with_context(lang="it_IT").shown_title, "^Opportunità · .* · Appunti$")
        self.assertEqual((notes.place, notes.place_id.display_name), ("Leads", "Leads"))
        self.assertNotIn("Opportunità", request.with_context(lang="en_US").answer_undeclared)
        items.filtered(lambda item: not item.decision).decision = "include"
        request.answer_id.action_approve()
        self.assertIn("Opportunità", [part["place"] for part in self.read_json(request)["data"]])

    def test_how_many_to_decide(self):
        """Beside the button, and on each text, it says how many are still to be decided."""
        self.env["res.partner"].create({"name": "Ugo Blu", "email": "anna.rossi@example.com"})
        self.env["crm.lead"].create({"name": "Whose is it", "email_from": "anna.rossi@example.com"})
        request = self.make_request("access")
        request.action_prepare_answer()
        undecided = request.answer_id.item_ids.filtered(lambda item: not item.decision)
        self.assertEqual(request.answer_to_decide, f"{len(undecided)} to decide")
        self.assertEqual(undecided[0].undecided_count, len(undecided))
        undecided.action_include()
        self.assertFalse(request.answer_to_decide)

    def test_too_late(self):
        """Who still has the review open is told that it is over."""
        request = self.make_request("access")
        request.action_prepare_answer()
        items = request.answer_id.item_ids.with_user(self.officer)
        items.filtered(lambda item: not item.decision).action_include()
        request.answer_id.action_approve()
        for change in (items.action_include, items.action_redact, lambda: items[0].write({"decision": "include"})):
            with self.assertRaisesRegex(UserError, "review is over"):
                change()

    def test_sent_by_post(self):
        """What goes by paper has an end: the files are deleted after the same term."""
        request = self.prepare("access", email=False)
        request.with_user(self.officer).action_sent_by_post()
        answer = request.sudo().answer_id
        self.assertEqual((request.state, answer.state), ("done", "sent"))
        self.assertIn("by post", request.resolution)
        self.assertEqual(answer.expires_on - answer.sent_on, timedelta(days=answer.company_id.gdpr_download_days))
        answer.expires_on = fields.Datetime.now() - timedelta(days=1)
        answer._discard_expired()
        self.assertFalse(answer.attachment_ids)

    def test_closed_in_another_way(self):
        """Files that nobody sent end too."""
        request = self.prepare("access", email=False)
        request.resolution = "Handed over in the shop"
        request.action_fulfil()
        answer = request.sudo().answer_id
        answer._discard_expired()
        self.assertEqual(answer.expires_on - request.done_on, timedelta(days=answer.company_id.gdpr_download_days))
        request.sudo().done_on -= timedelta(days=30)
        answer.expires_on = False
        answer._discard_expired()
        self.assertEqual(answer.state, "expired")

    def test_nothing_is_claimed(self):
        """What the company never declared isn't stated as a fact; the officer is told what is missing."""
        purpose = self.env["gdpr.purpose"].create({"name": "Deliveries", "code": "deliver", "legal_basis": "contract"})
        request = self.make_request("access")
        request.action_prepare_answer()
        for what in ("recipients", "automated decisions", "transfers abroad"):
            self.assertRegex(request.answer_undeclared, f"{what}: .*Deliveries")
        request.answer_id.item_ids.filtered(lambda item: not item.decision).decision = "include"
        request.answer_id.action_approve()
        document = self.read_json(request)
        told = {block["about"]: " ".join(block["statements"]) for block in document["information"]}
        for about in ("recipients", "automated_decisions", "transfers"):
            self.assertIn("on record", told[about])
        purpose.transfers = "None: it stays in Italy."
        self.assertNotRegex(request.answer_id._find_undeclared(purpose)[-1], "transfers")

    def test_dates_in_the_language_of_the_person(self):
        self.env["res.lang"]._activate_lang("it_IT")
        self.partner.lang = "it_IT"
        self.inquiry.date_deadline = "2026-03-31"
        request = self.prepare("access")
        text = html.fromstring(self.get_file(request, "answer.html")).text_content()
        self.assertNotRegex(text, r"\d{4}-\d\d-\d\d")
        self.assertRegex(json.dumps(self.read_json(request)["data"]), r"\d{4}-\d\d-\d\dT")
