from unittest.mock import patch

from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged

from .campaign_common import CampaignCase
from .test_import import ImportCase
from .website_form_common import WebsiteFormCase

ADDRESS = "both@example.com"


@tagged("post_install", "-at_install")
class TestAskedAddress(CampaignCase, ImportCase):
    """Which record bears an address makes no difference to whether it can be asked, nor does who asks, and how."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scope = cls.env.ref("gdpr_consent.scope_contact")
        cls.scope.write({"ask_new": True, "ask_new_since": "2020-01-01 00:00:00"})
        cls.first = cls.make_record()

    @classmethod
    def make_record(cls, model="res.partner"):
        email = "email_from" if model == "crm.lead" else "email"
        record = cls.env[model].create({"name": "Bears the address", email: ADDRESS})
        record.gdpr_legal_basis = "consent"
        return record

    def assertNotAsked(self, message, reason):
        """Check that a new record with the address isn't asked in any of the ways."""
        for model in ("res.partner", "crm.lead"):
            record = self.make_record(model)
            with self.catch_mails():
                for ask in (record.gdpr_request_consent, record.action_gdpr_send_consent_request):
                    with (
                        self.subTest("By hand", model=model, ask=ask.__name__),
                        self.assertRaisesRegex(UserError, message),
                    ):
                        ask()
                with self.subTest("By a rule", model=model):
                    action = self.env["ir.actions.server"].create(
                        {"name": "Ask", "model_id": self.env["ir.model"]._get_id(model), "state": "gdpr_ask"}
                    )
                    action.with_context(active_model=model, active_ids=record.ids, active_id=record.id).run()
                with self.subTest("By a template", model=model):
                    template = self.template if model == "res.partner" else self.lead_template
                    mail = self.env["mail.mail"].browse(template.send_mail(record.id))
                    self.assertEqual(mail.state, "cancel")
                    self.assertRegex(mail.failure_reason, message)
                with self.subTest("As a new record", model=model):
                    rows = self.env["gdpr.new.record"].search([("res_model", "=", model), ("res_id", "=", record.id)])
                    rows.created_on = "2026-01-01 00:00:00"
                    rows._ask()
            with self.subTest("By a campaign", model=model):
                campaign = self.make(record, self.officer)
                campaign.action_check()
                self.assertEqual(self.get_reasons(campaign), {record: reason})
                campaign.action_start()
                self.queue()
                self.assertEqual(self.get_reasons(campaign), {record: reason})
            self.assertFalse(self._mails)
            self.assertFalse(record.gdpr_subject_id.request_ids)
        with self.subTest("By an import"), self.catch_mails():
            imported = self.load([{"name": "Listed", "email": ADDRESS, **self.proof, "gdpr_import_source": "Import"}])
            self.assertRegex(imported.gdpr_import_problem, message)
            self.assertFalse(imported.gdpr_subject_id.request_ids)
            self.assertFalse(self._mails)

    def test_blacklisted(self):
        self.env["mail.blacklist"]._add(ADDRESS)
        self.assertNotAsked("is blacklisted", "blacklisted")

    def test_objected(self):
        self.first.gdpr_subject_id._record_objection()
        self.assertNotAsked("is blacklisted", "blacklisted")

    def test_said_no(self):
        self.env.company.gdpr_cooldown_months = 6
        request, _grant, _preferences = self.ask(self.first)
        request._answer(request._get_version(), "refuse", {}, {})
        self.assertNotAsked(f"somebody with the address {ADDRESS} said no", "refused_lately")
        self.env.company.gdpr_cooldown_months = 0
        self.ask(self.make_record())

    def test_took_back(self):
        self.env.company.gdpr_cooldown_months = 6
        self.first.gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        self.first.gdpr_withdraw_consent()
        self.assertNotAsked("said no", "refused_lately")

    def test_said_no_and_has_another_address_now(self):
        self.env.company.gdpr_cooldown_months = 6
        request, _grant, _preferences = self.ask(self.first)
        request._answer(request._get_version(), "refuse", {}, {})
        self.first.email = "elsewhere@example.com"
        self.assertNotAsked("said no", "refused_lately")

    def test_asked_by_a_campaign(self):
        campaign = self.start(self.first)
        self.assertEqual(campaign.total_count, 1)
        self.assertNotAsked("waits for an answer", "already_asked")
        self.send(self.first.gdpr_subject_id.request_ids)
        self.assertNotAsked("waits for an answer", "already_asked")

    def test_asked_by_hand(self):
        self.ask(self.first)
        self.assertNotAsked("waits for an answer", "already_asked")
        request, _grant, _preferences = self.ask(self.first)
        self.assertEqual(request.state, "sent", "The person itself can be asked again.")

    def test_to_be_confirmed(self):
        with self.catch_mails():
            self.first.gdpr_record_consent("marketing", "email", "website", evidence="Landing page")
        self.assertEqual(self.first.gdpr_subject_id.request_ids.kind, "confirmation")
        self.assertNotAsked("to confirm what was typed", "already_asked")
        with self.assertRaisesRegex(UserError, "to confirm what was typed"):
            self.ask(self.first)

    def test_other_company(self):
        """What another company asks is no matter of this one."""
        other = self.env["res.company"].create({"name": "Second", "email": "second@example.com"})
        self.form.copy({"company_id": other.id}).action_publish()
        self.ask(self.first)
        elsewhere = self.make_record()
        elsewhere.company_id = other
        request, _grant, _preferences = self.ask(elsewhere.with_company(other))
        self.assertEqual(request.company_id, other)

    def test_several_at_once(self):
        with self.assertRaisesRegex(UserError, "Several of these records"):
            (self.first | self.make_record()).gdpr_request_consent()

    def test_person_wants_it(self):
        """A fresh link that the person asks for comes, whatever else is on record of the address."""
        request, _grant, _preferences = self.ask(self.first)
        self.env["mail.blacklist"]._add(ADDRESS)
        with self.catch_mails():
            fresh = request._send_fresh_link(self.first.gdpr_subject_id, ADDRESS)
        self.assertEqual(fresh.kind, "fresh_link")

    def test_declared_elsewhere(self):
        """What comes from a list is refused by the recording of one consent too."""
        self.env["mail.blacklist"]._add(ADDRESS)
        with self.assertRaisesRegex(ValidationError, "is blacklisted"):
            self.make_record().gdpr_record_consent("marketing", "email", "import", evidence="List")

    def test_cost(self):
        many = self.make_people(100, gdpr_legal_basis="consent")
        queries = self.count_queries(many[:1]._gdpr_get_refusal_codes)
        self.assertLessEqual(self.count_queries(many._gdpr_get_refusal_codes), queries + 3)


@tagged("post_install", "-at_install")
class TestVisitorsAddress(WebsiteFormCase):
    """A visitor who ticks something is asked to confirm it, and nothing else."""

    def setUp(self):
        super().setUp()
        # As a rule that asks each new lead does, before what was ticked is known.
        self.unsent = []
        self.startPatcher(
            patch.object(self.registry["mail.mail"], "send_after_commit", lambda mails: self.unsent.extend(mails.ids))
        )
        action = self.env["ir.actions.server"].create(
            {"name": "Ask", "model_id": self.env["ir.model"]._get_id("crm.lead"), "state": "gdpr_ask"}
        )
        create = self.registry["crm.lead"].create

        def create_and_ask(leads, vals_list):
            made = create(leads, vals_list)
            made.gdpr_legal_basis = "consent"
            context = {"active_model": "crm.lead", "active_ids": made.ids, "active_id": made.ids[0]}
            action.with_env(made.env).sudo().with_context(**context).run()
            return made

        self.startPatcher(patch.object(self.registry["crm.lead"], "create", create_and_ask))

    def read_sent(self):
        with self.catch_mails():
            self.env["mail.mail"].browse(self.unsent).send()
        return [mail["email_to"][0] for mail in self._mails], self.sent.gdpr_subject_id.request_ids

    def test_rule(self):
        self.send_form(["marketing", "marketing.email"])
        addresses, requests = self.read_sent()
        self.assertEqual(len(addresses), 1)
        self.assertEqual(
            requests.sorted("id").mapped(lambda request: (request.kind, request.state)),
            [("first", "cancelled"), ("confirmation", "sent")],
        )
        self.assertIn("confirm what was typed", requests.sorted("id")[0].failure_reason)

    def test_nothing_ticked(self):
        self.send_form()
        addresses, requests = self.read_sent()
        self.assertEqual((len(addresses), requests.kind, requests.state), (1, "first", "sent"))

    def test_blacklisted(self):
        self.env["mail.blacklist"]._add("gaia@example.com")
        self.send_form(["marketing", "marketing.email"])
        addresses, requests = self.read_sent()
        self.assertEqual((len(addresses), requests.kind), (1, "confirmation"))
        self.send_form()
        self.unsent.clear()
        self.assertEqual(self.read_sent(), ([], requests.browse()))
