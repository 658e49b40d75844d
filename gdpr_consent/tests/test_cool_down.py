from datetime import timedelta

from dateutil.relativedelta import relativedelta

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import Form, freeze_time, tagged

from ..tools.server_context import RequestOptions
from .test_life_cycle import LifeCycleCase


@tagged("post_install", "-at_install")
class TestCoolDown(LifeCycleCase):
    """Who said no isn't asked again for a while (law.md R-18)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.company.gdpr_cooldown_months = 6

    def refuse(self, card=None):
        request, _grant, _preferences = self.ask(card or self.partner)
        request._answer(request._get_version(), "refuse", {}, {})
        return (card or self.partner).gdpr_subject_id.consent_ids.event_id.occurred_on

    def assertNotAsked(self, message="said no, and isn't asked again before", card=None):
        with self.assertRaisesRegex(UserError, message):
            self.ask(card or self.partner)

    def test_boundary(self):
        end = self.refuse() + relativedelta(months=6)
        self.env.invalidate_all()
        self.assertEqual(self.partner.gdpr_asked_again_from, end)
        with freeze_time(end - timedelta(seconds=1)):
            self.assertNotAsked()
        with freeze_time(end):
            self.env.invalidate_all()
            self.assertFalse(self.partner.gdpr_asked_again_from)
            request, _grant, _preferences = self.ask(self.partner)
        self.assertEqual(request.state, "sent")

    def test_message_says_until_when(self):
        with freeze_time("2026-01-31 12:00:00"):
            self.refuse()
            self.assertNotAsked("Anna Rossi said no, and isn't asked again before 07/31/2026")

    def test_after_a_withdrawal(self):
        self.partner.gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        self.assertFalse(self.partner.gdpr_asked_again_from)
        self.partner.gdpr_withdraw_consent()
        self.assertNotAsked()

    def test_in_the_composer(self):
        composer = self.partner.with_user(self.salesperson).action_gdpr_send_consent_request()
        composer = Form(
            self.env[composer["res_model"]].with_user(self.salesperson).with_context(**composer["context"])
        ).save()
        self.refuse()
        with self.assertRaisesRegex(UserError, "said no"):
            self.partner.with_user(self.salesperson).action_gdpr_send_consent_request()
        with self.catch_mails(), self.assertRaisesRegex(UserError, "said no"):
            composer.action_send_mail()
        self.assertFalse(self._mails)

    def test_by_an_automation(self):
        self.refuse()
        with self.catch_mails():
            self.template.send_mail(self.partner.id, force_send=True)
        self.assertFalse(self._mails)
        mail = self.env["mail.mail"].search([("model", "=", "res.partner"), ("res_id", "=", self.partner.id)], limit=1)
        self.assertEqual(mail.state, "cancel")
        self.assertIn("said no", mail.failure_reason)

    def test_other_cards_of_the_person(self):
        self.lead.partner_id = self.partner
        self.refuse()
        self.assertNotAsked(card=self.lead)

    def test_joined_history(self):
        self.refuse(self.lead)
        self.partner.gdpr_subject_id._join(self.lead.gdpr_subject_id, "The same person")
        self.assertNotAsked()
        self.assertNotAsked(card=self.lead)

    def test_person_asks(self):
        """A person who wants the form gets it."""
        self.refuse()
        self.partner.gdpr_subject_id._record_objection()
        wanted = self.partner.with_context(gdpr_request_options=RequestOptions(kind="fresh_link"))
        request, _grant, _preferences = self.ask(wanted)
        self.assertEqual((request.state, request.kind), ("sent", "fresh_link"))

    def test_client_says_that_the_person_asks(self):
        self.refuse()
        for kind in ("fresh_link", "confirmation", "renewal"):
            with self.subTest(kind=kind):
                card = self.partner.with_user(self.salesperson).with_context(gdpr_request_options={"kind": kind})
                with self.assertRaisesRegex(UserError, "said no"):
                    card.gdpr_request_consent()

    def test_another_question(self):
        """A no to one thing isn't a no to another."""
        self.refuse()
        other = self.form.copy({"name": "Other", "purpose_ids": self.profiling.ids})
        other.action_publish()
        request, _grant, _preferences = self.ask(self.partner, form=other)
        self.assertEqual(request.form_id, other)

    def test_objected(self):
        self.partner.gdpr_subject_id._record_objection()
        self.assertNotAsked("objects to any marketing")
        with freeze_time(fields.Datetime.now() + relativedelta(years=3)):
            self.assertNotAsked("objects to any marketing")

    def test_none(self):
        self.env.company.gdpr_cooldown_months = 0
        self.refuse()
        self.assertFalse(self.partner.gdpr_asked_again_from)
        self.ask(self.partner)

    def test_each_company_has_its_own(self):
        other = self.env["res.company"].create(
            {"name": "Second", "email": "second@example.com", "gdpr_cooldown_months": 1}
        )
        self.form.copy({"company_id": other.id}).action_publish()
        far = self.env["res.partner"].create({"name": "Far", "email": "far@example.com", "company_id": other.id})
        far.gdpr_legal_basis = "consent"
        self.refuse()
        self.refuse(far)
        with freeze_time(fields.Datetime.now() + relativedelta(months=2)):
            self.assertNotAsked()
            self.ask(far)

    def test_gave_since(self):
        self.refuse()
        self.partner.gdpr_record_consent("marketing", "email", "phone", evidence="Called us")
        self.env.invalidate_all()
        self.assertFalse(self.partner.gdpr_asked_again_from)

    def test_many(self):
        many = self.make_people(100, gdpr_legal_basis="consent")
        many.gdpr_withdraw_consent("marketing")
        queries = self.count_queries(many[:1]._gdpr_get_refusals)
        self.assertLessEqual(self.count_queries(many._gdpr_get_refusals), queries + 8)
        queries = self.count_queries(many[:1].mapped, "gdpr_asked_again_from")
        self.assertLessEqual(self.count_queries(many.mapped, "gdpr_asked_again_from"), queries + 8)
