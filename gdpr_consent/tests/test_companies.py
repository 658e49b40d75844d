from odoo.tests import HttpCase, new_test_user, tagged

from .common import ConsentCase

GROUPS = {
    "user": "gdpr_consent.group_user,sales_team.group_sale_salesman_all_leads",
    "officer": "gdpr_consent.group_officer,sales_team.group_sale_salesman_all_leads",
    "manager": "gdpr_consent.group_manager,sales_team.group_sale_salesman_all_leads",
}
# What a role finds of its own company's; nothing of another company's is found by anybody.
FOUND = {
    "gdpr.purpose": {"user", "officer", "manager"},
    "gdpr.consent.form": {"user", "officer", "manager"},
    "gdpr.consent.form.version": {"user", "officer", "manager"},
    "gdpr.subject": {"user", "officer", "manager"},
    "gdpr.consent": {"user", "officer", "manager"},
    "gdpr.consent.event": {"user", "officer", "manager"},
    "gdpr.consent.event.value": {"user", "officer", "manager"},
    "gdpr.consent.request": {"user", "officer", "manager"},
    "gdpr.subject.request": {"officer", "manager"},
    "gdpr.link": set(),
}


class CompanyCase(ConsentCase):
    """Two controllers, each with its own purpose, form, contact, answer and request."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.companies = cls.env.company + cls.env["res.company"].create({"name": "Second Controller"})
        cls.records = {}
        cls.users = {}
        for number, company in enumerate(cls.companies):
            cls.records[company] = cls.make_records(company)
            for role, groups in GROUPS.items():
                cls.users[company, role] = new_test_user(
                    cls.env, login=f"{role}_{number}", groups=groups, company_id=company.id, company_ids=company.ids
                )

    @classmethod
    def make_records(cls, company):
        """Make records of a company, by model."""
        env = cls.env(context={"allowed_company_ids": company.ids})
        company.write(
            {
                "email": f"privacy{company.id}@example.com",
                "gdpr_officer_name": f"Officer of {company.name}",
                "street": "Main Street 1",
            }
        )
        purpose = cls.marketing.with_env(env).copy(
            {"code": f"news_{company.id}", "company_id": company.id, "channel_ids": cls.email_channel.ids}
        )
        form = cls.form.with_env(env).copy(
            {"name": f"Form of {company.name}", "company_id": company.id, "purpose_ids": purpose.ids, "sequence": 1}
        )
        form.action_publish()
        card = env["res.partner"].create(
            {"name": f"Person of {company.name}", "email": "person@example.com", "company_id": company.id}
        )
        card.gdpr_legal_basis = "consent"
        request = card.gdpr_request_consent(form=form)
        subject = card.gdpr_subject_id
        request.sudo()._issue_links()
        card.gdpr_record_consent(purpose, ["email"], "phone", evidence="Call 7", form=form)
        data_request = env["gdpr.subject.request"].create(
            {"subject_id": subject.id, "type": "access", "company_id": company.id}
        )
        return {
            "gdpr.purpose": purpose,
            "gdpr.consent.form": form,
            "gdpr.consent.form.version": form.version_ids,
            "gdpr.subject": subject,
            "gdpr.consent": subject.consent_ids,
            "gdpr.consent.event": subject.event_ids,
            "gdpr.consent.event.value": subject.event_ids.value_ids,
            "gdpr.consent.request": request,
            "gdpr.subject.request": data_request,
            "gdpr.link": subject.sudo().link_ids,
            "res.partner": card,
        }


@tagged("post_install", "-at_install")
class TestAccessMatrix(CompanyCase, HttpCase):
    """Group × model × company, asked over the wire as a client does."""

    def find(self, model, ids, **kwargs):
        """Search and read over JSON-RPC; an error is a finding of nothing."""
        params = {"model": model, "method": "search", "args": [[("id", "in", ids)]], "kwargs": kwargs}
        response = self.make_jsonrpc_request_raw(params)
        return set(response.get("result", ()))

    def read_refused(self, model, ids):
        params = {"model": model, "method": "read", "args": [ids, ["display_name"]], "kwargs": {}}
        return "error" in self.make_jsonrpc_request_raw(params)

    def make_jsonrpc_request_raw(self, params):
        url = f"/web/dataset/call_kw/{params['model']}/{params['method']}"
        return self.url_open(url, json={"jsonrpc": "2.0", "method": "call", "params": params, "id": 1}).json()

    def test_matrix(self):
        for (company, role), user in self.users.items():
            self.authenticate(user.login, user.login)
            for model, roles in FOUND.items():
                for owner in self.companies:
                    ids = self.records[owner][model].ids
                    self.assertTrue(ids, model)
                    with self.subTest(role=role, model=model, own=owner == company):
                        visible = set(ids) if owner == company and role in roles else set()
                        self.assertEqual(self.find(model, ids), visible)
                        self.assertEqual(self.read_refused(model, ids), not visible)


@tagged("post_install", "-at_install")
class TestControllers(CompanyCase):
    """Each company speaks for itself."""

    def test_each_asks_with_its_own_form(self):
        for company in self.companies:
            card = self.records[company]["res.partner"]
            form = self.env["gdpr.consent.form"]._get_default(company)
            self.assertEqual(form, self.records[company]["gdpr.consent.form"])
            content = form._get_version()._get_content()
            self.assertEqual(content["controller"]["name"], company.name)
            self.assertEqual(content["controller"]["officer"], f"Officer of {company.name}")
            with self.catch_mails():
                card.with_context(allowed_company_ids=company.ids).gdpr_request_consent(form=form)
            self.assertIn(f"privacy{company.id}@example.com", self._mails[-1]["email_from"])

    def test_a_purpose_of_another_company_says_no(self):
        first, second = self.companies
        card = self.records[first]["res.partner"]
        self.assertTrue(
            card.gdpr_may_contact(self.records[first]["gdpr.purpose"], "email")[card.id]["allowed"],
        )
        verdict = card.gdpr_may_contact(self.records[second]["gdpr.purpose"], "email")[card.id]
        self.assertEqual((verdict["allowed"], verdict["reason"]), (False, "other_company"))

    def test_a_contact_that_all_companies_see(self):
        """What each company was told is that company's: the answer and its proof are kept apart."""
        first, second = self.companies
        shared = self.env["res.partner"].create({"name": "Shared", "email": "shared@example.com"})
        shared.gdpr_legal_basis = "consent"
        for company in self.companies:
            shared.with_context(allowed_company_ids=company.ids).gdpr_record_consent(
                self.records[company]["gdpr.purpose"],
                ["email"],
                "phone",
                evidence="Call 7",
                form=self.records[company]["gdpr.consent.form"],
            )
        for company, other in ((first, second), (second, first)):
            user = self.users[company, "officer"]
            seen = shared.with_user(user).with_context(allowed_company_ids=company.ids)
            self.env.invalidate_all()
            self.assertEqual(seen.gdpr_purpose_ids, self.records[company]["gdpr.purpose"])
            given = (
                self.env["gdpr.consent.event"]
                .with_user(user)
                .search([("subject_id", "=", shared.gdpr_subject_id.id), ("action", "=", "given")])
            )
            self.assertEqual(given.purpose_id, self.records[company]["gdpr.purpose"])
            self.assertNotIn(self.records[other]["gdpr.purpose"], given.sudo().purpose_id)
        self.assertLedgerSound()

    def test_a_consent_to_one_company_does_not_count_for_another(self):
        """A shared contact, a shared purpose: consent is given to the controller that the form named."""
        first, second = self.companies
        shared = self.env["res.partner"].create({"name": "Shared", "email": "shared@example.com"})
        shared.gdpr_legal_basis = "consent"
        form = self.form.with_context(allowed_company_ids=second.ids).copy(
            {"company_id": second.id, "purpose_ids": self.marketing.ids}
        )
        form.action_publish()
        shared.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 7", form=form)
        reasons = {
            company: shared.with_company(company).gdpr_may_contact("marketing", "email")[shared.id]["reason"]
            for company in self.companies
        }
        self.assertEqual(reasons, {first: "other_company", second: "allowed"})
        for company in self.companies:
            self.env.invalidate_all()
            user = self.users[company, "user"]
            seen = shared.with_user(user).with_context(allowed_company_ids=company.ids)
            self.assertEqual("given" in seen.gdpr_event_ids.mapped("action"), company == second, "and no error")
            seen.web_read({"gdpr_event_ids": {"fields": {"description": {}}}, "gdpr_consent_state": {}})

    def test_records_of_a_company_stay_with_it(self):
        """A contact of one company gets a person of that company, whoever acts."""
        first, _second = self.companies
        card = self.env["res.partner"].create({"name": "Own", "company_id": first.id})
        card.gdpr_legal_basis = "contract"
        self.assertEqual(card.gdpr_subject_id.company_id, first)
