from datetime import timedelta

from dateutil.relativedelta import relativedelta

from odoo import fields
from odoo.tests import freeze_time, tagged

from .test_reminders import ReminderCase


@tagged("post_install", "-at_install")
class TestRenewal(ReminderCase):
    """Whose consent ends is asked once, in time, whether to renew it (law.md R-17)."""

    def agree(self, card=None, purposes="marketing", **options):
        """Have a consent on record.

        :return: when the reminder of its end is due
        """
        card = self.partner if card is None else card
        card.gdpr_record_consent(purposes, ["email"], "phone", evidence="Call 7", **options)
        return card.gdpr_subject_id.root_id.consent_ids[:1].expires_on - timedelta(days=30)

    def change_materially(self):
        """Have the form changed so that the consent is due for renewal."""
        self.env["gdpr.subject"]._record_acts(
            [
                {
                    "subject_id": self.partner.gdpr_subject_id.id,
                    "action": "renewal_due",
                    "purpose_id": self.marketing.id,
                    "actor": "system",
                }
            ]
        )

    def test_boundary(self):
        due = self.agree()
        self.assertFalse(self.run_and_send(due - timedelta(seconds=1)))
        [mail] = self.run_and_send(due)
        ends_on = (due + timedelta(days=30)).strftime("%m/%d/%Y")
        self.assertIn(f"ends on {ends_on}", mail["body"].replace("<t>", "").replace("</t>", ""))
        self.assertIn("Dear Anna Rossi", mail["body"])
        self.assertEqual(mail["email_to"], ['"Anna Rossi" <anna.rossi@example.com>'])
        request = self.get_requests()
        self.assertEqual((request.kind, request.state, request.form_id), ("renewal", "sent", self.form))
        self.assertEqual(self.partner.gdpr_consent_state, "obtained")
        self.assertTrue(self.partner.gdpr_may_contact("marketing", "email")[self.partner.id]["allowed"])
        self.assertEqual(
            (self.partner.gdpr_event_ids[0].action, self.partner.gdpr_event_ids[0].actor), ("asked", "system")
        )
        for days in (0, 1, 7, 29):
            self.assertFalse(self.run_and_send(due + timedelta(days=days)), "once, and without reminders")
        self.assertLedgerSound()

    def test_a_no_to_something_else_does_not_stop_it(self):
        """The cool-down is about what was denied; what was given is asked to be renewed all the same."""
        self.env.company.gdpr_cooldown_months = 6
        self.form.purpose_ids = self.marketing + self.profiling
        self.form.action_publish()
        due = self.agree()
        with freeze_time(due - timedelta(days=10)):
            self.partner.gdpr_record_consent("profiling", [], "phone", evidence="Call 8")
            self.partner.gdpr_withdraw_consent("profiling")
        self.assertEqual(len(self.run_and_send(due)), 1)

    def test_answered(self):
        due = self.agree()
        self.run_and_send(due)
        request = self.get_requests()
        with freeze_time(due + timedelta(days=1)):
            request._answer(request._get_version(), "save", {self.marketing.id: ["email"]}, {})
        self.env.invalidate_all()
        self.assertGreater(self.partner.gdpr_consent_expires_on, due + relativedelta(months=23))
        self.run_and_send(due + timedelta(days=31))
        self.assertEqual(self.partner.gdpr_consent_state, "obtained")
        self.assertEqual(len(self.run_and_send(due + relativedelta(months=24))), 1, "the next period")
        self.assertLedgerSound()

    def test_not_answered(self):
        due = self.agree()
        self.run_and_send(due)
        self.run_and_send(due + timedelta(days=30))
        self.assertEqual(self.partner.gdpr_consent_state, "expired")
        self.assertFalse(self.run_and_send(due + timedelta(days=60)))
        self.assertEqual(self.partner.gdpr_consent_state, "expired", "not: no response")
        self.assertLedgerSound()

    def test_refused(self):
        due = self.agree()
        self.run_and_send(due)
        request = self.get_requests()
        request._answer(request._get_version(), "refuse", {}, {})
        self.assertEqual(self.partner.gdpr_consent_state, "withdrawn")
        self.assertFalse(self.run_and_send(due + timedelta(days=1)))

    def test_never(self):
        self.env.company.gdpr_renewal_days = 0
        due = self.agree()
        self.assertFalse(self.run_and_send(due + timedelta(days=29)))
        self.run_and_send(due + timedelta(days=30))
        self.assertEqual(self.partner.gdpr_consent_state, "expired")

    def test_material_change(self):
        self.agree()
        self.change_materially()
        [mail] = self.run_and_send(fields.Datetime.now() + timedelta(hours=1))
        self.assertIn("has changed", mail["body"])
        self.assertNotIn("ends on", mail["body"])
        self.assertFalse(self.run_and_send(fields.Datetime.now() + timedelta(hours=2)))
        self.assertEqual(self.partner.gdpr_may_contact("marketing", "email")[self.partner.id]["reason"], "renewal_due")
        request = self.get_requests()
        request._answer(request._get_version(), "save", {self.marketing.id: ["email"]}, {})
        self.assertTrue(self.partner.gdpr_may_contact("marketing", "email")[self.partner.id]["allowed"])
        self.assertFalse(self.run_and_send(fields.Datetime.now() + timedelta(days=2)))

    def test_who_is_left_alone(self):
        people = self.make_people(6, gdpr_legal_basis="consent")
        due = self.agree(people)
        people[0].active = False
        people[1].email = False
        self.env["gdpr.subject"]._record_acts([{"subject_id": people[2].gdpr_subject_id.id, "action": "restricted"}])
        people[3].gdpr_set_legal_basis("contract")
        people[4].gdpr_subject_id._record_objection()
        mails = self.run_and_send(due)
        self.assertEqual([mail["email_to"] for mail in mails], [['"Person 5" <person5@example.com>']])

    def test_deleted_card(self):
        partner = self.make_people(1, gdpr_legal_basis="consent")
        due = self.agree(partner)
        partner.unlink()
        self.assertFalse(self.run_and_send(due))

    def test_open_request(self):
        """Who has a question open isn't sent another."""
        due = self.agree()
        with freeze_time(due - timedelta(days=2)):
            self.ask(self.partner)
        self.assertFalse(self.run_and_send(due))

    def test_card_asked_last(self):
        self.partner.write({"gdpr_legal_basis": "consent"})
        twin = self.partner.copy({"name": "Anna at Work", "email": "anna@work.example.com"})
        twin.gdpr_legal_basis = "consent"
        self.partner.gdpr_subject_id._join(twin.gdpr_subject_id, "The same person")
        request, _grant, _preferences = self.ask(twin)
        request._answer(request._get_version(), "save", {self.marketing.id: ["email"]}, {})
        due = self.partner.gdpr_consent_expires_on - timedelta(days=30)
        self.assertEqual(
            [mail["email_to"] for mail in self.run_and_send(due)], [['"Anna at Work" <anna@work.example.com>']]
        )

    def test_another_card_when_that_is_gone(self):
        self.lead.partner_id = self.partner
        self.lead.email_from = "anna@lead.example.com"
        request, _grant, _preferences = self.ask(self.lead)
        request._answer(request._get_version(), "save", {self.marketing.id: ["email"]}, {})
        self.lead.active = False
        due = self.partner.gdpr_consent_expires_on - timedelta(days=30)
        [mail] = self.run_and_send(due)
        self.assertEqual(mail["email_to"], [self.partner._gdpr_get_email_formatted()])

    def test_several_purposes(self):
        """One message for all that end at the same time, another for what ends much later."""
        self.form.purpose_ids += self.profiling
        self.form.action_publish()
        self.agree(purposes=["marketing", "profiling"])
        ends = {consent.purpose_id: consent.expires_on for consent in self.partner.gdpr_subject_id.consent_ids}
        first = ends[self.profiling] - timedelta(days=30)
        self.assertEqual(len(self.run_and_send(first)), 1)
        self.run_and_send(ends[self.profiling])
        self.assertEqual(self.partner.gdpr_consent_state, "obtained")
        self.assertEqual(len(self.run_and_send(ends[self.marketing] - timedelta(days=30))), 1)

    def test_each_company_has_its_days(self):
        other = self.env["res.company"].create(
            {"name": "Second", "email": "second@example.com", "gdpr_renewal_days": 60}
        )
        form = self.form.copy({"company_id": other.id})
        form.action_publish()
        due = self.agree()
        # A contact that both share agreed to the other's form.
        shared = self.make_people(1, gdpr_legal_basis="consent")
        self.agree(shared, form=form)
        [mail] = self.run_and_send(due - timedelta(days=5))
        self.assertIn("Second", mail["subject"])
        self.assertEqual(shared.gdpr_subject_id.request_ids.company_id, other)

    def test_failed(self):
        due = self.agree()
        self.run_and_send(due, is_server_dead=True)
        self.assertEqual(self.get_requests().state, "failed")
        self.assertFalse(self.run_and_send(due + timedelta(days=1)))
        self.assertEqual(len(self.run_and_send(due + timedelta(days=5))), 1)

    def test_many(self):
        due = self.agree(self.make_people(2, gdpr_legal_basis="consent"))
        with freeze_time(due + timedelta(hours=1)):
            queries = self.count_queries(self.run_job)
            many = self.make_people(60, gdpr_legal_basis="consent")
        self.agree(many)
        with freeze_time(due + timedelta(hours=2)):
            self.assertLessEqual(self.count_queries(self.run_job), queries + 60)
        self.assertEqual(len(many.gdpr_subject_id.request_ids), 60)
