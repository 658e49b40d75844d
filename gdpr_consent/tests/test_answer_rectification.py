import base64
import csv
import io
from uuid import uuid4

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, new_test_user, tagged

from .answer_common import AnswerCase


@tagged("post_install", "-at_install")
class TestAnswerRectification(AnswerCase):
    """The person gets the data to correct, says what is right, and an officer decides line by line (S33)."""

    def setUp(self):
        super().setUp()
        self.start_server()

    def open_case(self):
        """Give a request whose data was sent to the person, and the path of the form."""
        request = self.prepare("rectification")
        message = self.send(request)
        return request, message, self.find_link(message, "rectification")

    def name_of(self, field, record=None):
        record = record or self.partner
        return f"value.{record._name}.{record.id}.{field}"

    def propose(self, path, *values):
        return self.submit(path, list(values))

    def tick(self, request, *labels):
        with Form(request.with_user(self.officer)) as form:
            for index, line in enumerate(request.correction_ids):
                if line.label in labels:
                    with form.correction_ids.edit(index) as edited:
                        edited.is_chosen = True

    def explain(self, request, label, ground=None, explanation=None):
        """Say of a line, in the form, why it stays or what was done."""
        with Form(request.with_user(self.officer)) as form:
            for index, line in enumerate(request.correction_ids):
                if line.label == label:
                    with form.correction_ids.edit(index) as edited:
                        if ground:
                            edited.ground = ground
                        edited.explanation = explanation

    def upload(self, request, content):
        action = request.action_read_corrections()
        upload = self.env[action["res_model"]].with_user(self.officer).with_context(**action["context"])
        upload.create({"file": base64.b64encode(content)}).action_read()

    def answer_by_mail(
        self, message, content, sender="Anna Rossi <anna.rossi@example.com>", kind="text/csv", raw=False
    ):
        """Let a message with a CSV file come in, as an answer to one that was sent; ``raw``: as it is, in 8 bits."""
        head = (
            f"From: {sender}\r\nTo: {message['Reply-To'] or message['From']}\r\nSubject: Re: data\r\n"
            f"Message-Id: <{uuid4()}@example.com>\r\nIn-Reply-To: {message['Message-Id']}\r\n"
            "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"
            f"Content-Type: text/plain\r\n\r\nHere it is\r\n--x\r\nContent-Type: {kind}; name=data.csv\r\n"
            "Content-Disposition: attachment; filename=data.csv\r\n"
            f"Content-Transfer-Encoding: {'8bit' if raw else 'base64'}\r\n\r\n"
        )
        body = content if raw else base64.b64encode(content)
        self.env["mail.thread"].message_process(None, head.encode() + body + b"\r\n--x--\r\n")

    def fill_csv(self, request, right, delimiter=",", encoding="utf-8-sig"):
        """Give the file that was sent, with what is right in the last column, as a spreadsheet saves it."""
        rows = self.read_csv(self.get_file(request, "data.csv"))
        for row in rows:
            row[3] = right.get(row[1], row[3]) if row[0] == "Contact" else row[3]
        file = io.StringIO(newline="")
        csv.writer(file, delimiter=delimiter).writerows(rows)
        return file.getvalue().encode(encoding)

    def test_mail(self):
        request, message, path = self.open_case()
        text = message.get_body(("plain",)).get_content()
        self.assertIn("Via Roma 1", text)
        download = self.find_link(message, "download")
        rows = self.read_csv(self.download(download, "data.csv").content)
        self.assertEqual(len(rows[0]), 4)
        self.assertIn(["Contact", "City", "Torino", ""], rows)
        self.assertIn(["Contact", "Phone", "'+39 02 5550123", ""], rows)
        self.assertNotIn("Likes tea", str(rows))
        self.assertTrue(path)
        self.assertEqual(request.state, "in_progress")

    def test_csv_attached(self):
        self.env.company.gdpr_answer_delivery = "attachment"
        _request, message, _path = self.open_case()
        self.assertEqual([part.get_filename() for part in message.iter_attachments()], ["data.csv"])

    def test_form(self):
        request, _message, path = self.open_case()
        page = self.url_open(path)
        inputs = self.parse(page).xpath("//input[@type='text']")
        self.assertEqual(
            {field.get("name"): field.get("value") for field in inputs}[self.name_of("city")],
            "Torino",
        )
        self.assertNotIn("<script", page.text)
        response = self.propose(
            path, (self.name_of("city"), "Milano"), (self.name_of("phone"), "+39 02 5550123"), ("statement", "And more")
        )
        self.assertIn("Milano", response.text)
        self.env.invalidate_all()
        self.assertEqual(self.partner.city, "Torino", "nothing changes before somebody has decided")
        self.assertEqual(
            [(line.label, line.old_value or "", line.new_value) for line in request.correction_ids],
            [("City", "Torino", "Milano"), ("In your own words", "", "And more")],
        )
        self.assertIn("In your own words", response.text, "the person is spoken to")
        self.assertEqual(request.correction_ids.mapped("shown_label"), ["City", "In the person's words"])
        self.assertEqual(
            request.correction_ids.mapped("shown_record"),
            [f"Contact: {self.partner.display_name}", False],
            "Two values of one name, of a contact and a lead, are told apart.",
        )
        self.assertIn("proposed", request.step_ids.mapped("action"))

    def test_apply(self):
        request, _message, path = self.open_case()
        country = self.env.ref("base.it")
        self.propose(
            path,
            (self.name_of("city"), "Milano"),
            (self.name_of("street"), "Via Verdi 2"),
            (self.name_of("country_id"), country.name),
        )
        self.env.invalidate_all()
        with self.assertRaisesRegex(UserError, "Tick"):
            request.action_apply_corrections()
        self.tick(request, "City", "Country")
        request.action_apply_corrections()
        self.assertEqual((self.partner.city, self.partner.street), ("Milano", "Via Roma 1"))
        self.assertEqual(self.partner.country_id, country)
        with self.assertRaisesRegex(UserError, "apply or reject"):
            request.action_fulfil()
        with self.assertRaisesRegex(UserError, "Street: say why"):
            request.action_reject_corrections()
        self.explain(request, "Street", "unproven", "The invoice of May says Via Roma.")
        request.action_reject_corrections()
        request.action_fulfil()
        self.assertEqual(request.state, "done")
        self.assertIn("We corrected: City, Country", request.resolution)
        self.assertEqual(request.correction_ids.mapped("user_id"), self.officer)
        notes = request.step_ids.filtered(lambda step: step.action in ("applied", "rejected"))
        self.assertNotIn("Milano", str(notes.mapped("note")), "the log tells what, not the values")
        self.assertIn(request.name, str(self.partner.message_ids.mapped("body")))

    def test_recipients_are_told(self):
        recipient = self.env["res.partner"].create(
            {"name": "Acme", "is_company": True, "email": "privacy@acme.example.com"}
        )
        self.marketing.recipient_ids = recipient
        self.partner.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call")
        request, _message, path = self.open_case()
        self.propose(path, (self.name_of("city"), "Milano"))
        self.env.invalidate_all()
        self.tick(request, "City")
        request.action_apply_corrections()
        self.assertEqual(request.recipient_notice_ids.recipient_id, recipient)

    def test_recipients_are_told_of_what_is_corrected_later(self):
        self.marketing.recipient_ids = self.env["res.partner"].create(
            {"name": "Acme", "is_company": True, "email": "privacy@acme.example.com"}
        )
        self.partner.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call")
        request, _message, path = self.open_case()
        self.propose(path, (self.name_of("city"), "Milano"), (self.name_of("street"), "Via Po 2"))
        self.env.invalidate_all()
        for label in ("City", "Street"):
            self.tick(request, label)
            request.action_apply_corrections()
            self.leave()
        steps = request.step_ids.filtered(lambda step: step.action == "told_recipients")
        self.assertEqual(len(steps), 2)

    def test_what_is_no_address(self):
        request, _message, path = self.open_case()
        self.propose(path, (self.name_of("email"), "not an address"))
        self.env.invalidate_all()
        self.tick(request, "Email")
        with self.assertRaisesRegex(UserError, "is no e-mail address"), self.env.cr.savepoint():
            request.action_apply_corrections()
        self.env.invalidate_all()
        self.assertNotEqual(self.partner.email, "not an address")

    def test_officer_needs_the_right_to_write(self):
        request, _message, path = self.open_case()
        self.propose(path, (self.name_of("city"), "Milano"))
        self.env.invalidate_all()
        request.sudo().correction_ids.is_chosen = True
        weak = new_test_user(self.env, "weak", "gdpr_consent.group_officer")
        with self.assertRaises(AccessError):
            request.with_user(weak).action_apply_corrections()
        self.assertEqual(self.partner.city, "Torino")

    def test_what_cannot_be_written(self):
        request, _message, path = self.open_case()
        self.propose(path, (self.name_of("country_id"), "Atlantis"), (self.name_of("city"), "Milano"))
        self.env.invalidate_all()
        self.tick(request, "City", "Country")
        with self.assertRaisesRegex(UserError, "Atlantis"), self.env.cr.savepoint():
            request.action_apply_corrections()
        self.env.invalidate_all()
        self.assertEqual(self.partner.city, "Torino", "all or nothing")

    def test_only_what_was_shown(self):
        """Whatever else a form sends changes nothing (law.md R-96)."""
        request, _message, path = self.open_case()
        other = self.env["res.partner"].create({"name": "Other", "city": "Roma"})
        self.propose(
            path,
            (self.name_of("city", other), "Milano"),
            (self.name_of("credit_limit"), "1000000"),
            (self.name_of("comment"), "x"),
            ("state", "done"),
        )
        self.env.invalidate_all()
        self.assertFalse(request.correction_ids)

    def test_proposed_again(self):
        """A second thought takes the place of the first; two tabs don't double a line."""
        request, _message, path = self.open_case()
        self.propose(path, (self.name_of("city"), "Milano"))
        self.propose(path, (self.name_of("city"), "Roma"))
        self.env.invalidate_all()
        self.assertEqual(request.correction_ids.mapped("new_value"), ["Roma"])

    def test_looking_changes_nothing(self):
        self.watched_models += ("gdpr.rectification.line", "gdpr.subject.request.step")
        _request, _message, path = self.open_case()
        before = self.take_snapshot()
        self.url_open(path, params={self.name_of("city"): "Milano"})
        self.assertEqual(self.take_snapshot(), before)

    def test_closed_case(self):
        request, _message, path = self.open_case()
        request.resolution = "Corrected on the phone."
        request.action_fulfil()
        response = self.url_open(path)
        self.assertEqual(response.status_code, 404)
        self.assertIn('href="/gdpr/request"', response.text)

    def test_csv_by_the_officer(self):
        request = self.prepare("rectification")
        for delimiter, encoding in ((",", "utf-8-sig"), (";", "cp1252")):
            with self.subTest(delimiter=delimiter):
                content = self.fill_csv(request, {"City": "Forlì", "Phone": "'+39 06 1234567"}, delimiter, encoding)
                self.upload(request, content)
                self.assertEqual(
                    {line.label: line.new_value for line in request.correction_ids},
                    {"City": "Forlì", "Phone": "+39 06 1234567"},
                )

    def test_csv_by_mail_as_spreadsheets_save_it(self):
        """Whatever the message says of the encoding, or doesn't."""
        request, message, _path = self.open_case()
        for encoding, delimiter, kind, raw in (
            ("cp1252", ";", "text/csv", False),
            ("cp1252", ";", "text/csv", True),
            ("cp1252", ";", "text/csv; charset=utf-8", False),
            ("cp1252", ",", "text/csv; charset=us-ascii", False),
            ("cp1252", ";", "text/csv; charset=windows-1252", True),
            ("cp1252", ";", "text/plain", False),
            ("cp1252", ";", "application/vnd.ms-excel", False),
            ("utf-8", ",", "text/csv", True),
            ("utf-8-sig", ";", "text/csv", False),
            ("utf-16", "\t", "text/csv", False),
            ("utf-16-le", ";", "text/csv", False),
            ("utf-16-be", ",", "application/octet-stream", False),
        ):
            with self.subTest(encoding=encoding, delimiter=delimiter, kind=kind, raw=raw):
                request.correction_ids.sudo().unlink()
                content = self.fill_csv(request, {"City": "Forlì – Città"}, delimiter, encoding)
                self.answer_by_mail(message, content, kind=kind, raw=raw)
                self.assertEqual(
                    {line.label: line.new_value for line in request.correction_ids}, {"City": "Forlì – Città"}
                )

    def test_tax_number_that_is_none(self):
        """It isn't written, with a country or without; nothing else that was ticked is lost."""
        request, _message, path = self.open_case()
        # Where its module is installed Odoo knows better.
        known = ["IT00000000001"] if hasattr(self.partner, "_check_vat_number") else []
        for text in ("nonsense", "???", "one two", *known):
            with self.subTest(text=text):
                self.propose(path, (self.name_of("vat"), text), (self.name_of("city"), "Milano"))
                self.env.invalidate_all()
                self.tick(request, "Tax ID", "City")
                with self.assertRaises(UserError) as raised, self.env.cr.savepoint():
                    request.action_apply_corrections()
                self.assertIn(text[2:], str(raised.exception).lower())
                self.assertEqual((self.partner.vat, self.partner.city), (False, "Torino"))
                self.assertEqual(set(request.correction_ids.mapped("is_chosen")), {True})
        self.partner.country_id = self.env.ref("base.it")
        with self.assertRaises(UserError), self.env.cr.savepoint():
            request.action_apply_corrections()
        self.partner.country_id = False
        self.propose(path, (self.name_of("vat"), "IT12345670017"))
        self.env.invalidate_all()
        self.tick(request, "Tax ID")
        request.action_apply_corrections()
        self.assertEqual((self.partner.vat, self.partner.city), ("IT12345670017", "Milano"))

    def test_lead_that_only_the_address_ties_to_the_person(self):
        """It is in the answer, so it can be corrected; not where somebody else has the address, too."""
        values = {"name": "Boat", "email_from": self.partner.email, "city": "Asti"}
        lead = self.env["crm.lead"].create({**values, "contact_name": self.partner.name})
        self.assertFalse(lead.gdpr_subject_id or lead.partner_id)
        request, _message, path = self.open_case()
        for is_shared in (True, False):
            if is_shared:
                others = self.env["crm.lead"].create({**values, "contact_name": "Bruno Bianchi"})
            else:
                others.unlink()
            page = self.parse(self.url_open(path))
            names = {field.get("name") for field in page.xpath("//input | //select")}
            self.assertIn(self.name_of("city"), names)
            self.assertEqual(self.name_of("city", lead) in names, not is_shared)
        self.propose(path, (self.name_of("city", lead), "Alba"))
        self.env.invalidate_all()
        self.tick(request, "City")
        request.action_apply_corrections()
        self.assertEqual(lead.city, "Alba")

    def test_csv_through_the_form(self):
        request, _message, path = self.open_case()
        fields = dict(self.get_hidden_fields(self.url_open(path)))
        content = self.fill_csv(request, {"City": "Milano"})
        self.url_open(path, data=fields, files={"file": ("data.csv", content, "text/csv")})
        self.env.invalidate_all()
        self.assertEqual(request.correction_ids.new_value, "Milano")
        response = self.url_open(path, data=fields, files={"file": ("data.csv", b"a,b\r\n1,2\r\n", "text/csv")})
        self.assertEqual(response.status_code, 422)
        self.assertIn("isn't the file", self.parse(response).text_content())

    def test_what_is_offered(self):
        """What a person would correct; what is one of a list is picked from it, and can be applied."""
        italy = self.env.ref("base.it")
        self.partner.write({"country_id": italy.id, "ref": "C/17", "tz": "Europe/Rome"})
        request, _message, path = self.open_case()
        page = self.parse(self.url_open(path))
        names = {field.get("name") for field in page.xpath("//input | //select")}
        for name in ("ref", "tz", "peppol_endpoint", "global_location_number"):
            self.assertNotIn(self.name_of(name), names)
        [country] = page.xpath(f"//select[@name='{self.name_of('country_id')}']")
        self.assertEqual(country.value, "Italy")
        self.assertIn("France", country.value_options)
        [state] = page.xpath(f"//select[@name='{self.name_of('state_id')}']")
        self.assertIn("Torino (IT)", state.value_options)
        self.assertNotIn("California (US)", state.value_options)
        self.propose(path, (self.name_of("country_id"), "Italy"), (self.name_of("state_id"), "Torino (IT)"))
        self.env.invalidate_all()
        [line] = request.correction_ids
        self.tick(request, line.label)
        request.action_apply_corrections()
        self.assertEqual(self.partner.state_id, self.env.ref("base.state_it_to"))

    def test_file_that_is_no_csv_keeps_the_form(self):
        """What is too large is said to be; nothing that was typed is lost, nor half noted."""
        request, _message, path = self.open_case()
        city = self.name_of("city")
        fields = {**dict(self.get_hidden_fields(self.url_open(path))), city: "Milano", "statement": "And more"}
        fields["remove." + self.name_of("phone")] = "1"
        large = b"a,b\r\n" + b"1,2\r\n" * 300_000
        for content, words in (
            (large, "larger than 1 MB"),
            (b"PK\x03\x04\x81\x8d", "can't be read"),
        ):
            with self.subTest(words=words):
                response = self.url_open(path, data=fields, files={"file": ("photo.csv", content, "text/csv")})
                self.assertEqual(response.status_code, 422)
                page = self.parse(response)
                self.assertIn(words, page.get_element_by_id("o_gdpr_problems").text_content())
                form = dict(page.forms[0].form_values())
                self.assertEqual((form[city], form["shown." + city]), ("Milano", "Torino"))
                self.assertEqual((form["statement"], form["remove." + self.name_of("phone")]), ("And more", "1"))
                self.env.invalidate_all()
                self.assertFalse(request.correction_ids)

    def test_csv_for_what_was_an_access_request_first(self):
        """The copy of the data that was prepared before is a ZIP file: it isn't read for what was sent."""
        request = self.make_request("access")
        request.action_prepare_answer()
        request.answer_id.item_ids.filtered(lambda item: not item.decision).decision = "include"
        request.answer_id.action_approve()
        self.assertTrue(request.answer_id.attachment_ids)
        content = b"Record,Field,What we have,What is right\r\nContact,City,Torino,Milano\r\n"
        self.upload(request, content)
        self.assertEqual(request.correction_ids.mapped("new_value"), ["Milano"])

    def test_csv_by_mail(self):
        """The person answers the message with the file; somebody else's answer counts for nothing."""
        request, message, _path = self.open_case()
        content = self.fill_csv(request, {"City": "Milano"})
        for sender, expected in (("thief@example.com", []), ("Anna Rossi <anna.rossi@example.com>", ["Milano"])):
            with self.subTest(sender=sender):
                self.answer_by_mail(message, content, sender)
                self.assertEqual(request.correction_ids.mapped("new_value"), expected)

    def test_person_is_told(self):
        """What was applied, what wasn't and why, and where to complain (article 12(4))."""
        request, _message, path = self.open_case()
        self.propose(path, (self.name_of("city"), "Milano"), (self.name_of("street"), "Via Verdi 2"))
        self.env.invalidate_all()
        self.tick(request, "City")
        request.action_apply_corrections()
        self.explain(request, "Street", "accurate", "The invoice of May says Via Roma.")
        request.action_reject_corrections()
        request.resolution = "We spoke on the phone."
        request.action_fulfil()
        self.leave()
        [message] = [
            found
            for found in map(self.read, self.mailbox.envelopes)
            if "corrected" in found.get_body(("plain",)).get_content()
        ]
        text = " ".join(message.get_body(("plain",)).get_content().split())
        self.assertEqual(message["To"], "anna.rossi@example.com")
        for words in (
            "We spoke on the phone.",
            "We corrected: City.",
            "We didn't correct: Street (The data is right as it is (article 16): The invoice of May says Via Roma.).",
            "article 77",
            "articles 78 and 79",
        ):
            self.assertIn(words, text)

    def test_untouched_file(self):
        """The values that were sent, older than the record or changed by a spreadsheet, are no corrections."""
        self.partner.zip = "01234"
        request, message, _path = self.open_case()
        content = self.fill_csv(request, {})
        self.partner.write({"city": "Milano", "street": False})
        content = content.replace(b"01234", b"1234")
        self.answer_by_mail(message, content)
        self.assertFalse(request.correction_ids)

    def test_written_over(self):
        request = self.prepare("rectification")
        self.partner.city = "Asti"
        self.upload(request, self.fill_csv(request, {}).replace(b"Torino", b"Milano"))
        line = request.correction_ids.filtered(lambda line: line.record == "Contact")
        self.assertEqual((line.label, line.old_value, line.new_value), ("City", "Torino", "Milano"))
        self.assertEqual(line.current_value, "Asti")

    def test_written_over_when_what_was_sent_is_gone(self):
        request = self.prepare("rectification")
        content = self.fill_csv(request, {"Phone": "+39 06 1234567"}).replace(b"Torino", b"Milano")
        request.answer_id._discard()
        self.upload(request, content)
        self.assertEqual(request.correction_ids.mapped("label"), ["Phone"])
        self.assertIn("City", str(request.message_ids.mapped("body")))

    def test_removal(self):
        """Nothing is emptied by accident: an emptied input or cell says nothing, a tick or a dash does."""
        request, _message, path = self.open_case()
        page = self.propose(path, (self.name_of("city"), ""), (f"remove.{self.name_of('street')}", "1"))
        self.assertIn("City", self.parse(page).xpath("string(//*[@id='o_gdpr_emptied'])"))
        self.env.invalidate_all()
        self.assertEqual([(line.label, line.new_value or "") for line in request.correction_ids], [("Street", "")])
        self.assertEqual(request.correction_ids.proposal, "(to be removed)")
        self.upload(request, self.fill_csv(request, {"Phone": "-"}).replace(b"Torino", b""))
        self.tick(request, "Street", "Phone")
        request.action_apply_corrections()
        self.assertEqual((self.partner.city, self.partner.street, self.partner.phone), ("Torino", False, False))

    def test_stale_page(self):
        """What the record got since the page was opened isn't turned back by sending the page."""
        request, _message, path = self.open_case()
        fields = dict(self.get_hidden_fields(self.url_open(path)))
        self.partner.city = "Milano"
        self.url_open(path, data={**fields, self.name_of("city"): "Torino", self.name_of("street"): "Via Roma 1"})
        self.env.invalidate_all()
        self.assertFalse(request.correction_ids)

    def test_changed_meanwhile(self):
        """The officer looks again at what was changed on the record since the person saw it."""
        request, _message, path = self.open_case()
        self.propose(path, (self.name_of("city"), "Milano"), (self.name_of("street"), "Via Verdi 2"))
        self.env.invalidate_all()
        self.partner.city = "Asti"
        self.tick(request, "City", "Street")
        warning = request.action_apply_corrections()
        self.assertEqual(warning["params"]["type"], "warning")
        self.assertIn("City", warning["params"]["message"])
        self.assertEqual((self.partner.city, self.partner.street), ("Asti", "Via Roma 1"), "nothing is written")
        city = request.correction_ids.filtered(lambda line: line.label == "City")
        self.assertEqual((city.old_value, city.current_value, city.proposal), ("Torino", "Asti", "Milano"))
        self.assertFalse(city.is_chosen)
        self.tick(request, "City")
        self.partner.city = "Roma"
        self.assertEqual(request.action_apply_corrections()["params"]["type"], "warning")
        self.assertEqual(self.partner.city, "Roma")
        self.tick(request, "City")
        self.assertIs(request.action_apply_corrections(), True)
        self.assertEqual((self.partner.city, self.partner.street), ("Milano", "Via Verdi 2"))

    def test_own_words(self):
        """What the person wrote is dealt with when an officer says how."""
        request, _message, path = self.open_case()
        self.propose(path, ("statement", "My maiden name is missing"))
        self.env.invalidate_all()
        label = request.correction_ids.label
        self.tick(request, label)
        with self.assertRaisesRegex(UserError, "Say in words"):
            request.action_apply_corrections()
        self.explain(request, label, explanation="We added your maiden name.")
        request.action_apply_corrections()
        self.assertEqual(request.correction_ids.state, "handled")
        request.action_fulfil()
        self.assertIn("We added your maiden name.", request.resolution)
        self.assertNotIn("We corrected", request.resolution)

    def test_message_to_closed_case(self):
        """A file that comes too late proposes nothing; somebody is told, once."""
        request, message, _path = self.open_case()
        content = self.fill_csv(request, {"City": "Milano"})
        request.resolution = "Corrected on the phone."
        request.action_fulfil()
        self.assertFalse(request.activity_ids)
        for _time in range(2):
            self.answer_by_mail(message, content)
        self.assertFalse(request.correction_ids)
        self.assertEqual(len(request.activity_ids), 1)
        self.assertIn("closed", request.activity_ids.summary)
        self.assertEqual(request.activity_ids.user_id, request.user_id)

    def test_what_the_person_says_stays(self):
        request, _message, path = self.open_case()
        self.propose(path, (self.name_of("city"), "Turin"))
        line = request.correction_ids.with_user(self.officer)
        for values in ({"new_value": "Rome"}, {"old_value": "Rome"}, {"state": "applied"}, {"res_id": 1}):
            with self.assertRaises(AccessError):
                line.write(values)
        line.is_chosen = True

    def test_double_click(self):
        request, _message, path = self.open_case()
        for _click in range(2):
            self.propose(path, (self.name_of("city"), "Turin"), ("statement", "My second number is missing"))
        self.assertEqual(len(request.correction_ids), 2)
        self.assertEqual(len(request.activity_ids.filtered(lambda activity: "corrections" in activity.summary)), 1)

    def test_officer_is_written_to_by_the_system(self):
        """A visitor of the page has no address: a mail from nobody wouldn't leave."""
        request, _message, path = self.open_case()
        self.env.ref("base.public_partner").email = False
        request.user_id = self.officer
        with self.catch_mails():
            self.propose(path, (self.name_of("city"), "Turin"))
        [mail] = [mail for mail in self._mails if self.officer.email in str(mail["email_to"])]
        self.assertIn("Look at the corrections", mail["subject"])
        self.assertIn(self.env.ref("base.partner_root").email, mail["email_from"])

    def test_cards_of_another_company(self):
        """What another of the companies alone has of the person isn't shown: it is its own controller."""
        second = self.env["res.company"].create({"name": "Second"})
        lead = self.env["crm.lead"].create(
            {"name": "Deal", "partner_id": self.partner.id, "company_id": second.id, "function": "Head of the Second"}
        )
        lead._gdpr_ensure_subjects()
        self.assertEqual(lead.gdpr_subject_id.root_id, self.partner.gdpr_subject_id.root_id)
        request = self.prepare("rectification")
        self.assertNotIn("Head of the Second", request.card_summary)
        self.assertNotIn(b"Head of the Second", self.get_file(request, "data.csv"))
