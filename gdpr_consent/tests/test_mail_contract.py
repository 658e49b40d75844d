import re
from unittest.mock import patch

from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .page_common import PageCase
from .smtp_common import SmtpCase


@tagged("post_install", "-at_install")
class TestMailContract(SmtpCase, PageCase):
    """What a person really receives, and what a mail server really answers."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lead.user_id = cls.salesperson

    def send(self, card):
        """Press the button and send what the composer proposes.

        :return: the request
        """
        action = card.with_user(self.salesperson).action_gdpr_send_consent_request()
        composer = Form(self.env[action["res_model"]].with_user(self.salesperson).with_context(**action["context"]))
        composer.save().action_send_mail()
        return card.sudo().gdpr_subject_id.request_ids.sorted("id")[-1]

    def test_link_in_the_mail_works(self):
        self.start_server()
        for card, address, part_followed in (
            (self.partner, "anna.rossi@example.com", "text/html"),
            (self.lead, "bruno.neri@example.com", "text/plain"),
        ):
            with self.subTest(card=card):
                request = self.send(card)
                self.assertEqual(request.state, "sent")
                envelope, message = self.receive()
                self.assertEqual(envelope.rcpt_tos, [address])
                self.assertEqual(message["To"].addresses[0].addr_spec, address)
                self.assertFalse(message["Cc"])
                self.assertEqual(message["Message-Id"], request.message_id)
                self.assertEqual(message.get_content_type(), "multipart/alternative")
                texts = {part.get_content_type(): part.get_content() for part in message.iter_parts()}
                links = {kind: self.read_links(text) for kind, text in texts.items()}
                self.assertEqual(links["text/plain"], links["text/html"])
                self.assertNotIn("personal-link", "".join(texts.values()))
                links = links[part_followed]
                for link in links.values():
                    self.assertTrue(link.startswith(f"{self.base_url()}/gdpr/"), link)
                response = self.submit(links["consent"], [("answer", "accept")])
                self.assertEqual(response.status_code, 200)
                self.assertEqual(self.get_state(card), "obtained")
                self.assertEqual(self.submit(links["preferences"], [], form=-1).status_code, 200)
                self.assertEqual(self.get_state(card), "withdrawn")
                self.assertLedgerSound()

    def test_one_click_headers(self):
        """As a mail program reads them, and as it then unsubscribes (RFC 8058, law.md R-77)."""
        self.start_server()
        self.send(self.partner)
        envelope, message = self.receive()
        self.assertEqual(message.get_all("List-Unsubscribe-Post"), ["List-Unsubscribe=One-Click"])
        [header] = message.get_all("List-Unsubscribe")
        self.assertRegex(header, rf"^<{re.escape(self.base_url())}/gdpr/unsubscribe/[\w-]{{43}}>$")
        raw = envelope.content.partition(b"\r\n\r\n")[0]
        self.assertIn(b"\r\nList-Unsubscribe: " + header.encode() + b"\r\n", raw, "one line, nothing encoded")
        links = self.read_links(self.get_html(envelope))
        self.submit(links["consent"], [("answer", "accept")])
        self.assertEqual(self.get_state(self.partner), "obtained")
        response = self.url_open(header.strip("<>"), data={"List-Unsubscribe": "One-Click"}, allow_redirects=False)
        self.assertEqual(response.status_code, 200)
        self.assertEqual(self.get_state(self.partner), "withdrawn")

    def test_queue(self):
        """Requests to many leave by the queue, each with its own link."""
        self.start_server()
        second = self.partner.copy({"name": "Second", "email": "second@example.com"})
        second.gdpr_legal_basis = "consent"
        requests = (self.partner | second).gdpr_request_consent().sudo()
        self.assertFalse(self.mailbox.envelopes)
        self.env["mail.mail"].process_email_queue(email_ids=requests.mail_mail_ids.ids)
        self.assertEqual(
            sorted(envelope.rcpt_tos for envelope in self.mailbox.envelopes),
            [["anna.rossi@example.com"], ["second@example.com"]],
        )
        tokens = {self.find_token(self.get_html(envelope), "consent") for envelope in self.mailbox.envelopes}
        self.assertEqual(len(tokens), 2)
        self.assertEqual(requests.mapped("state"), ["sent", "sent"])

    def get_html(self, envelope):
        return self.read(envelope).get_body(("html",)).get_content()

    def test_reply_and_sender(self):
        """The person sees who writes, and an answer goes to people, not to the void."""
        self.start_server()
        self.env.company.email = "info@mycompany.example.com"
        self.send(self.partner)
        _envelope, message = self.receive()
        self.assertTrue(message["From"].addresses)
        self.assertIn(self.env.company.name, message["Subject"])
        self.assertFalse(message["Disposition-Notification-To"])

    def test_dead_server(self):
        """Nobody listens: the request shows as failed with the reason, and works once the server is back."""
        with mute_logger("odoo.addons.mail.models.mail_mail", "odoo.addons.base.models.ir_mail_server"):
            request = self.send(self.partner)
        self.assertEqual(request.state, "failed")
        self.assertTrue(request.failure_reason)
        self.assertEqual(self.get_state(self.partner), "pending")
        self.assertEqual(self.partner.gdpr_failure_reason, request.failure_reason)
        self.assertEqual(self.get_history(self.partner)[-1], "delivery_failed")
        self.start_server()
        self.assertEqual(self.send(self.partner).state, "sent")
        self.assertEqual(self.get_state(self.partner), "waiting")
        self.assertFalse(self.partner.gdpr_failure_reason)

    def test_refused_recipient(self):
        self.start_server()
        self.mailbox.refused["anna.rossi@example.com"] = "550 5.1.1 No such mailbox here"
        with mute_logger("odoo.addons.mail.models.mail_mail", "odoo.addons.base.models.ir_mail_server"):
            request = self.send(self.partner)
        self.assertFalse(self.mailbox.envelopes)
        self.assertEqual(request.state, "failed")
        self.assertIn("550", request.failure_reason)
        self.assertIn("No such mailbox here", request.failure_reason)
        self.assertEqual(self.get_state(self.partner), "pending")
        self.mailbox.refused.clear()
        mail = request.mail_mail_ids
        mail.action_retry()
        mail.send()
        self.assertEqual(request.state, "sent")
        self.assertEqual(self.get_state(self.partner), "waiting")
        links = self.read_links(self.get_html(self.mailbox.envelopes[-1]))
        self.assertEqual(self.submit(links["consent"], [("answer", "accept")]).status_code, 200)
        self.assertEqual(self.get_state(self.partner), "obtained")
        self.assertLedgerSound()

    def test_one_of_several_refused(self):
        """One bad mailbox stops nobody else's request."""
        self.start_server()
        self.mailbox.refused["anna.rossi@example.com"] = "550 5.1.1 No such mailbox here"
        second = self.partner.copy({"name": "Second", "email": "second@example.com"})
        second.gdpr_legal_basis = "consent"
        requests = (self.partner | second).gdpr_request_consent().sudo()
        with mute_logger("odoo.addons.mail.models.mail_mail", "odoo.addons.base.models.ir_mail_server"):
            self.env["mail.mail"].process_email_queue(email_ids=requests.mail_mail_ids.ids)
        self.assertEqual(requests.mapped("state"), ["failed", "sent"])
        self.assertEqual([envelope.rcpt_tos for envelope in self.mailbox.envelopes], [["second@example.com"]])

    def test_no_token_in_the_log(self):
        """What Odoo logs of sending and answering holds no working link (law.md R-92)."""
        self.start_server()
        with self.assertLogs(level="DEBUG") as logs, patch("odoo.modules.module.current_test", self):
            self.send(self.partner)
            links = self.read_links(self.get_html(self.mailbox.envelopes[-1]))
            unsubscribe_url = self.receive()[1]["List-Unsubscribe"].strip("<>")
            self.submit(links["consent"], [("answer", "accept")])
            self.url_open(unsubscribe_url, data={"List-Unsubscribe": "One-Click"})
        tokens = [link.rpartition("/")[2] for link in [*links.values(), unsubscribe_url]]
        for line in logs.output:
            if line.split(":")[1].startswith(("odoo", "werkzeug")):
                for token in tokens:
                    self.assertNotIn(token, line)
