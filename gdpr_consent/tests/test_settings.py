from contextlib import contextmanager

from lxml import etree
from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import mute_logger

from .common import ConsentCase

VIEWS = [
    ("res.partner", "form", "base.view_partner_form"),
    ("res.partner", "list", "base.view_partner_tree"),
    ("res.partner", "kanban", "base.res_partner_kanban_view"),
    ("res.partner", "search", "base.view_res_partner_filter"),
    ("crm.lead", "form", "crm.crm_lead_view_form"),
    ("crm.lead", "list", "crm.crm_case_tree_view_leads"),
    ("crm.lead", "list", "crm.crm_case_tree_view_oppor"),
    ("crm.lead", "kanban", "crm.crm_case_kanban_view_leads"),
    ("crm.lead", "kanban", "crm.view_crm_lead_kanban"),
    ("crm.lead", "search", "crm.view_crm_case_leads_filter"),
    ("crm.lead", "search", "crm.view_crm_case_opportunities_filter"),
]


class SettingsCase(ConsentCase):
    def save_settings(self, **values):
        self.env["res.config.settings"].create(values).execute()
        self.env.invalidate_all()

    def get_parts(self, model, view_type, view):
        """Give what of the add-on is in a view, by name."""
        arch = etree.fromstring(
            self.env[model].with_user(self.officer).get_view(self.env.ref(view).id, view_type)["arch"]
        )
        panels = ["searchpanel" for panel in arch.xpath("//searchpanel[not(field)]")]
        return set(arch.xpath("//*[starts-with(@name, 'gdpr_')]/@name")) | set(panels)

    def get_menus(self, user):
        return self.env["ir.ui.menu"].with_user(user).load_menus(False)

    def assertShown(self, *models):
        for model, view_type, view in VIEWS:
            with self.subTest(view=view):
                parts = self.get_parts(model, view_type, view)
                (self.assertTrue if model in models else self.assertFalse)(parts)


@tagged("post_install", "-at_install")
class TestMasterSwitch(SettingsCase):
    """Off means gone from the forms, lists and menus (S1)."""

    def test_on_at_first(self):
        settings = self.env["res.config.settings"].create({})
        self.assertTrue(settings.gdpr_enabled)
        self.assertTrue(settings.gdpr_scope_lead and settings.gdpr_scope_contact and settings.gdpr_scope_vendor)
        self.assertShown("res.partner", "crm.lead")

    def test_off_leaves_filters_and_exports(self):
        for enabled in (False, True):
            self.save_settings(gdpr_enabled=enabled)
            for model in ("res.partner", "crm.lead"):
                names = self.env[model].with_user(self.officer).fields_get()
                self.assertEqual("gdpr_legal_basis" in names, enabled)
                self.assertEqual(any(name.startswith("gdpr_") for name in names), enabled)

    def test_officer_address_is_checked(self):
        with self.assertRaises(ValidationError):
            self.env.company.gdpr_officer_email = "notanemail"

    def test_off_and_on_again(self):
        menu = self.env.ref("gdpr_consent.gdpr_consent_menu_root")
        self.assertIn(menu.id, self.get_menus(self.officer))
        self.save_settings(gdpr_enabled=False)
        self.assertFalse(self.env["res.config.settings"].create({}).gdpr_enabled)
        self.assertShown()
        self.assertFalse(self.partner.gdpr_covered or self.lead.gdpr_covered)
        self.assertNotIn(menu.id, self.get_menus(self.officer))
        self.assertNotIn(menu.id, self.get_menus(self.manager))
        self.save_settings(gdpr_enabled=True)
        self.assertShown("res.partner", "crm.lead")
        self.assertTrue(self.partner.gdpr_covered and self.lead.gdpr_covered)
        self.assertIn(menu.id, self.get_menus(self.officer))

    def test_forms_work_while_off(self):
        self.save_settings(gdpr_enabled=False)
        for user in (self.salesperson, self.officer, self.employee):
            with Form(self.env["res.partner"].with_user(user)) as form:
                form.name = "Without privacy"
            with Form(form.record) as form:
                form.name = "Still without"

    def test_off_keeps_what_was_recorded(self):
        self.partner.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 7")
        self.save_settings(gdpr_enabled=False)
        self.assertEqual(self.partner.gdpr_consent_state, "obtained")
        self.partner.gdpr_withdraw_consent()
        self.save_settings(gdpr_enabled=True)
        self.assertEqual(self.partner.gdpr_consent_state, "withdrawn")
        self.assertLedgerSound()

    def test_off_stops_the_default(self):
        self.env.company.gdpr_default_legal_basis = "consent"
        self.save_settings(gdpr_enabled=False)
        self.assertEqual(self.env["res.partner"].create({"name": "G"}).gdpr_legal_basis, "not_applicable")

    def test_saving_other_settings_changes_nothing(self):
        self.save_settings(gdpr_enabled=False, gdpr_scope_lead=False, gdpr_waiting_days=30)
        self.save_settings()
        settings = self.env["res.config.settings"].create({})
        self.assertFalse(settings.gdpr_enabled or settings.gdpr_scope_lead)
        self.assertTrue(settings.gdpr_scope_contact)
        self.assertEqual(settings.gdpr_waiting_days, 30)

    def test_administrator_without_the_role(self):
        """Who sets up Odoo, but not privacy, saves settings without touching these."""
        user = new_test_user(self.env, login="system_only", groups="base.group_system")
        user.group_ids -= self.env.ref("gdpr_consent.group_manager")
        self.save_settings(gdpr_scope_lead=False)
        arch = self.env["res.config.settings"].with_user(user).get_view(view_type="form")["arch"]
        self.assertNotIn("gdpr_enabled", arch)
        self.env["res.config.settings"].with_user(user).create({}).execute()
        self.assertFalse(self.env.ref("gdpr_consent.scope_lead").active)
        self.assertTrue(self.env["gdpr.scope"]._is_enabled())

    def test_who_may_not(self):
        for user in (self.employee, self.salesperson, self.officer):
            with self.assertRaises(AccessError):
                self.env["res.config.settings"].with_user(user).create({"gdpr_enabled": False}).execute()

    def test_settings_form(self):
        with Form(self.env["res.config.settings"].with_user(self.manager)) as form:
            form.gdpr_waiting_days = 21
            form.gdpr_link_validity_days = 10
            form.gdpr_reminder_count = 2
            form.gdpr_reminder_days = 6
            form.gdpr_cooldown_months = 12
            form.gdpr_renewal_days = 45
            form.gdpr_confirmation_days = 7
            form.gdpr_confirm_import = False
            form.gdpr_confirm_exemption_reason = "Confirmed before"
            form.gdpr_sender = "privacy@example.com"
            form.gdpr_officer_name = "Paola Bruni"
            form.gdpr_officer_email = "privacy@example.com"
            form.gdpr_ip_retention = "truncated"
            form.gdpr_default_legal_basis = "consent"
        form.record.execute()
        company = self.env.company
        self.assertEqual((company.gdpr_waiting_days, company.gdpr_link_validity_days), (21, 10))
        self.assertEqual((company.gdpr_reminder_count, company.gdpr_reminder_days), (2, 6))
        self.assertEqual((company.gdpr_cooldown_months, company.gdpr_renewal_days), (12, 45))
        self.assertEqual((company.gdpr_confirmation_days, company.gdpr_sender), (7, "privacy@example.com"))
        self.assertTrue(company.gdpr_confirm_website and company.gdpr_confirm_api)
        self.assertFalse(company.gdpr_confirm_import)
        self.assertEqual(
            (company.gdpr_officer_name, company.gdpr_officer_email), ("Paola Bruni", "privacy@example.com")
        )
        self.assertEqual((company.gdpr_ip_retention, company.gdpr_default_legal_basis), ("truncated", "consent"))


@tagged("post_install", "-at_install")
class TestScopes(SettingsCase):
    """Leads, contacts and vendors, each on or off (S2)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.vendor = cls.env["res.partner"].create({"name": "Supplier", "supplier_rank": 1})

    def test_leads_off(self):
        self.save_settings(gdpr_scope_lead=False)
        self.assertShown("res.partner")
        self.assertFalse(self.lead.gdpr_covered)
        self.assertTrue(self.partner.gdpr_covered and self.vendor.gdpr_covered)

    def test_contacts_off(self):
        self.save_settings(gdpr_scope_contact=False)
        self.assertFalse(self.partner.gdpr_covered)
        self.assertTrue(self.vendor.gdpr_covered and self.lead.gdpr_covered)

    def test_vendors_off(self):
        self.save_settings(gdpr_scope_vendor=False)
        self.assertFalse(self.vendor.gdpr_covered)
        self.assertTrue(self.partner.gdpr_covered and self.lead.gdpr_covered)

    def test_contacts_and_vendors_off(self):
        self.save_settings(gdpr_scope_contact=False, gdpr_scope_vendor=False)
        self.assertShown("crm.lead")
        self.assertFalse(self.partner.gdpr_covered or self.vendor.gdpr_covered)

    def test_many_records_at_once(self):
        self.save_settings(gdpr_scope_vendor=False)
        both = (self.partner + self.vendor).with_user(self.salesperson)
        self.assertEqual(both.filtered("gdpr_covered"), self.partner)

    def test_default_only_for_what_is_covered(self):
        self.env.company.gdpr_default_legal_basis = "consent"
        self.save_settings(gdpr_scope_contact=False)
        partners = self.env["res.partner"].create([{"name": "H"}, {"name": "I", "supplier_rank": 1}])
        self.assertEqual(partners.mapped("gdpr_legal_basis"), ["not_applicable", "consent"])
        self.save_settings(gdpr_scope_contact=True, gdpr_scope_vendor=False)
        partners = self.env["res.partner"].create([{"name": "J"}, {"name": "K", "supplier_rank": 1}])
        self.assertEqual(partners.mapped("gdpr_legal_basis"), ["consent", "not_applicable"])

    def test_tab_of_a_new_contact(self):
        for vendors in (True, False):
            self.save_settings(gdpr_scope_vendor=vendors)
            self.assertTrue(Form(self.env["res.partner"].with_user(self.officer)).gdpr_covered)
        self.save_settings(gdpr_scope_contact=False, gdpr_scope_vendor=True)
        self.assertFalse(Form(self.env["res.partner"].with_user(self.officer)).gdpr_covered)

    def test_vendors_without_accounting(self):
        """A scope on a field that isn't installed has no records, and does no harm."""
        scope = self.env.ref("gdpr_consent.scope_vendor")
        scope.domain = "[('rank_of_another_app', '>', 0)]"
        self.assertTrue(self.partner.gdpr_covered and self.vendor.gdpr_covered)
        self.save_settings(gdpr_scope_contact=False)
        self.assertShown("crm.lead")
        self.assertFalse(self.vendor.gdpr_covered)

    def test_vendor_switch_is_available(self):
        self.assertTrue(self.env["res.config.settings"].create({}).gdpr_vendor_available)

    def test_removed_scope(self):
        self.env.ref("gdpr_consent.scope_vendor").unlink()
        self.save_settings(gdpr_waiting_days=3)
        self.assertTrue(self.vendor.gdpr_covered)

    def test_scope_of_ones_own(self):
        self.save_settings(gdpr_scope_contact=False, gdpr_scope_vendor=False)
        self.env["gdpr.scope"].with_user(self.manager).create(
            {"name": "Italians", "model": "res.partner", "domain": "[('country_id.code', '=', 'IT')]"}
        )
        self.vendor.country_id = self.env.ref("base.it")
        self.env.invalidate_all()
        self.assertTrue(self.vendor.gdpr_covered)
        self.assertFalse(self.partner.gdpr_covered)

    def test_wrong_scopes(self):
        for values, message in (
            ({"model": "res.country"}, "no data privacy fields"),
            ({"model": "no.such.model"}, "no data privacy fields"),
            ({"model": "res.partner", "domain": "[('name', "}, "not a valid filter"),
            ({"model": "res.partner", "domain": "[('name', 'is nice', 1)]"}, "not a valid filter"),
            ({"model": "res.partner", "domain": "__import__('os')"}, "not a valid filter"),
        ):
            with self.subTest(values=values), self.assertRaisesRegex(ValidationError, message):
                self.env["gdpr.scope"].create({"name": "Wrong", **values})


@tagged("post_install", "-at_install")
class TestValidations(SettingsCase):
    """Settings that would break something are refused."""

    @contextmanager
    def refused(self):
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError), self.env.cr.savepoint():
            yield
            self.env.flush_all()

    def test_link_validity(self):
        for days in (0, -1):
            with self.refused():
                self.env.company.gdpr_link_validity_days = days

    def test_waiting_period(self):
        with self.refused():
            self.env.company.gdpr_waiting_days = -1
        self.env.company.gdpr_waiting_days = 0
        self.env.flush_all()

    def test_default_legitimate_interests_need_a_reason(self):
        for reason in (False, "  "):
            with self.assertRaisesRegex(ValidationError, "reason"):
                self.save_settings(
                    gdpr_default_legal_basis="legitimate_interests", gdpr_default_legal_basis_reason=reason
                )
            with self.assertRaisesRegex(ValidationError, "reason"):
                self.env.company.write(
                    {"gdpr_default_legal_basis": "legitimate_interests", "gdpr_default_legal_basis_reason": reason}
                )
        for values in (
            {"gdpr_default_legal_basis": "legitimate_interests", "gdpr_default_legal_basis_reason": "Weighed"},
            {"gdpr_default_legal_basis_reason": "Weighed again", "gdpr_default_legal_basis": "legitimate_interests"},
        ):
            self.save_settings(gdpr_default_legal_basis="not_applicable", gdpr_default_legal_basis_reason=False)
            self.save_settings(**values)
            self.assertEqual(self.env["res.partner"].create({"name": "L"}).gdpr_legal_basis, "legitimate_interests")

    def test_reminders(self):
        company = self.env.company
        company.write({"gdpr_waiting_days": 14, "gdpr_link_validity_days": 10, "gdpr_reminder_count": 3})
        for values in (
            {"gdpr_reminder_count": 4},
            {"gdpr_reminder_count": -1},
            {"gdpr_reminder_days": 0},
            {"gdpr_reminder_days": 14, "gdpr_link_validity_days": 30},
            {"gdpr_reminder_days": 10},
        ):
            with self.subTest(values=values), self.refused():
                company.write(values)
        for values in (
            {"gdpr_reminder_days": 13, "gdpr_link_validity_days": 30},
            {"gdpr_reminder_days": 29, "gdpr_waiting_days": 0},
            {"gdpr_reminder_count": 0, "gdpr_reminder_days": 99, "gdpr_waiting_days": 3},
        ):
            company.write(values)
            self.env.flush_all()

    def test_periods(self):
        for values in ({"gdpr_cooldown_months": -1}, {"gdpr_renewal_days": -1}, {"gdpr_confirmation_days": 0}):
            with self.subTest(values=values), self.refused():
                self.env.company.write(values)

    def test_without_confirmation(self):
        """Needs a reason, in the settings and elsewhere."""
        for source in ("website", "import", "api"):
            with self.subTest(source=source), self.assertRaisesRegex(ValidationError, "say why"):
                self.save_settings(**{f"gdpr_confirm_{source}": False, "gdpr_confirm_exemption_reason": "  "})
            self.save_settings(**{f"gdpr_confirm_{source}": False, "gdpr_confirm_exemption_reason": "Confirmed before"})
            self.assertFalse(self.env.company[f"gdpr_confirm_{source}"])
            self.save_settings(**{f"gdpr_confirm_{source}": True, "gdpr_confirm_exemption_reason": False})
            self.assertTrue(self.env.company[f"gdpr_confirm_{source}"])

    def test_sender(self):
        for address in ("nobody", "a@example.com, b@example.com"):
            with self.subTest(address=address), self.assertRaisesRegex(ValidationError, "isn't an e-mail address"):
                self.env.company.gdpr_sender = address
        self.env.company.email = "info@example.com"
        for sender, expected in (
            (False, f'"{self.env.company.name}" <info@example.com>'),
            ("privacy@example.com", "privacy@example.com"),
            ("Privacy Office <privacy@example.com>", "Privacy Office <privacy@example.com>"),
        ):
            self.env.company.gdpr_sender = sender
            for card in (self.partner, self.lead):
                request, _grant, _preferences = self.ask(card)
                self.assertEqual(request.mail_mail_ids.email_from, expected)
                with self.catch_mails():
                    card.gdpr_record_consent("marketing", ["email"], "api", evidence=f"Call of {sender}")
                confirmation = card.gdpr_subject_id.request_ids.sorted("id")[-1]
                self.assertEqual(confirmation.mail_mail_ids.email_from, expected)
                card.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 7")

    def test_codes(self):
        for model in ("gdpr.purpose", "gdpr.channel"):
            for code in ("With Space", "UPPER", "", "a-b", "marketing' --"):
                with self.subTest(model=model, code=code), self.refused():
                    self.env[model].create({"name": "X", "code": code})
        with self.refused():
            self.env["gdpr.purpose"].create({"name": "X", "code": "marketing"})
        with self.refused():
            self.env["gdpr.channel"].create({"name": "X", "code": "email"})

    def test_purpose_validity(self):
        with self.refused():
            self.marketing.validity_months = -1

    def test_purpose_of_another_company(self):
        other = self.env["res.company"].create({"name": "Second"})
        foreign = self.env["gdpr.purpose"].create({"name": "X", "code": "marketing", "company_id": other.id})
        with self.assertRaisesRegex(ValidationError, "another company"):
            self.form.purpose_ids += foreign

    def test_new_company(self):
        company = self.env["res.company"].create({"name": "Third"})
        self.assertEqual(company.gdpr_default_legal_basis, "not_applicable")
        self.assertEqual((company.gdpr_link_validity_days, company.gdpr_waiting_days), (30, 14))
        self.assertEqual((company.gdpr_reminder_count, company.gdpr_cooldown_months), (0, 6))
        self.assertTrue(company.gdpr_confirm_website and company.gdpr_confirm_import and company.gdpr_confirm_api)
        self.assertEqual(company.gdpr_ip_retention, "none")
