from datetime import date

from odoo.exceptions import UserError
from odoo.tests import Form, freeze_time, tagged

from .common import ConsentCase

MESSAGE = """From: {sender}
To: privacy@{domain}
Subject: {subject}
Date: {date}
Message-Id: <{number}@example.com>
MIME-Version: 1.0
{headers}Content-Type: text/plain; charset="utf-8"

What do you know about me?
"""


@tagged("post_install", "-at_install")
class TestSubjectRequestMail(ConsentCase):
    """Requests that come by e-mail: read by an officer, acknowledged once, never a loop."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.company
        cls.company.partner_id.tz = "Europe/Rome"
        cls.company.gdpr_officer_email = cls.officer.email
        settings = cls.env["res.config.settings"].create({})
        settings.write({"gdpr_request_alias_name": "privacy", "gdpr_request_alias_domain_id": cls.mail_alias_domain.id})
        settings.execute()
        cls.Requests = cls.env["gdpr.subject.request"]
        cls.number = 0

    def receive(self, sender="Anna Rossi <anna.rossi@example.com>", headers="", subject="My data", day="Mon, 2 Mar"):
        """Let a message come in; give the requests made."""
        type(self).number += 1
        text = MESSAGE.format(
            sender=sender,
            domain=self.mail_alias_domain.name,
            subject=subject,
            date=f"{day} 2026 09:00:00 +0000",
            number=self.number,
            headers=headers,
        )
        before = self.Requests.search([])
        with self.catch_mails():
            self.env["mail.thread"].message_process(None, text)
        return self.Requests.search([]) - before

    def get_answers(self, address="anna.rossi@example.com"):
        return [mail for mail in self._mails if mail["email_to"] == [address]]

    def test_settings(self):
        alias = self.company.gdpr_request_alias_id
        self.assertEqual((alias.alias_name, alias.alias_model_id.model), ("privacy", "gdpr.subject.request"))
        settings = Form(self.env["res.config.settings"])
        self.assertEqual(settings.gdpr_request_alias_name, "privacy")
        settings.gdpr_request_alias_name = False
        settings.save().execute()
        self.assertFalse(alias.exists())
        self.assertFalse(self.company.gdpr_request_alias_id)

    def test_received(self):
        with freeze_time("2026-03-03 08:00:00"):
            request = self.receive()
        self.assertEqual(request.subject_id, self.partner.gdpr_subject_id)
        self.assertEqual((request.type, request.source, request.state), (False, "mail", "new"))
        self.assertEqual((request.email, request.assurance), ("anna.rossi@example.com", "none"))
        self.assertEqual(request.due_on, date(2026, 4, 2), "counted from the day of the message")
        self.assertIn("What do you know about me?", "".join(request.message_ids.mapped("body")))
        self.assertEqual(len(self.get_answers()), 1)
        self.assertIn(request.name, self.get_answers()[0]["subject"])
        self.assertNotIn("What you asked", self.get_answers()[0]["body"])
        self.assertEqual(self.get_answers()[0]["headers"]["Auto-Submitted"], "auto-replied")

    def test_officer_reads_it(self):
        request = self.receive().with_user(self.officer)
        with self.assertRaises(UserError):
            request.action_start()
        with self.assertRaises(UserError):
            request.action_refuse()
        form = Form(request)
        form.type = "restriction"
        form.save()
        self.assertTrue(self.partner.gdpr_restricted, "what must stop stops as soon as it is known")
        request.action_start()
        self.assertEqual(request.state, "in_progress")

    def test_further_message(self):
        request = self.receive()
        self.assertFalse(self.receive(subject="Hello?"))
        self.assertFalse(self.get_answers())
        self.assertEqual(len(request.message_ids.filtered(lambda message: message.message_type == "email")), 2)
        request.type = "access"
        self.assertTrue(self.receive(subject="Something else"))

    def test_unknown_sender(self):
        request = self.receive("nobody@example.net")
        self.assertTrue(request.is_unidentified)
        self.assertEqual(len(self.get_answers("nobody@example.net")), 1)

    def test_automatic_messages(self):
        for headers in (
            "Auto-Submitted: auto-replied\n",
            "Auto-Submitted: auto-generated; owner-email=x\n",
            "Precedence: bulk\n",
            "X-Autoreply: yes\n",
            "Return-Path: <>\n",
        ):
            with self.subTest(headers=headers):
                self.assertFalse(self.receive(headers=headers))
                self.assertFalse(self.get_answers())
        self.assertTrue(self.receive(headers="Auto-Submitted: no\n"))

    def test_message_from_the_future(self):
        with freeze_time("2026-03-04 09:00:00"):
            request = self.receive(day="Thu, 2 Apr")
        self.assertEqual(str(request.received_on), "2026-03-04 09:00:00")
        self.assertIn("2026", request.step_ids.filtered(lambda step: step.action == "dated").note)

    def test_message_with_an_old_date(self):
        """Whoever sends writes the date: it doesn't make a request overdue."""
        with freeze_time("2026-05-04 09:00:00"):
            request = self.receive()
        self.assertEqual(str(request.received_on), "2026-05-04 09:00:00")
        self.assertEqual(request.due_on, date(2026, 6, 4))
        self.assertIn("03/02/2026", request.step_ids.filtered(lambda step: step.action == "dated").note)
        with freeze_time("2026-05-05 09:00:00"), Form(request.with_user(self.officer)) as form:
            form.received_on = "2026-05-02 09:00:00"
        step = request.step_ids[-1]
        self.assertEqual((step.action, step.user_id), ("dated", self.officer))
        for day in ("05/04/2026", "05/02/2026", "06/02/2026"):
            self.assertIn(day, step.note)

    def test_what_was_written(self):
        request = self.receive("Anna R. <nobody@example.net>")
        self.assertEqual(request.note, "My data\n\nWhat do you know about me?")
        self.assertEqual(request.person_in_words, "Anna R., nobody@example.net")

    def test_no_sender(self):
        request = self.receive("")
        self.assertEqual((len(request), request.email, request.state), (1, False, "new"))
        self.assertEqual(request.person_in_words, request.subject_id.display_name)

    def test_kind_is_logged(self):
        request = self.receive().with_user(self.officer)
        with Form(request) as form:
            form.type = "access"
        step = request.step_ids[-1]
        self.assertEqual((step.action, step.note, step.user_id), ("typed", "Access", self.officer))

    def test_replies_come_to_the_address_for_requests(self):
        request = self.receive()
        address = f"privacy@{self.mail_alias_domain.name}"
        self.assertIn(address, self.get_answers()[0]["reply_to"])
        with self.catch_mails():
            request.with_user(self.officer).message_post(
                body="Which contract?", partner_ids=self.partner.ids, subtype_xmlid="mail.mt_comment"
            )
        self.assertIn(address, self._mails[-1]["reply_to"])

    def test_second_message_about_the_same(self):
        first = self.receive().with_user(self.officer)
        first.type = "access"
        second = self.receive(subject="My data, again").with_user(self.officer)
        self.assertEqual(second.joinable_id, first)
        message = second.message_ids.filtered(lambda message: message.message_type == "email")
        file = self.env["ir.attachment"].create(
            {"name": "scan.txt", "raw": b"scan", "res_model": second._name, "res_id": second.id}
        )
        message.sudo().attachment_ids = file
        self.assertEqual(second.action_join()["res_id"], first.id)
        self.assertIn(message, first.message_ids)
        self.assertEqual((file.res_model, file.res_id), (first._name, first.id))
        self.assertEqual(second.state, "cancelled")
        self.assertEqual([step.action for step in (first.step_ids[-1], second.step_ids[-1])], ["joined", "joined"])
        self.assertIn(first.name, second.step_ids[-1].note)
        self.assertIn(second.name, first.step_ids[-1].note)
        # An answer to the message that was joined goes on there.
        headers = f"In-Reply-To: {message.message_id}\nReferences: {message.message_id}\n"
        before = len(first.message_ids)
        self.assertFalse(self.receive(headers=headers))
        self.assertEqual(len(first.message_ids), before + 1)
        with self.assertRaises(UserError):
            second.action_join()

    def test_answer_to_a_request(self):
        request = self.receive()
        number = request.name
        first = request.message_ids.filtered(lambda message: message.message_type == "email")[:1]
        self.assertFalse(self.receive(headers=f"In-Reply-To: {first.message_id}\nReferences: {first.message_id}\n"))
        self.assertEqual(len(request.message_ids.filtered(lambda message: message.message_type == "email")), 2)
        self.assertEqual(request.name, number)

    def test_answer_is_not_sent_to_the_general_address(self):
        """Only those responsible get what the person, or a stranger, answers."""
        self.company.email = "info@example.com"
        request = self.receive()
        request.with_user(self.officer).user_id = self.officer
        with self.catch_mails():
            written = request.message_post(
                body="Which contract?",
                author_id=self.company.partner_id.id,
                partner_ids=self.partner.ids,
                message_type="comment",
                subtype_xmlid="mail.mt_comment",
            )
        headers = f"In-Reply-To: {written.message_id}\nReferences: {written.message_id}\n"
        for sender in ("Anna Rossi <anna.rossi@example.com>", "Stranger <stranger@example.com>"):
            with self.subTest(sender=sender):
                self.assertFalse(self.receive(sender=sender, headers=headers))
                self.assertNotIn("info@example.com", str([mail["email_to"] for mail in self._mails]))
