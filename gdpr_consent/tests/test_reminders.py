from contextlib import ExitStack
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import freeze_time, tagged
from odoo.tools import mute_logger

from odoo.addons.base.models.ir_mail_server import IrMail_Server, MailDeliveryException

from ..tools.server_context import RequestOptions
from .test_life_cycle import LifeCycleCase

JOB = "odoo.addons.gdpr_consent.models.gdpr_subject_life_cycle"


def fail(error):
    raise error


class ReminderCase(LifeCycleCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.company.write({"gdpr_reminder_count": 2, "gdpr_reminder_days": 5, "gdpr_waiting_days": 10})

    def run_and_send(self, moment, is_server_dead=False):
        """Run the job and the mail queue at a time.

        :return: the mails that left
        """
        with freeze_time(moment), self.catch_mails(), ExitStack() as stack:
            if is_server_dead:
                error = MailDeliveryException("Mail Delivery Failed", "Nobody there")
                stack.enter_context(patch.object(IrMail_Server, "send_email", lambda *_args, **_options: fail(error)))
                stack.enter_context(mute_logger("odoo.addons.mail.models.mail_mail"))
            self.run_job()
            self.env["mail.mail"].process_email_queue()
        return self._mails

    def get_requests(self, card=None):
        return (card or self.partner).gdpr_subject_id.request_ids.sorted("id")


@tagged("post_install", "-at_install")
class TestReminders(ReminderCase):
    """Who hasn't answered is reminded, as often as the settings say and no more."""

    def test_from_the_first_to_the_last(self):
        first, _grant, _preferences = self.ask(self.partner.with_user(self.salesperson))
        due = first.sent_on + timedelta(days=5)
        self.assertFalse(self.run_and_send(due - timedelta(seconds=1)))
        [mail] = self.run_and_send(due)
        self.assertIn("we haven't heard from you", mail["subject"])
        self.assertIn("Dear Anna Rossi", mail["body"])
        self.assertTrue(self.find_token(mail["body"], "consent") and self.find_token(mail["body"], "preferences"))
        reminder = self.get_requests()[-1]
        self.assertEqual((reminder.kind, reminder.reminder_number, reminder.state), ("reminder", 1, "sent"))
        self.assertEqual((first.state, reminder.user_id), ("cancelled", self.salesperson))
        event = self.partner.gdpr_event_ids[0]
        self.assertEqual((event.action, event.actor, event.user_id.id), ("asked", "system", False))
        self.assertFalse(self.run_and_send(due), "once")
        self.assertFalse(self.run_and_send(due + timedelta(days=4, hours=23)))
        self.assertEqual(len(self.run_and_send(due + timedelta(days=5))), 1)
        self.assertEqual(self.get_requests()[-1].reminder_number, 2)
        for days in (11, 15):
            self.assertFalse(self.run_and_send(due + timedelta(days=days)), "no third one")
            state = "waiting" if days < 15 else "no_response"
            self.assertEqual(self.partner.gdpr_consent_state, state, "the waiting period begins with the last message")
        self.assertFalse(self.run_and_send(due + timedelta(days=20)))
        self.assertLedgerSound()

    def test_never(self):
        self.env.company.gdpr_reminder_count = 0
        self.ask(self.partner)
        self.assertFalse(self.run_and_send(fields.Datetime.now() + timedelta(days=6)))

    def test_who_answered_is_left_alone(self):
        request, _grant, _preferences = self.ask(self.partner)
        request._answer(request._get_version(), "refuse", {}, {})
        self.assertFalse(self.run_and_send(fields.Datetime.now() + timedelta(days=6)))

    def test_who_cannot_be_asked_is_left_alone(self):
        people = self.make_people(6, gdpr_legal_basis="consent")
        people.gdpr_request_consent()
        with self.catch_mails():
            self.env["mail.mail"].process_email_queue()
        people[0].active = False
        people[1].email = False
        self.env["gdpr.subject"]._record_acts([{"subject_id": people[2].gdpr_subject_id.id, "action": "restricted"}])
        people[3].gdpr_set_legal_basis("contract")
        people[4].gdpr_subject_id._record_objection()
        mails = self.run_and_send(fields.Datetime.now() + timedelta(days=6))
        self.assertEqual([mail["email_to"] for mail in mails], [['"Person 5" <person5@example.com>']])

    def test_deleted_card(self):
        partner = self.make_people(1, gdpr_legal_basis="consent")
        self.ask(partner)
        partner.unlink()
        self.assertFalse(self.run_and_send(fields.Datetime.now() + timedelta(days=6)))

    def test_switched_off(self):
        self.ask(self.partner)
        self.env["res.config.settings"].create({"gdpr_enabled": False}).execute()
        self.assertFalse(self.run_and_send(fields.Datetime.now() + timedelta(days=6)))
        self.env["res.config.settings"].create({"gdpr_enabled": True}).execute()
        self.assertTrue(self.run_and_send(fields.Datetime.now() + timedelta(days=6)))

    def test_each_company_has_its_days(self):
        other = self.env["res.company"].create(
            {"name": "Second", "email": "second@example.com", "gdpr_reminder_count": 1, "gdpr_reminder_days": 2}
        )
        self.form.copy({"company_id": other.id}).action_publish()
        far = self.env["res.partner"].create({"name": "Far", "email": "far@example.com", "company_id": other.id})
        far.gdpr_legal_basis = "consent"
        self.ask(self.partner)
        self.ask(far)
        mails = self.run_and_send(fields.Datetime.now() + timedelta(days=3))
        self.assertEqual([mail["email_to"] for mail in mails], [['"Far" <far@example.com>']])
        self.assertIn("Second", mails[0]["subject"])

    def test_who_asked_for_the_form_is_not_reminded(self):
        self.ask(self.partner.with_context(gdpr_request_options=RequestOptions(kind="fresh_link")))
        self.assertFalse(self.run_and_send(fields.Datetime.now() + timedelta(days=6)))

    def test_waiting_in_the_queue(self):
        """A reminder that hasn't left yet isn't made twice, and doesn't count as sent."""
        first, _grant, _preferences = self.ask(self.partner)
        for _run in range(2):
            self.run_job(days=6)
        self.run_job(days=9)
        reminder = self.get_requests() - first
        self.assertEqual((len(reminder), reminder.state, first.state), (1, "queued", "sent"))
        self.assertEqual(self.partner.gdpr_requested_on, first.sent_on)

    def test_server_is_dead(self):
        """The first link stays good, and another try is made after as many days."""
        first, _grant, _preferences = self.ask(self.partner)
        moment = fields.Datetime.now() + timedelta(days=5)
        self.run_and_send(moment, is_server_dead=True)
        reminder = self.get_requests() - first
        self.assertEqual((first.state, reminder.state), ("sent", "failed"))
        self.assertTrue(first._is_answerable())
        self.assertEqual(self.partner.gdpr_requested_on, first.sent_on)
        self.assertFalse(self.run_and_send(moment + timedelta(days=4)))
        self.assertFalse(self.run_and_send(moment + timedelta(days=6)), "by then there was no response")
        self.assertEqual(self.partner.gdpr_consent_state, "no_response")

    def test_tried_again(self):
        self.env.company.gdpr_waiting_days = 0
        self.ask(self.partner)
        moment = fields.Datetime.now() + timedelta(days=5)
        self.run_and_send(moment, is_server_dead=True)
        [_mail] = self.run_and_send(moment + timedelta(days=5))
        self.assertEqual(self.get_requests()[-1].reminder_number, 1)

    def test_one_failing_person(self):
        """What fails for one is logged, and the others get theirs."""
        people = self.make_people(3, gdpr_legal_basis="consent")
        people.gdpr_request_consent()
        with self.catch_mails():
            self.env["mail.mail"].process_email_queue()
        Request = self.registry["gdpr.consent.request"]
        prepare = Request._prepare_reminder

        def prepare_but_one(request):
            if request.res_id == people[1].id:
                raise ValueError("Something unforeseen")
            return prepare(request)

        with patch.object(Request, "_prepare_reminder", prepare_but_one), self.assertLogs(JOB, "ERROR") as logs:
            mails = self.run_and_send(fields.Datetime.now() + timedelta(days=6))
        self.assertEqual(len(logs.output), 1)
        self.assertIn("Something unforeseen", logs.output[0])
        self.assertEqual(len(mails), 2)
        self.assertEqual(len(self.run_and_send(fields.Datetime.now() + timedelta(days=6))), 1, "at the next run")

    def test_interrupted(self):
        """After a crash the rest follows, and nobody is reminded twice."""
        people = self.make_people(5, gdpr_legal_basis="consent")
        people.gdpr_request_consent()
        with self.catch_mails():
            self.env["mail.mail"].process_email_queue()
        self.assertEqual(self.run_job(limit=2, is_interrupted=True, days=6), (2, 3))
        self.assertEqual(self.run_job(limit=2, days=6)[0], 3)
        reminders = people.gdpr_subject_id.request_ids.filtered(lambda request: request.kind == "reminder")
        self.assertEqual(len(reminders), 5)
        self.assertEqual(len(reminders.subject_id), 5)

    def test_template_is_missing(self):
        self.env.ref("gdpr_consent.mail_template_reminder").unlink()
        self.ask(self.partner)
        with self.assertLogs(JOB, "ERROR"):
            self.run_job(days=6)
        self.run_job(days=11)
        self.assertEqual(self.partner.gdpr_consent_state, "no_response", "the other steps go on")

    def test_many(self):
        def remind():
            self.run_job(days=6)

        self.make_people(2, gdpr_legal_basis="consent").gdpr_request_consent()
        with self.catch_mails():
            self.env["mail.mail"].process_email_queue()
        queries = self.count_queries(remind)
        self.make_people(60, gdpr_legal_basis="consent").gdpr_request_consent()
        with self.catch_mails():
            self.env["mail.mail"].process_email_queue()
        self.assertLessEqual(self.count_queries(remind), queries + 60)
