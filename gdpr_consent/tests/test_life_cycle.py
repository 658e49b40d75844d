from datetime import timedelta
from unittest.mock import patch

from dateutil.relativedelta import relativedelta

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import freeze_time, tagged

from .common import ConsentCase


class LifeCycleCase(ConsentCase):
    people_count = 0

    def run_job(self, limit=1000, is_interrupted=False, **later):
        """Run the job at a later time.

        :param bool is_interrupted: have the scheduler stop it after the first batch
        :return: what it told the scheduler: done, how many remain
        """
        with (
            freeze_time(fields.Datetime.now() + relativedelta(**later)),
            patch.object(self.registry["ir.cron"], "_commit_progress", return_value=float(not is_interrupted)) as job,
        ):
            self.env["gdpr.subject"]._cron_life_cycle(limit=limit)
        self.env.invalidate_all()
        return sum(call.args[0] for call in job.call_args_list), job.call_args.kwargs.get("remaining", 0)

    def make_people(self, count, **values):
        # Nobody has the address of those made before.
        numbers = range(self.people_count, self.people_count + count)
        self.people_count += count
        people = self.env["res.partner"].create(
            [{"name": f"Person {number}", "email": f"person{number}@example.com", **values} for number in numbers]
        )
        self.env.flush_all()
        return people

    def count_queries(self, function, *args, **options):
        """Run a function on cold caches, and give the number of queries it took, writing included."""
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        function(*args, **options)
        self.env.flush_all()
        return self.env.cr.sql_log_count - before


@tagged("post_install", "-at_install")
class TestExpiry(LifeCycleCase):
    """A consent lapses at its end."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.form.purpose_ids += cls.profiling
        cls.form.action_publish()

    def test_expires(self):
        self.partner.gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        self.run_job(months=23)
        self.assertEqual(self.partner.gdpr_consent_state, "obtained")
        self.run_job(months=24, days=1)
        self.assertEqual(self.partner.gdpr_consent_state, "expired")
        self.assertFalse(self.partner.gdpr_purpose_ids or self.partner.gdpr_consent_expires_on)
        event = self.partner.gdpr_event_ids.sorted("sequence")[-1]
        self.assertEqual((event.action, event.actor, event.purpose_id), ("expired", "system", self.marketing))
        self.assertFalse(event.user_id)
        self.assertEqual(self.partner.gdpr_may_contact("marketing", "email")[self.partner.id]["reason"], "expired")
        self.assertLedgerSound()

    def test_to_the_second(self):
        self.partner.gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        end = self.partner.gdpr_consent_expires_on
        for moment, state, reason in (
            (end - timedelta(seconds=1), "obtained", "allowed"),
            (end, "expired", "expired"),
        ):
            with freeze_time(moment):
                self.run_job()
                self.assertEqual(self.partner.gdpr_consent_state, state)
                self.assertEqual(self.partner.gdpr_may_contact("marketing", "email")[self.partner.id]["reason"], reason)

    def test_expires_once(self):
        self.partner.gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        self.run_job(months=25)
        self.run_job(months=26)
        self.assertEqual(self.get_events(self.partner), ["basis_changed", "given", "expired"])

    def test_each_purpose_has_its_end(self):
        self.partner.gdpr_record_consent(["marketing", "profiling"], "email", "phone", evidence="Call 7")
        self.run_job(months=13)
        self.assertEqual(self.partner.gdpr_purpose_ids, self.marketing)
        self.assertEqual(self.partner.gdpr_consent_state, "obtained")
        self.run_job(months=25)
        self.assertEqual(self.partner.gdpr_consent_state, "expired")

    def test_without_an_end(self):
        self.marketing.validity_months = 0
        self.partner.gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        self.assertFalse(self.partner.gdpr_consent_expires_on)
        self.run_job(years=50)
        self.assertEqual(self.partner.gdpr_consent_state, "obtained")

    def test_shorter_validity_is_for_later_consents(self):
        """The person agreed to what was said then."""
        self.partner.gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        self.marketing.validity_months = 1
        self.run_job(months=12)
        self.assertEqual(self.partner.gdpr_consent_state, "obtained")

    def test_renewed(self):
        self.partner.gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        with freeze_time(fields.Datetime.now() + relativedelta(months=20)):
            self.partner.gdpr_record_consent("marketing", "email", "phone", evidence="Call 8")
        self.run_job(months=30)
        self.assertEqual(self.partner.gdpr_consent_state, "obtained")
        self.run_job(months=45)
        self.assertEqual(self.partner.gdpr_consent_state, "expired")

    def test_withdrawn_stays_withdrawn(self):
        self.partner.gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        self.partner.gdpr_withdraw_consent()
        self.run_job(years=5)
        self.assertEqual(self.partner.gdpr_consent_state, "withdrawn")

    def test_asked_again_after_it_expired(self):
        self.partner.gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        self.run_job(months=25)
        request, _grant, _preferences = self.ask(self.partner)
        self.assertEqual(self.partner.gdpr_consent_state, "waiting")
        self.assertEqual(request.state, "sent")

    def test_in_batches(self):
        people = self.make_people(5, gdpr_legal_basis="consent")
        people.gdpr_record_consent("marketing", "email", "paper", evidence="List")
        done = []
        for _batch in range(4):
            count, remaining = self.run_job(limit=2, is_interrupted=True, months=25)
            done.append(count)
            if not remaining:
                break
        self.assertEqual(done, [2, 2, 1])
        self.assertEqual(set(people.mapped("gdpr_consent_state")), {"expired"})
        self.assertLedgerSound()


@tagged("post_install", "-at_install")
class TestNoResponse(LifeCycleCase):
    """Silence is never a yes."""

    def test_to_the_second(self):
        request, _grant, _preferences = self.ask(self.partner)
        for seconds, state in ((-1, "waiting"), (0, "no_response")):
            with freeze_time(request.sent_on + timedelta(days=14, seconds=seconds)):
                self.run_job()
            self.assertEqual(self.partner.gdpr_consent_state, state)

    def test_after_the_waiting_period(self):
        self.ask(self.partner)
        self.run_job(days=13)
        self.assertEqual(self.partner.gdpr_consent_state, "waiting")
        self.run_job(days=15)
        self.assertEqual(self.partner.gdpr_consent_state, "no_response")
        event = self.partner.gdpr_event_ids.sorted("sequence")[-1]
        self.assertEqual((event.action, event.actor), ("no_response", "system"))
        self.assertFalse(self.partner.gdpr_may_contact("marketing", "email")[self.partner.id]["allowed"])
        self.run_job(days=16)
        self.assertEqual(self.get_events(self.partner), ["basis_changed", "asked", "no_response"])
        self.assertLedgerSound()

    def test_late_answer_counts(self):
        request, _grant, _preferences = self.ask(self.partner)
        self.run_job(days=15)
        self.assertEqual(request.state, "sent", "the link is still valid")
        request._answer(request._get_version(), "accept", {self.marketing.id: ["email"]}, {})
        self.assertEqual(self.partner.gdpr_consent_state, "obtained")

    def test_without_an_end(self):
        self.env.company.gdpr_waiting_days = 0
        self.ask(self.partner)
        self.run_job(years=1)
        self.assertEqual(self.partner.gdpr_consent_state, "waiting")

    def test_each_company_has_its_period(self):
        other = self.env["res.company"].create(
            {"name": "Second", "email": "second@example.com", "gdpr_waiting_days": 60}
        )
        self.form.copy({"company_id": other.id}).action_publish()
        far = self.env["res.partner"].create({"name": "Far", "email": "far@example.com", "company_id": other.id})
        far.gdpr_legal_basis = "consent"
        self.ask(self.partner)
        self.ask(far)
        self.run_job(days=20)
        self.assertEqual((self.partner + far).mapped("gdpr_consent_state"), ["no_response", "waiting"])
        self.run_job(days=61)
        self.assertEqual(far.gdpr_consent_state, "no_response")

    def test_asked_again(self):
        self.ask(self.partner)
        self.run_job(days=15)
        with freeze_time(fields.Datetime.now() + timedelta(days=20)):
            self.ask(self.partner)
        self.assertEqual(self.partner.gdpr_consent_state, "waiting")
        self.run_job(days=30)
        self.assertEqual(self.partner.gdpr_consent_state, "waiting", "the period starts anew")
        self.run_job(days=35)
        self.assertEqual(self.partner.gdpr_consent_state, "no_response")


@tagged("post_install", "-at_install")
class TestLinkExpiry(LifeCycleCase):
    """A grant link can be used for as long as the settings say."""

    def find_link(self, token, **later):
        with freeze_time(fields.Datetime.now() + relativedelta(**later)):
            return self.env["gdpr.link"]._find("grant", token)

    def test_grant_link(self):
        request, grant, preferences = self.ask(self.partner)
        self.assertTrue(self.find_link(grant, days=29))
        self.assertFalse(self.find_link(grant, days=31), "before any job has run")
        self.run_job(days=29)
        self.assertEqual(request.state, "sent")
        self.run_job(days=31)
        self.assertEqual(request.state, "expired")
        with freeze_time(fields.Datetime.now() + timedelta(days=4000)):
            self.assertTrue(self.env["gdpr.link"]._find("preferences", preferences))
        self.assertEqual(self.partner.gdpr_consent_state, "no_response")

    def test_to_the_second(self):
        with freeze_time(fields.Datetime.now()):
            request, grant, _preferences = self.ask(self.partner)
        self.assertEqual(request.expires_on, request.sent_on + timedelta(days=30))
        for seconds, state in ((-1, "sent"), (0, "expired")):
            with freeze_time(request.expires_on + timedelta(seconds=seconds)):
                self.run_job()
            self.assertEqual(request.state, state)
        with freeze_time(request.expires_on + timedelta(seconds=1)):
            self.assertFalse(self.env["gdpr.link"]._find("grant", grant))

    def test_validity_of_the_company(self):
        self.env.company.gdpr_link_validity_days = 3
        request, grant, _preferences = self.ask(self.partner)
        self.assertTrue(self.find_link(grant, days=2))
        self.assertFalse(self.find_link(grant, days=4))
        self.run_job(days=4)
        self.assertEqual(request.state, "expired")

    def test_answered_request_stays_answered(self):
        request, _grant, _preferences = self.ask(self.partner)
        request._answer(request._get_version(), "refuse", {}, {})
        self.run_job(days=40)
        self.assertEqual(request.state, "answered")
        self.assertEqual(self.partner.gdpr_consent_state, "refused")

    def test_expired_request_cannot_grant(self):
        request, _grant, _preferences = self.ask(self.partner)
        self.run_job(days=40)
        request._answer(request._get_version(), "accept", {self.marketing.id: ["email"]}, {})
        self.assertEqual(self.partner.gdpr_consent_state, "no_response")
        self.assertIn("late_answer", self.get_events(self.partner))


@tagged("post_install", "-at_install")
class TestJob(LifeCycleCase):
    """The scheduled action itself."""

    def test_runs_as_scheduled(self):
        self.partner.gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        self.ask(self.lead)
        with freeze_time(fields.Datetime.now() + relativedelta(months=25)), self.enter_registry_test_mode():
            self.env.ref("gdpr_consent.ir_cron_life_cycle").method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(self.partner.gdpr_consent_state, "expired")
        self.assertEqual(self.lead.gdpr_consent_state, "no_response")

    def test_nothing_to_do(self):
        before = self._read_projections()
        self.assertEqual(self.run_job(), (0, 0))
        self.assertEqual(self._read_projections(), before)

    def test_idle_job_is_cheap(self):
        self.make_people(200, gdpr_legal_basis="consent").gdpr_request_consent()
        self.make_people(20, gdpr_legal_basis="consent").gdpr_record_consent(
            "marketing", "email", "paper", evidence="List"
        )
        # Whatever the number of companies.
        self.env["res.company"].create([{"name": f"Another company {number}"} for number in range(10)])
        with patch.object(self.registry["ir.cron"], "_commit_progress", return_value=1.0):
            self.env.flush_all()
            self.env.invalidate_all()
            with self.assertQueryCount(9):
                self.env["gdpr.subject"]._cron_life_cycle()


@tagged("post_install", "-at_install")
class TestQueryCounts(LifeCycleCase):
    """Work on many takes about as many queries as work on one."""

    def test_set_basis(self):
        def set_basis(people, basis, reason=None):
            people.with_user(self.officer).gdpr_set_legal_basis(basis, reason)

        many = self.make_people(100)
        one = self.make_people(1)
        self.count_queries(set_basis, self.make_people(1), "contract")
        for basis, reason in (("consent", None), ("legitimate_interests", "Weighed"), ("not_applicable", None)):
            with self.subTest(basis=basis):
                queries = self.count_queries(set_basis, one, basis, reason)
                self.assertLessEqual(queries, 40)
                self.assertLessEqual(self.count_queries(set_basis, many, basis, reason), queries + 6)

    def test_write_basis(self):
        many, one = self.make_people(100), self.make_people(1)
        values = {"gdpr_legal_basis": "consent"}
        self.count_queries(self.make_people(1).write, values)
        queries = self.count_queries(one.write, values)
        self.assertLessEqual(self.count_queries(many.write, values), queries + 6)

    def test_create_with_the_default(self):
        self.env.company.gdpr_default_legal_basis = "consent"
        self.make_people(1)
        with_one = self.count_queries(self.make_people, 1)
        with_many = self.count_queries(self.make_people, 100)
        self.env.company.gdpr_default_legal_basis = "not_applicable"
        plain_one = self.count_queries(self.make_people, 1)
        plain_many = self.count_queries(self.make_people, 100)
        self.assertLessEqual(with_many - with_one, plain_many - plain_one + 10)

    def test_may_contact(self):
        many = self.make_people(100, gdpr_legal_basis="consent")
        many[:50].gdpr_record_consent("marketing", "email", "paper", evidence="List")
        queries = self.count_queries(many[:1].gdpr_may_contact, "marketing", "email")
        self.assertLessEqual(queries, 10)
        self.assertLessEqual(self.count_queries(many.gdpr_may_contact, "marketing", "email"), queries + 3)

    def test_refusals(self):
        many = self.make_people(100, gdpr_legal_basis="consent")
        queries = self.count_queries(many[:1]._gdpr_raise_refusal)
        self.assertLessEqual(self.count_queries(many._gdpr_raise_refusal), queries + 6)
        with self.assertRaisesRegex(UserError, "isn't Consent"):
            self.make_people(1)._gdpr_raise_refusal()

    def test_list(self):
        many = self.make_people(100, gdpr_legal_basis="consent").with_user(self.salesperson)
        names = ["gdpr_legal_basis", "gdpr_consent_state", "gdpr_restricted"]
        queries = self.count_queries(many.read, ["name"])
        self.assertLessEqual(self.count_queries(many.read, ["name", *names]), queries)

    def test_all_fields_of_many(self):
        many = self.make_people(100, gdpr_legal_basis="consent")
        many.gdpr_record_consent("marketing", "email", "paper", note="Fine", evidence="List")
        names = [name for name in many._fields if name.startswith("gdpr_")]
        queries = self.count_queries(many[:1].read, names)
        self.assertLessEqual(self.count_queries(many.read, names), queries + 6)

    def test_untouched_records_cost_nothing(self):
        many = self.make_people(100)
        self.assertFalse(many.gdpr_subject_id)
        queries = self.count_queries(many.write, {"comment": "Nothing to do with privacy"})
        self.assertLessEqual(queries, 30)
