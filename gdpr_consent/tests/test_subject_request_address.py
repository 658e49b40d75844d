from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .answer_common import AnswerCase


@tagged("post_install", "-at_install")
class TestSubjectRequestAddress(AnswerCase):
    """A person's data goes to an address of the person's; where it goes is in the log."""

    def setUp(self):
        super().setUp()
        self.start_server()

    def get_steps(self, request, action):
        return request.step_ids.filtered(lambda step: step.action == action)

    def record_check(self, request):
        action = request.action_check_identity()
        wizard = Form(self.env[action["res_model"]].with_user(self.officer).with_context(**action["context"]))
        wizard.way, wizard.method = "checked", "Called back on the number on record"
        wizard.save().action_confirm()

    def test_change_is_logged_and_nothing_is_sent_there(self):
        request = self.prepare("access")
        self.assertFalse(request.is_address_unchecked)
        with Form(request) as form:
            form.email = "stranger@example.net"
            self.assertTrue(form.is_address_unchecked)
        step = self.get_steps(request, "readdressed")
        self.assertEqual((step.user_id, step.note), (self.officer, "anna.rossi@example.com → stranger@example.net"))
        for send in (request.action_send_answer, request.action_fulfil, lambda: request.answer_id.sudo()._send()):
            with self.assertRaisesRegex(UserError, "on record"):
                send()
        self.record_check(request)
        self.assertFalse(request.is_address_unchecked)
        message = self.send(request)
        self.assertEqual(message["To"], "stranger@example.net")
        for action in ("dispatched", "sent"):
            self.assertEqual(self.get_steps(request, action).note, "stranger@example.net")
        self.assertEqual(self.get_steps(request, "dispatched").user_id, self.officer)

    def test_a_check_counts_for_the_address_it_was_made_with(self):
        request = self.prepare("access")
        request.email = "first@example.net"
        self.record_check(request)
        request.email = "second@example.net"
        self.assertTrue(request.is_address_unchecked)
        request.email = "ANNA.rossi@example.com"
        self.assertFalse(request.is_address_unchecked)

    def test_what_the_old_mailbox_confirmed(self):
        request = self.env["gdpr.subject.request"]._receive(
            self.subject, "access", source="website", email="private@example.net"
        )
        request = request.with_user(self.officer)
        self.assertEqual((request.assurance, request.is_address_unchecked), ("mailbox", False))
        request.email = "Private@example.net"
        self.assertEqual(request.assurance, "mailbox", "the same mailbox")
        request.email = "stranger@example.net"
        self.assertEqual((request.assurance, request.is_address_unchecked), ("none", True))

    def test_closed_case_keeps_its_address(self):
        request = self.make_request("access")
        request.action_start()
        request.resolution = "Handed over."
        request.action_cancel()
        for values in ({"email": "stranger@example.net"}, {"resolution": "Something else"}, {"user_id": False}):
            with self.subTest(values=values), self.assertRaises(AccessError):
                request.write(values)

    def test_what_follows_from_acts_is_not_written(self):
        request = self.make_request("access")
        for values in (
            {"due_on": "2099-01-01"},
            {"target_on": "2099-01-01"},
            {"name": "DSR/0"},
            {"source": "portal"},
            {"company_id": self.env.company.id},
            {"subject_id": self.subject.id},
            {"answer_id": False},
            {"erasure_state": "approved"},
            {"approved_by_id": self.officer.id},
        ):
            with self.subTest(values=values), self.assertRaises(AccessError):
                request.write(values)
        for values in ({"source": "portal"}, {"due_on": "2099-01-01"}):
            with self.subTest(values=values), self.assertRaises(AccessError):
                self.make_request("rectification", **values)
        request.action_start()
        for values in ({"type": "erasure"}, {"received_on": "2026-01-01 09:00:00"}, {"note": "Something else"}):
            with self.subTest(values=values), self.assertRaises(AccessError):
                request.write(values)

    def test_steps_until_it_is_closed(self):
        request = self.prepare("access")
        request.action_fulfil()
        steps = request.step_ids.sorted("id")
        actions = steps.mapped("action")
        self.assertEqual(
            actions[actions.index("started") :], ["started", "reviewed", "prepared", "dispatched", "sent", "fulfilled"]
        )
        self.assertEqual(self.get_steps(request, "reviewed").user_id, self.officer)
