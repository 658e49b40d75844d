from datetime import date, datetime, timedelta
from unittest.mock import patch

from lxml import etree
from psycopg2 import IntegrityError

from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form, freeze_time, tagged
from odoo.tools import mute_logger
from odoo.tools.safe_eval import safe_eval

from .common import ConsentCase


@tagged("post_install", "-at_install")
class TestSubjectRequestClock(ConsentCase):
    """Deadlines of the law and of the company, extension, and who is reminded when (law.md R-41 to R-43, R-69)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.company
        cls.company.partner_id.tz = "Europe/Rome"
        cls.company.country_id = cls.env.ref("base.it")
        cls.company.gdpr_officer_email = cls.officer.email
        cls.Requests = cls.env["gdpr.subject.request"]

    def create_request(self, received_on="2026-03-02 09:00:00", **values):
        subject = self.partner.gdpr_subject_id
        with self.catch_mails():
            return self.Requests.create(
                {"subject_id": subject.id, "type": "access", "received_on": received_on, **values}
            )

    def get_due_date(self, received_on):
        return self.Requests._get_due_date(datetime.fromisoformat(received_on), self.company)

    def extend(self, request, note="In an archive", reason="complexity"):
        action = request.with_user(self.officer).action_extend()
        wizard = Form(self.env[action["res_model"]].with_user(self.officer).with_context(**action["context"]))
        wizard.reason = reason
        wizard.note = note
        with self.catch_mails():
            wizard.save().action_extend()

    # ------------------------------------------------------------
    # THE DAY
    # ------------------------------------------------------------

    def test_examples(self):
        for received_on, due_on in (
            ("2026-08-31 10:00:00", date(2026, 9, 30)),
            ("2027-01-31 10:00:00", date(2027, 3, 1)),
            ("2028-01-31 10:00:00", date(2028, 2, 29)),
            ("2026-03-05 10:00:00", date(2026, 4, 7)),
            # The 1st in Rome.
            ("2026-07-31 22:30:00", date(2026, 9, 1)),
            ("2026-11-25 10:00:00", date(2026, 12, 28)),
            ("2026-09-04 10:00:00", date(2026, 10, 5)),
        ):
            with self.subTest(received_on=received_on):
                self.assertEqual(self.get_due_date(received_on), due_on)

    def test_late_in_the_evening(self):
        """Half past eleven in London on the 31st is the 1st in Rome."""
        self.assertEqual(self.get_due_date("2026-03-31 23:30:00"), date(2026, 5, 4))
        self.company.partner_id.tz = "UTC"
        self.assertEqual(self.get_due_date("2026-03-31 23:30:00"), date(2026, 4, 30))

    def test_other_countries(self):
        """Only what is sure is known of others: the rest is in the working schedule."""
        self.company.country_id = self.env.ref("base.fr")
        self.assertEqual(self.get_due_date("2026-03-06 10:00:00"), date(2026, 4, 6), "Easter Monday isn't known")
        self.assertEqual(self.get_due_date("2025-11-25 10:00:00"), date(2025, 12, 26))
        self.company.country_id = self.env.ref("base.us")
        self.assertEqual(self.get_due_date("2025-11-25 10:00:00"), date(2025, 12, 25))

    def test_holidays_of_the_working_schedule(self):
        values = {"name": "Patron saint", "company_id": self.company.id, "time_type": "leave"}
        holidays = self.env["resource.calendar.leaves"]
        holidays.create({**values, "date_from": "2026-06-23 22:00:00", "date_to": "2026-06-24 21:59:59"})
        self.assertEqual(self.get_due_date("2026-05-24 10:00:00"), date(2026, 6, 25))
        holidays.create({**values, "date_from": "2026-07-06 06:00:00", "date_to": "2026-07-06 10:00:00"})
        self.assertEqual(self.get_due_date("2026-06-06 10:00:00"), date(2026, 7, 6), "a morning off")
        holidays.create({**values, "date_from": "2026-08-09 22:00:00", "date_to": "2026-08-23 21:59:59"})
        self.assertEqual(self.get_due_date("2026-07-11 10:00:00"), date(2026, 8, 11), "a closure gives no more time")
        person = self.env["resource.resource"].create({"name": "Anna"})
        holidays.create(
            {**values, "resource_id": person.id, "date_from": "2026-09-08 22:00:00", "date_to": "2026-09-09 21:59:59"}
        )
        self.assertEqual(self.get_due_date("2026-08-09 10:00:00"), date(2026, 9, 9), "somebody's own time off")

    def test_internal_deadline(self):
        self.company.gdpr_request_target_days = 10
        request = self.create_request()
        self.assertEqual((request.due_on, request.target_on), (date(2026, 4, 2), date(2026, 3, 23)))
        for days in (-1, 28):
            with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError), self.env.cr.savepoint():
                self.company.gdpr_request_target_days = days
                self.company.flush_recordset()

    def test_date_of_receipt_is_corrected(self):
        request = self.create_request()
        request.with_user(self.officer).received_on = "2026-02-20 09:00:00"
        self.assertEqual(request.due_on, date(2026, 3, 20))
        self.assertEqual(request.activity_ids.date_deadline, date(2026, 3, 20))

    def test_date_that_cannot_be(self):
        """Whoever types a wrong year is told, also about somebody who has asked already."""
        for received_on, words in (("1900-01-01 10:00:00", "year"), ("2999-01-01 10:00:00", "future")):
            with self.subTest(received_on=received_on):
                with self.assertRaisesRegex(ValidationError, words), self.env.cr.savepoint():
                    self.create_request(received_on)
                self.create_request(type="portability").action_cancel()
                with self.catch_mails():
                    self.partner._gdpr_receive_request("erasure")
                entry = Form(
                    self.env["gdpr.subject.request.entry"].with_context(
                        default_res_model="res.partner", default_res_ids=repr(self.partner.ids)
                    )
                )
                entry.type = "erasure"
                entry.received_on = received_on
                with self.assertRaisesRegex(ValidationError, words):
                    entry.save().action_record()

    def test_what_cannot_be_taken_in(self):
        Requests = self.Requests.with_user(self.officer)
        subject_id = self.partner.gdpr_subject_id.id
        with self.assertRaisesRegex(ValidationError, "language"), self.env.cr.savepoint():
            Requests.create({"subject_id": subject_id, "type": "access", "lang": "xx_YY"})
        with self.assertRaisesRegex(ValidationError, "Say what the person asks"), self.env.cr.savepoint():
            Requests.create({"subject_id": subject_id})
        request = self.create_request().with_user(self.officer)
        with self.assertRaisesRegex(ValidationError, "Say what the person asks"):
            request.type = False

    def test_day_without_a_time(self):
        """A day alone, as an import gives it, begins where the company is: nobody sees 1:00, nor the day before."""
        for zone, received_on in (("Europe/Rome", "2026-03-01 23:00:00"), ("America/New_York", "2026-03-02 05:00:00")):
            with self.subTest(zone=zone):
                self.company.partner_id.tz = zone
                for given in ("2026-03-02", date(2026, 3, 2)):
                    request = self.create_request(given).with_user(self.officer)
                    self.assertEqual(request.received_on, datetime.fromisoformat(received_on))
                    self.assertEqual(request.due_on, date(2026, 4, 2))
                    request.write({"received_on": "2026-03-01"})
                    self.assertEqual(request.received_on, datetime.fromisoformat(received_on) - timedelta(days=1))
                    request.action_cancel()

    def test_urgency(self):
        request = self.create_request()
        for today, urgency in (
            ("2026-03-03", "on_time"),
            ("2026-03-26", "soon"),
            ("2026-04-02", "soon"),
            ("2026-04-03", "overdue"),
        ):
            with freeze_time(f"{today} 12:00:00"):
                request.invalidate_recordset(["urgency"])
                self.assertEqual(request.urgency, urgency)
        request.action_cancel()
        self.assertFalse(request.urgency)

    def test_many_at_once(self):
        """The deadlines of many cost as many queries as that of one."""
        people = self.env["res.partner"].create([{"name": f"Person {n}"} for n in range(9)])._gdpr_ensure_subjects()
        requests = self.Requests.create([{"subject_id": person.id, "type": "access"} for person in people])

        def count_queries(some):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            some._compute_due_on()
            return self.env.cr.sql_log_count - before

        self.assertEqual(count_queries(requests[1:]), count_queries(requests[0]))

    # ------------------------------------------------------------
    # EXTENSION
    # ------------------------------------------------------------

    def test_extension(self):
        with freeze_time("2027-02-20 09:00:00"):
            request = self.create_request("2027-01-31 10:00:00")
            self.assertEqual(request.due_on, date(2027, 3, 1))
            self.extend(request, note="In an archive of paper")
        self.assertEqual(request.due_on, date(2027, 4, 30), "from the day of receipt, not from the clamped day")
        self.assertEqual(request.step_ids[-1].action, "extended")
        self.assertEqual(request.activity_ids.date_deadline, date(2027, 4, 30))
        mail = self._mails[-1]
        self.assertEqual(mail["email_to"], ["anna.rossi@example.com"])
        for told in (request.name, "your request is complex", "In an archive of paper", "04/30/2027"):
            self.assertIn(told, mail["body"])

    def test_extension_is_late(self):
        request = self.create_request()
        with freeze_time("2026-04-02 20:00:00"):
            request.with_user(self.officer).action_extend()
        with freeze_time("2026-04-03 09:00:00"), self.assertRaises(UserError):
            self.extend(request)
        self.assertEqual(request.due_on, date(2026, 4, 2))

    def test_extension_twice(self):
        with freeze_time("2026-03-10 09:00:00"):
            request = self.create_request()
            self.extend(request)
            with self.assertRaises(UserError):
                self.extend(request)

    def test_extension_without_reason(self):
        with freeze_time("2026-03-10 09:00:00"):
            request = self.create_request()
            with self.assertRaises(UserError):
                self.extend(request, note="  ")
            with self.assertRaises(UserError):
                request._extend("complexity", None)
        self.assertFalse(request.extended_on)

    def test_extension_by_letter(self):
        self.partner.email = False
        with freeze_time("2026-03-10 09:00:00"):
            request = self.create_request()
            self.extend(request)
        self.assertFalse(self._mails)
        self.assertTrue(request.extended_on)

    # ------------------------------------------------------------
    # REMINDERS
    # ------------------------------------------------------------

    def remind(self, now):
        """Let the scheduler run twice at a moment; give the summaries of the activities made."""
        before = self.env["mail.activity"].search([])
        with freeze_time(now), self.enter_registry_test_mode():
            for _run in range(2):
                self.env.ref("gdpr_consent.ir_cron_subject_request_reminders").method_direct_trigger()
        self.env.invalidate_all()
        return (self.env["mail.activity"].search([]) - before).mapped("summary")

    def test_reminders(self):
        """Ten and three days before, and when it is over: each once."""
        request = self.create_request()
        request.activity_ids.unlink()
        self.assertEqual(self.remind("2026-03-22 12:00:00"), [])
        self.assertEqual(self.remind("2026-03-23 12:00:00"), ["Ten days left to answer"])
        self.assertEqual(self.remind("2026-03-29 12:00:00"), [])
        self.assertEqual(self.remind("2026-03-30 12:00:00"), ["Three days left to answer"])
        self.assertEqual(self.remind("2026-04-02 21:00:00"), [], "the last day isn't over yet")
        self.assertEqual(self.remind("2026-04-02 22:30:00"), ["Overdue: the time to answer is over"])
        self.assertEqual(self.remind("2026-05-03 12:00:00"), [])
        self.assertEqual(request.activity_ids.user_id, self.officer)

    def test_missed_reminders(self):
        self.create_request()
        self.assertEqual(self.remind("2026-05-03 12:00:00"), ["Overdue: the time to answer is over"])

    def test_reminders_of_closed_ones(self):
        self.create_request().action_cancel()
        self.assertEqual(self.remind("2026-05-03 12:00:00"), [])

    def test_reminders_after_extension(self):
        with freeze_time("2026-03-24 09:00:00"):
            request = self.create_request()
        self.remind("2026-03-24 12:00:00")
        with freeze_time("2026-03-25 09:00:00"):
            self.extend(request)
        self.assertEqual(request.due_on, date(2026, 6, 3))
        self.assertEqual(self.remind("2026-05-20 12:00:00"), [])
        self.assertEqual(self.remind("2026-05-24 12:00:00"), ["Ten days left to answer"])

    def test_many_are_reminded_in_batches(self):
        people = self.env["res.partner"].create([{"name": f"Person {n}"} for n in range(5)])
        for person in people:
            self.Requests.create(
                {
                    "subject_id": person._gdpr_ensure_subjects().id,
                    "type": "access",
                    "received_on": "2026-03-02 09:00:00",
                }
            )
        progress = patch.object(type(self.env["ir.cron"]), "_commit_progress", lambda *_args, **_options: 1.0)
        with freeze_time("2026-05-03 12:00:00"), progress:
            self.Requests._cron_remind(limit=2)
        self.assertEqual(
            set(self.Requests.search([("subject_id.partner_ids", "in", people.ids)]).mapped("reminders")), {3}
        )

    # ------------------------------------------------------------
    # WHO ANSWERS
    # ------------------------------------------------------------

    def test_assignment(self):
        request = self.create_request()
        self.assertEqual(request.activity_ids.user_id, self.officer)
        request.with_user(self.manager).action_assign_to_me()
        self.assertEqual(request.user_id, self.manager)
        self.assertEqual(request.activity_ids.user_id, self.manager)
        step = request.step_ids[-1]
        self.assertEqual((step.action, step.user_id, step.note), ("assigned", self.manager, self.manager.name))

    def test_reopening(self):
        request = self.create_request().with_user(self.officer)
        request.action_cancel()
        self.assertEqual((request.state, request.step_ids[-1].action), ("cancelled", "cancelled"))
        self.assertFalse(request.activity_ids)
        with self.assertRaises(UserError):
            request.action_cancel()
        request.action_reopen()
        self.assertEqual((request.state, request.due_on, request.done_on), ("in_progress", date(2026, 4, 2), False))
        self.assertTrue(request.activity_ids)
        request.action_cancel()
        self.create_request("2026-05-02 09:00:00")
        with self.assertRaises(ValidationError):
            request.action_reopen()

    def test_filters(self):
        """The filters of the search view find what their names say."""
        view = self.Requests.get_views([(False, "search")])["views"]["search"]["arch"]
        domains = {node.get("name"): node.get("domain") for node in etree.fromstring(view).iter("filter")}
        request = self.create_request()

        def is_found(name, now):
            with freeze_time(now):
                return request in self.Requests.search(safe_eval(domains[name], {"uid": self.officer.id}))

        self.assertTrue(is_found("my", "2026-03-03 12:00:00"))
        self.assertFalse(is_found("late", "2026-04-02 12:00:00"))
        self.assertTrue(is_found("late", "2026-04-03 12:00:00"))
        self.assertFalse(is_found("due_this_week", "2026-03-27 12:00:00"))
        self.assertTrue(is_found("due_this_week", "2026-03-30 12:00:00"))
        self.assertTrue(is_found("type_access", "2026-03-30 12:00:00"))
        self.assertFalse(is_found("unassigned", "2026-03-30 12:00:00"))
