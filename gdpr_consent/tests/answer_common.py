import csv
import io
import json
import re
import zipfile

from .page_common import PageCase
from .smtp_common import SmtpCase

# What the person writes and what colleagues write about the person.
MESSAGE = "Hello Bob, this is Anna Rossi. Please call me, not carla.bianchi@example.com."


class AnswerCase(SmtpCase, PageCase):
    """A person of whom something is held in several places, with other people in the texts."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.colleague = cls.env["res.users"].create(
            {"name": "Bob Verdi", "login": "bob", "email": "bob.verdi@example.com", "phone": "+39 02 5550001"}
        )
        cls.partner.write({"phone": "+39 02 5550123", "street": "Via Roma 1", "city": "Torino", "comment": "Likes tea"})
        cls.partner.message_post(body=MESSAGE, author_id=cls.partner.id, message_type="comment")
        cls.partner.with_user(cls.colleague).sudo().message_post(
            body="Spoke with Anna. Bob Verdi calls back, +39 02 5550001.", author_id=cls.colleague.partner_id.id
        )
        cls.inquiry = cls.env["crm.lead"].create(
            {
                "name": "=2+3 chairs",
                "partner_id": cls.partner.id,
                "contact_name": "Anna Rossi",
                "email_from": "anna.rossi@example.com",
                "phone": "+39 02 5550123",
                "probability": 42,
            }
        )
        cls.file = cls.env["ir.attachment"].create(
            {"name": "lettera è.txt", "raw": b"a letter", "res_model": "res.partner", "res_id": cls.partner.id}
        )
        cls.subject = cls.partner.gdpr_subject_id
        cls.env.company.gdpr_officer_email = "dpo@example.com"

    def make_request(self, request_type, **values):
        return (
            self.env["gdpr.subject.request"]
            .with_user(self.officer)
            .create({"subject_id": self.subject.id, "type": request_type, **values})
        )

    def prepare(self, request_type, decision="include", **values):
        """Give a request whose answer is ready: prepared, reviewed and approved by the officer."""
        request = self.make_request(request_type, **values)
        request.action_prepare_answer()
        answer = request.answer_id
        answer.item_ids.filtered(lambda item: not item.decision).decision = decision
        answer.action_approve()
        self.assertEqual(answer.state, "ready", answer.failure_reason)
        return request

    def get_file(self, request, name):
        files = request.sudo().answer_id.attachment_ids
        return files.filtered(lambda file: file.name == name).raw

    def open_archive(self, request):
        return zipfile.ZipFile(io.BytesIO(self.get_file(request, "data.zip")))

    def read_json(self, request):
        return json.loads(self.open_archive(request).read("data.json"))

    def read_csv(self, content):
        return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))

    def get_values(self, document, place):
        """Give the values of the records of a place."""
        [found] = [part for part in document["data"] if part["place"] == place]
        return [record["values"] for record in found["records"]]

    def send(self, request):
        """Send an answer with Odoo's composer; give the message that arrived."""
        action = request.with_user(self.officer).action_send_answer()
        composer = self.env["mail.compose.message"].with_user(self.officer).with_context(**action["context"]).create({})
        composer._action_send_mail()
        self.leave()
        return self.receive()[1]

    def leave(self):
        """Let what was queued leave."""
        self.env["mail.mail"].sudo().search([("state", "=", "outgoing")]).send()

    def find_link(self, message, page):
        text = message.get_body(("html",)).get_content()
        found = re.search(rf"/gdpr/{page}/([\w-]+)", text)
        return found and found[0]

    def download(self, path, name):
        return self.submit(path, [("file", name)])
