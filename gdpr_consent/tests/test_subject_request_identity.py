import re
from datetime import timedelta

from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, freeze_time, tagged

from .page_common import PageCase


@tagged("post_install", "-at_install")
class TestSubjectRequestIdentity(PageCase):
    """Who asks: in proportion, by the mailbox or the login; proof goes after use (law.md R-46, R-68)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.company.gdpr_officer_email = cls.officer.email

    def create_request(self, **values):
        with self.catch_mails():
            return (
                self.env["gdpr.subject.request"]
                .create({"subject_id": self.partner.gdpr_subject_id.id, "type": "access", **values})
                .with_user(self.officer)
            )

    def check(self, request, **values):
        action = request.action_check_identity()
        wizard = Form(self.env[action["res_model"]].with_user(self.officer).with_context(**action["context"]))
        for name, value in values.items():
            setattr(wizard, name, value)
        with self.catch_mails():
            wizard.save().action_confirm()

    def test_way_in(self):
        for source, assurance in (
            ("portal", "login"),
            ("email", "mailbox"),
            ("website", "mailbox"),
            ("mail", "none"),
            ("operator", "none"),
        ):
            request = self.create_request(source=source)
            self.assertEqual(request.assurance, assurance)
            request.action_cancel()

    def test_asked_by_mail(self):
        request = self.create_request(source="mail", email="somebody@example.net")
        request.action_start()
        self.check(request, way="ask")
        self.assertEqual((request.state, request.identity_email), ("verifying", "anna.rossi@example.com"))
        mail = self._mails[-1]
        self.assertEqual(mail["email_to"], ["anna.rossi@example.com"], "the address on record, not who wrote")
        link = re.search(r"/gdpr/identity/[\w-]+", mail["body"])[0]
        self.assertNotIn(link, "".join(request.message_ids.mapped("body")))
        with self.assertRaises(UserError):
            request.with_context(lang="en_US")._fulfil()
        before = self.take_snapshot()
        page = self.url_open(link)
        self.assertIn(request.name, page.text)
        self.assertIn("somebody@example.net", page.text, "who confirms sees where the answer goes")
        self.assertEqual(self.take_snapshot(), before)
        self.assertEqual(request.state, "verifying")
        sent = [*self.parse(page).forms[0].form_values(), ("answer", "confirm")]
        for _click in range(2):
            page = self.url_open(link, data=sent)
            self.assertIn("Nothing is left to confirm", page.text)
            self.assertEqual("Thank you" in page.text, not _click, "thanked for what was done, not for a used link")
        self.assertIn("nothing was changed", page.text)
        self.env.invalidate_all()
        self.assertEqual((request.state, request.assurance, request.identity_email), ("in_progress", "mailbox", False))
        steps = request.step_ids.filtered(lambda step: step.action == "identity_checked")
        self.assertEqual((len(steps), steps.user_id.id), (1, False))

    def test_clock_pauses_only_without_delay(self):
        """Asked on the first day the clock stands still until it is known who asks, asked on the 25th it goes on."""
        for allowed, asked_after, days in ((3, 1, 5), (3, 25, 0), (0, 1, 0)):
            with self.subTest(allowed=allowed, asked_after=asked_after):
                self.env.company.gdpr_request_pause_days = allowed
                with freeze_time("2026-03-09 10:00:00"):
                    request = self.create_request(source="mail", email="somebody@example.net")
                received_on, due_on = request.received_on, request.due_on
                with freeze_time(received_on + timedelta(days=asked_after)):
                    self.check(request, way="ask")
                self.assertEqual(bool(request.paused_on), bool(days))
                with freeze_time(received_on + timedelta(days=60)):
                    request.invalidate_recordset(["urgency"])
                    self.assertEqual(request.urgency, "on_time" if days else "overdue")
                with freeze_time(received_on + timedelta(days=asked_after + 5)):
                    request._record_identity("mailbox", "Confirmed")
                self.assertEqual((request.paused_days, request.paused_on), (days, False))
                self.assertEqual(request.due_on, due_on + timedelta(days=days))
                actions = request.step_ids.mapped("action")
                self.assertEqual(("paused" in actions, "resumed" in actions), (bool(days), bool(days)))
                self.assertEqual(request._get_answer_activities().mapped("date_deadline"), [request.due_on])
                request.action_cancel()

    def test_new_link_supersedes(self):
        request = self.create_request()
        links = []
        for _time in range(2):
            self.check(request, way="ask")
            links.append(re.search(r"/gdpr/identity/[\w-]+", self._mails[-1]["body"])[0])
        self.assertEqual([self.url_open(link).status_code for link in links], [404, 200])

    def test_closed_meanwhile(self):
        """Who opens the link of a closed request, or presses the button of a page left open, is told so."""
        request = self.create_request()
        self.check(request, way="ask")
        link = re.search(r"/gdpr/identity/[\w-]+", self._mails[-1]["body"])[0]
        sent = [*self.parse(self.url_open(link)).forms[0].form_values(), ("answer", "confirm")]
        request.action_cancel()
        for page in (self.url_open(link), self.url_open(link, data=sent)):
            self.assertIn("is closed", page.text)
            self.assertNotIn("Thank you", page.text)
        self.assertNotIn("identity_checked", request.step_ids.mapped("action"))

    def test_confirmed_after_the_start(self):
        """Somebody begins to work on it before the person answers: what the person is told is true."""
        request = self.create_request()
        self.check(request, way="ask")
        link = re.search(r"/gdpr/identity/[\w-]+", self._mails[-1]["body"])[0]
        request.action_start()
        page = self.parse(self.url_open(link))
        self.url_open(link, data=[*page.forms[0].form_values(), ("answer", "confirm")])
        self.env.invalidate_all()
        self.assertEqual((request.state, request.assurance, request.identity_email), ("in_progress", "mailbox", False))

    def test_kind_is_chosen_while_somebody_is_asked(self):
        """What came by e-mail can be read, and refused, where nobody confirms who wrote it."""
        request = self.create_request(source="mail", type=False)
        self.check(request, way="ask")
        with Form(request) as form:
            form.type = "access"
        self.assertEqual((request.state, request.type), ("verifying", "access"))
        with self.assertRaises(AccessError):
            request.type = "erasure"
        self.assertTrue(request.action_refuse())

    def test_only_addresses_on_record(self):
        request = self.create_request(email="somebody@example.net")
        with self.assertRaises(UserError):
            self.check(request, way="ask", email="somebody@example.net")

    def test_proof_is_deleted(self):
        request = self.create_request()
        self.check(request, way="ask")
        proof = self.env["ir.attachment"].create(
            {"name": "card.png", "raw": b"card", "res_model": request._name, "res_id": request.id}
        )
        request.identity_evidence_ids = proof
        self.check(request, way="checked", method="Called back on the number on record")
        self.assertFalse(proof.exists())
        self.assertEqual(
            (request.state, request.assurance, request.identity_method),
            ("new", "officer", "Called back on the number on record"),
        )
        self.assertEqual(request.step_ids[-1].user_id, self.officer)

    def test_proof_sent_by_mail_is_deleted(self):
        request = self.create_request()
        self.check(request, way="ask")
        message = request.message_post(
            body="My card", message_type="email", attachments=[("card.png", b"card")], subtype_xmlid="mail.mt_comment"
        )
        proof = message.attachment_ids
        self.assertEqual(request.identity_evidence_ids, proof)
        request.action_cancel()
        self.assertFalse(proof.exists())

    def test_representative_needs_a_mandate(self):
        request = self.create_request(is_on_behalf=True, representative_name="A lawyer", source="email")
        self.assertEqual(request.assurance, "none")
        request.action_start()
        request.resolution = "Sent a copy."
        with self.assertRaises(UserError) as caught:
            request.action_fulfil()
        self.assertIn("mandate", str(caught.exception))
        self.assertEqual(request.state, "in_progress")

    def test_portal_needs_no_further_step(self):
        request = self.create_request(source="portal")
        request.action_start()
        self.assertEqual(request.state, "in_progress")
