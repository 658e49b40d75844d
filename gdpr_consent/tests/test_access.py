from odoo.exceptions import AccessError
from odoo.service.model import call_kw
from odoo.tests import Form, new_test_user, tagged

from .common import ConsentCase

CONFIGURATION = {
    "gdpr.channel": {"name": "Fax", "code": "fax"},
    "gdpr.purpose": {"name": "Surveys", "code": "surveys"},
    "gdpr.scope": {"name": "More", "model": "res.partner"},
    "gdpr.consent.form": {"name": "Second", "title": "A question"},
}
RECORDS = ("gdpr.subject", "gdpr.consent", "gdpr.consent.event", "gdpr.consent.event.value", "gdpr.consent.request")
HIDDEN = ("gdpr.link", "gdpr.rate.limit")
WIZARDS = ("gdpr.consent.entry", "gdpr.consent.withdrawal")
GDPR_FIELDS = (
    "gdpr_subject_id",
    "gdpr_legal_basis",
    "gdpr_legal_basis_reason",
    "gdpr_consent_state",
    "gdpr_restricted",
    "gdpr_requested_on",
    "gdpr_consent_on",
    "gdpr_consent_source",
    "gdpr_consent_note",
    "gdpr_consent_expires_on",
    "gdpr_purpose_ids",
    "gdpr_channel_ids",
    "gdpr_event_ids",
    "gdpr_covered",
    "gdpr_failure_reason",
)
PRIVATE = (
    "_gdpr_apply_basis",
    "_gdpr_link_subject",
    "_gdpr_ensure_subjects",
    "_gdpr_send_request",
    "_gdpr_prepare_evidence",
)


class AccessCase(ConsentCase):
    """A contact with an answer and an open request, and a user of every role."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.portal_user = new_test_user(cls.env, login="privacy_portal", groups="base.group_portal")
        cls.public_user = cls.env.ref("base.public_user")
        cls.partner.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 7")
        cls.lead.user_id = cls.salesperson

    def setUp(self):
        super().setUp()
        self.request, _grant, _preferences = self.ask(self.lead)
        self.env["gdpr.rate.limit"].create({"key": "visitor", "window_start": "2026-01-01", "hits": 1})

    def call(self, user, records, name, *args, **kwargs):
        """Call a method as a remote client does."""
        model = records.with_user(user).browse()
        return call_kw(model, name, [records.ids, *args], kwargs)

    def assertDenied(self, user, records, name, *args, **kwargs):
        with self.assertRaises(AccessError, msg=f"{name} on {records}"), self.env.cr.savepoint():
            self.call(user, records, name, *args, **kwargs)

    def find(self, model):
        return self.env[model].with_context(active_test=False).search([], limit=1)

    def check_reads_records(self, user):
        for model in (*CONFIGURATION, *RECORDS, "gdpr.consent.form.version"):
            with self.subTest(model=model):
                record = self.find(model)
                self.assertTrue(record)
                fields = [name for name in self.env[model].with_user(user).fields_get() if name != "link_ids"]
                self.assertTrue(self.call(user, record, "read", fields))
                self.assertTrue(
                    call_kw(self.env[model].with_user(user), "search_read", [[], ["display_name"]], {"limit": 1})
                )

    def check_reads_nothing(self, user):
        for model in (*CONFIGURATION, *RECORDS, *HIDDEN, "gdpr.consent.form.version"):
            with self.subTest(model=model):
                self.assertDenied(user, self.find(model), "read", ["display_name"])
                with self.assertRaises(AccessError):
                    call_kw(self.env[model].with_user(user), "search_read", [[]], {})

    def check_writes_no_records(self, user):
        for model in (*RECORDS, "gdpr.consent.form.version"):
            record = self.find(model)
            name = "company_id" if "company_id" in record._fields else "subject_id"
            with self.subTest(model=model):
                for method, args in (("write", [{name: 1}]), ("unlink", []), ("copy", [])):
                    with self.assertRaises(Exception) as caught, self.env.cr.savepoint():
                        self.call(user, record, method, *args)
                    self.assertIn(type(caught.exception).__name__, ("AccessError", "UserError"))
                with self.assertRaises(AccessError), self.env.cr.savepoint():
                    call_kw(self.env[model].with_user(user), "create", [[{}]], {})

    def check_sees_no_credentials(self, user):
        for model in HIDDEN:
            with self.subTest(model=model):
                with self.assertRaises(AccessError):
                    call_kw(self.env[model].with_user(user), "search_read", [[]], {})
                with self.assertRaises(AccessError):
                    call_kw(self.env[model].with_user(user), "create", [[{}]], {})
        self.assertDenied(user, self.request, "read", ["link_ids"])

    def check_configures_nothing(self, user):
        for model, values in CONFIGURATION.items():
            record = self.find(model)
            with self.subTest(model=model):
                self.assertDenied(user, record, "write", {"name": "Changed"})
                self.assertDenied(user, record, "unlink")
                with self.assertRaises(AccessError), self.env.cr.savepoint():
                    call_kw(self.env[model].with_user(user), "create", [[values]], {})
        self.assertDenied(user, self.form, "action_publish")

    def check_asks_and_records(self, user):
        partner = self.env["res.partner"].create({"name": "Carla", "email": "carla@example.com"})
        partner.gdpr_legal_basis = "consent"
        self.assertEqual(
            self.call(user, partner, "action_gdpr_send_consent_request")["res_model"], "mail.compose.message"
        )
        with self.catch_mails():
            self.call(user, partner, "gdpr_request_consent")
        self.assertEqual(partner.gdpr_consent_state, "waiting")
        self.assertEqual(partner.gdpr_subject_id.request_ids.user_id, user)
        self.assertEqual(self.call(user, partner, "action_gdpr_record_consent")["res_model"], "gdpr.consent.entry")
        self.call(user, partner, "gdpr_record_consent", ["marketing"], ["email"], "phone", evidence="Call 8")
        self.assertEqual(partner.gdpr_consent_state, "obtained")
        self.assertTrue(self.call(user, partner, "gdpr_may_contact", "marketing", "email")[partner.id]["allowed"])
        self.assertEqual(
            self.call(user, partner, "action_gdpr_withdraw_consent")["res_model"], "gdpr.consent.withdrawal"
        )
        self.call(user, partner, "gdpr_withdraw_consent")
        self.assertEqual(partner.gdpr_consent_state, "withdrawn")
        event = partner.gdpr_event_ids.sorted("sequence")[-1]
        self.assertEqual((event.actor, event.user_id), ("operator", user))
        self.assertTrue(self.call(user, event, "read", ["description", "details"]))
        self.assertTrue(self.call(user, partner, "read", list(GDPR_FIELDS)))

    def check_does_nothing(self, user):
        for name, args in (
            ("gdpr_set_legal_basis", ["contract"]),
            ("gdpr_request_consent", []),
            ("gdpr_record_consent", [["marketing"], ["email"], "phone"]),
            ("gdpr_withdraw_consent", []),
            ("gdpr_may_contact", ["marketing", "email"]),
            ("action_gdpr_send_consent_request", []),
            ("action_gdpr_record_consent", []),
            ("action_gdpr_withdraw_consent", []),
        ):
            with self.subTest(method=name):
                self.assertDenied(user, self.partner, name, *args)
        for model in WIZARDS:
            with self.subTest(wizard=model), self.assertRaises(AccessError):
                call_kw(
                    self.env[model].with_user(user),
                    "create",
                    [{"res_model": "res.partner", "res_ids": str(self.partner.ids)}],
                    {},
                )
        for name in GDPR_FIELDS:
            with self.subTest(field=name):
                self.assertDenied(user, self.partner, "read", [name])
                self.assertDenied(user, self.partner, "write", {name: False})
                with self.assertRaises(AccessError):
                    call_kw(self.env["res.partner"].with_user(user), "search", [[(name, "!=", False)]], {})
        self.assertDenied(user, self.env["gdpr.subject"], "action_verify_ledger")
        self.assertEqual(self.partner.gdpr_consent_state, "obtained")

    def check_private_methods(self, user):
        for name in PRIVATE:
            with self.subTest(method=name):
                self.assertDenied(user, self.partner, name)


@tagged("post_install", "-at_install")
class TestAccess(AccessCase):
    """What each role can do, called as a remote client does."""

    def test_employee(self):
        self.check_reads_nothing(self.employee)
        self.check_configures_nothing(self.employee)
        self.check_writes_no_records(self.employee)
        self.check_does_nothing(self.employee)
        self.check_private_methods(self.employee)

    def test_salesperson(self):
        user = self.salesperson
        self.check_reads_records(user)
        self.check_sees_no_credentials(user)
        self.check_configures_nothing(user)
        self.check_writes_no_records(user)
        self.check_asks_and_records(user)
        self.check_private_methods(user)
        self.assertDenied(user, self.partner, "gdpr_set_legal_basis", "contract")
        self.assertDenied(user, self.partner, "write", {"gdpr_legal_basis": "contract"})
        self.assertDenied(user, self.partner, "write", {"gdpr_legal_basis_reason": "Because"})
        self.assertDenied(user, self.env["gdpr.subject"], "action_verify_ledger")

    def test_officer(self):
        user = self.officer
        self.check_reads_records(user)
        self.check_sees_no_credentials(user)
        self.check_configures_nothing(user)
        self.check_writes_no_records(user)
        self.check_asks_and_records(user)
        self.check_private_methods(user)
        self.call(user, self.lead, "gdpr_set_legal_basis", "contract")
        self.assertEqual(self.lead.gdpr_legal_basis, "contract")
        self.assertEqual(self.call(user, self.env["gdpr.subject"], "action_verify_ledger")["params"]["type"], "success")

    def test_manager(self):
        user = self.manager
        self.check_reads_records(user)
        self.check_sees_no_credentials(user)
        self.check_writes_no_records(user)
        self.check_private_methods(user)
        self.assertEqual(self.call(user, self.env["gdpr.subject"], "action_verify_ledger")["params"]["type"], "success")
        for model, values in CONFIGURATION.items():
            with self.subTest(model=model):
                record = call_kw(self.env[model].with_user(user), "create", [[values]], {})
                record = self.env[model].browse(record)
                self.call(user, record, "write", {"name": "Changed"})
                self.assertEqual(record.name, "Changed")
                self.call(user, record, "unlink")
                self.assertFalse(record.exists())
        number = self.form.version_number
        self.call(user, self.form, "action_publish")
        self.assertEqual(self.form.version_number, number + 1)
        self.assertEqual(self.form._get_version().published_by_id, user)

    def test_portal(self):
        self.check_reads_nothing(self.portal_user)
        self.check_configures_nothing(self.portal_user)
        self.check_writes_no_records(self.portal_user)
        self.check_does_nothing(self.portal_user)
        own = self.portal_user.partner_id
        self.assertDenied(self.portal_user, own, "write", {"gdpr_consent_state": "obtained"})
        self.assertDenied(self.portal_user, own, "read", ["gdpr_legal_basis"])

    def test_public(self):
        self.check_reads_nothing(self.public_user)
        self.check_configures_nothing(self.public_user)
        self.check_writes_no_records(self.public_user)
        self.check_does_nothing(self.public_user)

    def test_roles_imply_one_another(self):
        self.assertTrue(self.manager.has_group("gdpr_consent.group_officer"))
        self.assertTrue(self.officer.has_group("gdpr_consent.group_user"))
        self.assertTrue(self.salesperson.has_group("gdpr_consent.group_user"))
        self.assertFalse(self.salesperson.has_group("gdpr_consent.group_officer"))
        self.assertFalse(self.employee.has_group("gdpr_consent.group_user"))

    def test_salesperson_acts_on_own_leads_only(self):
        foreign = self.env["crm.lead"].create(
            {"name": "Not yours", "email_from": "other@example.com", "user_id": self.officer.id}
        )
        foreign.gdpr_legal_basis = "consent"
        for name, args in (
            ("gdpr_request_consent", []),
            ("gdpr_record_consent", [["marketing"], ["email"], "phone", None, "Call 9"]),
            ("gdpr_withdraw_consent", []),
            ("gdpr_may_contact", ["marketing", "email"]),
            ("action_gdpr_send_consent_request", []),
        ):
            with self.subTest(method=name):
                self.assertDenied(self.salesperson, foreign, name, *args)
        for model in WIZARDS:
            wizard = (
                self.env[model]
                .with_user(self.salesperson)
                .create({"res_model": "crm.lead", "res_ids": str(foreign.ids)})
            )
            wizard.purpose_ids = self.marketing
            with self.subTest(wizard=model), self.assertRaises(AccessError), self.env.cr.savepoint():
                wizard.action_record() if model == "gdpr.consent.entry" else wizard.action_withdraw()

    def test_salesperson_reads_own_leads_only(self):
        """What the person of a colleague's lead said isn't for everybody's eyes."""
        foreign = self.env["crm.lead"].create(
            {"name": "Not yours", "email_from": "other@example.com", "user_id": self.officer.id}
        )
        foreign.gdpr_legal_basis = "consent"
        foreign.gdpr_record_consent(["marketing"], ["email"], "phone", note="Private", evidence="Call 9")
        self.ask(foreign)
        subject = foreign.gdpr_subject_id
        for model, domain in (
            ("gdpr.subject", [("id", "=", subject.id)]),
            ("gdpr.consent", [("subject_id", "=", subject.id)]),
            ("gdpr.consent.event", [("subject_id", "=", subject.id)]),
            ("gdpr.consent.event.value", [("event_id.subject_id", "=", subject.id)]),
            ("gdpr.consent.request", [("subject_id", "=", subject.id)]),
        ):
            with self.subTest(model=model):
                self.assertFalse(self.env[model].with_user(self.salesperson).search(domain))
                self.assertTrue(self.env[model].with_user(self.officer).search(domain))
                foreign.user_id = self.salesperson
                self.assertTrue(self.env[model].with_user(self.salesperson).search(domain))
                foreign.user_id = self.officer

    def test_officer_needs_access_to_the_card(self):
        officer = new_test_user(self.env, login="privacy_only", groups="gdpr_consent.group_officer")
        self.assertDenied(officer, self.lead, "gdpr_set_legal_basis", "contract")

    def test_evidence_of_others(self):
        """Nobody can use a file they can't read as evidence, nor learn its digest."""
        attachment = self.env["ir.attachment"].create(
            {
                "name": "salary.pdf",
                "raw": b"secret",
                "res_model": "ir.cron",
                "res_id": self.env.ref("base.autovacuum_job").id,
            }
        )
        self.assertDenied(
            self.salesperson,
            self.partner,
            "gdpr_record_consent",
            ["marketing"],
            ["email"],
            "paper",
            evidence=attachment.id,
        )

    def test_other_company(self):
        other = self.env["res.company"].create({"name": "Second"})
        partner = self.env["res.partner"].with_company(other).create({"name": "Far", "company_id": other.id})
        partner.gdpr_legal_basis = "consent"
        subject = partner.gdpr_subject_id
        self.assertEqual(subject.company_id, other)
        for user in (self.salesperson, self.officer):
            self.assertDenied(user, subject, "read", ["reference"])
            self.assertDenied(user, subject.event_ids, "read", ["action"])
            self.assertNotIn(subject, self.env["gdpr.subject"].with_user(user).search([]))
            self.assertFalse(self.env["gdpr.consent.event"].with_user(user).search([("subject_id", "=", subject.id)]))


@tagged("post_install", "-at_install")
class TestWithoutRole(AccessCase):
    """Who has nothing to do with privacy works as before."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["ir.model.access"].create(
            [
                {
                    "name": "Test: employees on leads",
                    "model_id": cls.env["ir.model"]._get_id(model),
                    "group_id": cls.env.ref("base.group_user").id,
                    **dict.fromkeys(("perm_read", "perm_write", "perm_create", "perm_unlink"), True),
                }
                for model in ("crm.lead", "crm.stage", "crm.team")
            ]
        )

    def test_contact_form(self):
        partners = self.env["res.partner"].with_user(self.employee)
        with Form(partners) as form:
            form.name = "Dora"
            form.email = "dora@example.com"
        partner = form.record
        with Form(partner) as form:
            self.assertEqual(form.name, "Dora")
            form.name = "Dora B."
        self.assertEqual(partner.name, "Dora B.")

    def test_company_form(self):
        with Form(self.env["res.partner"].with_user(self.employee)) as form:
            form.name = "Neri Srl"
            form.company_type = "company"
        self.assertTrue(form.record.is_company)

    def test_with_a_default_basis(self):
        self.env.company.gdpr_default_legal_basis = "consent"
        with Form(self.env["res.partner"].with_user(self.employee)) as form:
            form.name = "Emma"
        self.assertEqual(form.record.sudo().gdpr_consent_state, "pending")
        lead = self.env["crm.lead"].with_user(self.employee).create({"name": "Fair"})
        self.assertEqual(lead.sudo().gdpr_consent_state, "pending")

    def test_contact_with_a_history(self):
        partner = self.partner.with_user(self.employee)
        with Form(partner) as form:
            form.phone = "+39 06 1234567"
        partner.action_archive()
        self.assertEqual(partner.copy().sudo().gdpr_legal_basis, "not_applicable")
        self.assertTrue(call_kw(partner.browse(), "read", [partner.ids, ["name", "email", "phone"]], {}))
        self.assertTrue(call_kw(partner.browse(), "web_search_read", [[], {"name": {}}], {"limit": 1}))
        partner.unlink()
        self.assertFalse(self.partner.exists())

    def test_leads(self):
        leads = self.env["crm.lead"].with_user(self.employee)
        lead = leads.create({"name": "Fair", "partner_id": self.partner.id})
        self.assertEqual(lead.sudo().gdpr_subject_id, self.partner.gdpr_subject_id)
        lead.write({"name": "Fair 2"})
        self.lead.with_user(self.employee).write({"partner_id": self.partner.id})
        self.assertTrue(call_kw(leads, "read", [lead.ids], {}))
        for view_type in ("form", "list", "kanban", "search"):
            self.assertNotIn("gdpr_", leads.get_view(view_type=view_type)["arch"])
        lead.unlink()

    def test_views_and_fields(self):
        partners = self.env["res.partner"].with_user(self.employee)
        for view_type in ("form", "list", "kanban", "search"):
            self.assertNotIn("gdpr_", partners.get_view(view_type=view_type)["arch"])
        self.assertFalse([name for name in partners.fields_get() if name.startswith("gdpr_")])

    def test_import(self):
        result = self.env["res.partner"].with_user(self.employee).load(["name", "email"], [["F", "f@example.com"]])
        self.assertTrue(result["ids"])

    def test_visitor_makes_a_lead(self):
        """What the web site's contact form does."""
        self.env.company.gdpr_default_legal_basis = "consent"
        lead = (
            self.env["crm.lead"]
            .with_user(self.public_user)
            .sudo()
            .create({"name": "Question", "email_from": "visitor@example.com"})
        )
        self.assertEqual(lead.gdpr_consent_state, "pending")

    def test_mail_makes_a_lead(self):
        lead = self.env["crm.lead"].message_new({"subject": "Question", "from": "Gigi <gigi@example.com>", "body": ""})
        self.assertEqual(lead.gdpr_legal_basis, "not_applicable")
