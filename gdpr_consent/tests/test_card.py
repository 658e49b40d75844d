from ast import literal_eval
from contextlib import suppress

from lxml import etree

from odoo import fields, models
from odoo.exceptions import AccessError, ValidationError
from odoo.orm.model_classes import add_to_registry
from odoo.tests import Form, tagged

from .common import ConsentCase

BASES_WITHOUT_QUESTION = ("contract", "legal_obligation", "vital_interests", "public_interest")


@tagged("post_install", "-at_install")
class TestLegalBasis(ConsentCase):
    """The basis is an ordinary field, for whoever may set it (S4–S13)."""

    def test_new_records_are_not_applicable(self):
        cards = self.env["res.partner"].create({"name": "Clara"}), self.env["crm.lead"].create({"name": "Fair"})
        for card in cards:
            self.assertEqual(card.gdpr_legal_basis, "not_applicable")
            self.assertEqual(card.gdpr_consent_state, "not_applicable")
            self.assertFalse(card.gdpr_restricted)
            self.assertFalse(card.gdpr_subject_id, "no person before the first privacy act")

    def test_consent_is_pending(self):
        for card in (self.partner, self.lead):
            self.assertEqual(card.gdpr_consent_state, "pending")
            self.assertEqual(self.get_events(card), ["basis_changed"])
            self.assertFalse(card.gdpr_consent_on or card.gdpr_requested_on or card.gdpr_purpose_ids)

    def test_other_bases_ask_nothing(self):
        for basis in BASES_WITHOUT_QUESTION:
            with self.subTest(basis=basis):
                self.partner.with_user(self.officer).gdpr_legal_basis = basis
                self.assertEqual(self.partner.gdpr_legal_basis, basis)
                self.assertEqual(self.partner.gdpr_consent_state, "not_applicable")
        self.assertEqual(self.get_events(self.partner), ["basis_changed"] * 5)
        self.assertLedgerSound()

    def test_who_changed_the_basis(self):
        self.partner.with_user(self.officer).gdpr_legal_basis = "contract"
        event = self.partner.gdpr_event_ids[0]
        self.assertEqual((event.action, event.legal_basis, event.actor), ("basis_changed", "contract", "operator"))
        self.assertEqual(event.user_id, self.officer)
        self.assertEqual(event.description, "Legal basis set: Contract")

    def test_legitimate_interests_need_a_reason(self):
        partner = self.partner.with_user(self.officer)
        for reason in (None, "", "  \n"):
            with self.assertRaisesRegex(ValidationError, "need a reason"):
                partner.gdpr_set_legal_basis("legitimate_interests", reason)
        with self.assertRaisesRegex(ValidationError, "need a reason"):
            partner.gdpr_legal_basis = "legitimate_interests"
        partner.write({"gdpr_legal_basis": "legitimate_interests", "gdpr_legal_basis_reason": "A customer for years"})
        self.assertEqual(partner.gdpr_legal_basis, "legitimate_interests")
        self.assertEqual(partner.gdpr_legal_basis_reason, "A customer for years")

    def test_reason_belongs_to_its_basis(self):
        partner = self.partner.with_user(self.officer)
        partner.gdpr_set_legal_basis("contract", "Order S0042")
        partner.gdpr_legal_basis = "legal_obligation"
        self.assertFalse(partner.gdpr_legal_basis_reason)
        self.assertNotIn("Order", partner.gdpr_event_ids[0].details)
        partner.gdpr_set_legal_basis("contract", "Order S0042")
        with self.assertRaisesRegex(ValidationError, "need a reason"):
            partner.gdpr_legal_basis = "legitimate_interests"

    def test_better_reason_is_one_more_event(self):
        partner = self.partner.with_user(self.officer)
        partner.gdpr_set_legal_basis("legitimate_interests", "Weighed")
        partner.gdpr_legal_basis_reason = "Weighed with the works council"
        self.assertEqual(partner.gdpr_legal_basis, "legitimate_interests")
        self.assertEqual(partner.gdpr_legal_basis_reason, "Weighed with the works council")
        self.assertEqual(self.get_events(partner), ["basis_changed"] * 3)

    def test_same_basis_again_is_no_event(self):
        self.partner.with_user(self.officer).gdpr_legal_basis = "consent"
        self.assertEqual(self.get_events(self.partner), ["basis_changed"])

    def test_unknown_basis(self):
        with self.assertRaisesRegex(ValidationError, "not a legal basis"):
            self.partner.gdpr_set_legal_basis("because")
        with self.assertRaisesRegex(ValidationError, "not a legal basis"):
            self.partner.gdpr_legal_basis = "because"
        for call in (
            lambda: self.partner.write({"gdpr_legal_basis": "because", "name": "Somebody"}),
            lambda: self.env["res.partner"].create({"name": "Somebody", "gdpr_legal_basis": "because"}),
        ):
            with self.assertRaisesRegex(ValidationError, "“because” is not a legal basis"):
                call()
        self.assertNotEqual(self.partner.name, "Somebody")

    def test_mass_write(self):
        partners = self.env["res.partner"].create([{"name": f"Person {number}"} for number in range(20)])
        partners.with_user(self.officer).write({"gdpr_legal_basis": "consent"})
        self.assertEqual(set(partners.mapped("gdpr_consent_state")), {"pending"})
        self.assertEqual(len(partners.gdpr_subject_id), 20)
        partners.with_user(self.officer).write({"gdpr_legal_basis": "not_applicable"})
        self.assertEqual(set(partners.mapped("gdpr_consent_state")), {"not_applicable"})
        self.assertLedgerSound()

    def test_mass_write_with_reason(self):
        partners = self.env["res.partner"].create([{"name": f"Person {number}"} for number in range(3)])
        values = {"gdpr_legal_basis": "legitimate_interests", "gdpr_legal_basis_reason": "Security of the site"}
        partners.with_user(self.officer).write(values)
        self.assertEqual(partners.mapped("gdpr_legal_basis_reason"), ["Security of the site"] * 3)

    def test_create_with_basis(self):
        values = {"name": "Dario", "gdpr_legal_basis": "consent"}
        officer_partners = self.env["res.partner"].with_user(self.officer)
        for partner in (officer_partners.create(values), officer_partners.create(values)):
            self.assertEqual(partner.gdpr_consent_state, "pending")
            self.assertEqual(partner.gdpr_event_ids.user_id, self.officer)

    def test_create_many_with_their_bases(self):
        partners = (
            self.env["res.partner"]
            .with_user(self.officer)
            .create(
                [
                    {"name": "One", "gdpr_legal_basis": "consent"},
                    {"name": "Two"},
                    {
                        "name": "Three",
                        "gdpr_legal_basis": "legitimate_interests",
                        "gdpr_legal_basis_reason": "Weighed",
                    },
                ]
            )
        )
        self.assertEqual(partners.mapped("gdpr_legal_basis"), ["consent", "not_applicable", "legitimate_interests"])
        self.assertEqual(partners.mapped("gdpr_legal_basis_reason"), [False, False, "Weighed"])
        self.assertFalse(partners[1].gdpr_subject_id)

    def test_import(self):
        result = (
            self.env["res.partner"]
            .with_user(self.officer)
            .load(
                ["name", "gdpr_legal_basis", "gdpr_legal_basis_reason"],
                [["Elena", "Consent", ""], ["Fabio", "legitimate_interests", "Weighed"], ["Gino", "", ""]],
            )
        )
        self.assertFalse(result["messages"])
        partners = self.env["res.partner"].browse(result["ids"])
        self.assertEqual(partners.mapped("gdpr_legal_basis"), ["consent", "legitimate_interests", "not_applicable"])
        self.assertEqual(partners[1].gdpr_legal_basis_reason, "Weighed")
        self.assertLedgerSound()

    def test_import_of_an_update(self):
        self.env["ir.model.data"].create(
            {"name": "anna", "module": "__import__", "model": "res.partner", "res_id": self.partner.id}
        )
        result = (
            self.env["res.partner"]
            .with_user(self.officer)
            .load(["id", "gdpr_legal_basis"], [["__import__.anna", "Contract"]])
        )
        self.assertFalse(result["messages"])
        self.assertEqual(self.partner.gdpr_legal_basis, "contract")

    def test_import_of_an_unknown_basis(self):
        result = self.env["res.partner"].with_user(self.officer).load(["name", "gdpr_legal_basis"], [["H", "Because"]])
        self.assertFalse(result["ids"])
        self.assertIn("Because", result["messages"][0]["message"])

    def test_import_by_a_salesperson(self):
        partners = self.env["res.partner"].with_user(self.salesperson)
        self.assertTrue(partners.load(["name"], [["Ida"]])["ids"])
        refused = partners.load(["name", "gdpr_legal_basis"], [["Ivo", "Consent"]])
        self.assertFalse(refused["ids"])
        self.assertIn("Privacy Officer", refused["messages"][0]["message"])

    def test_export(self):
        self.assertEqual(
            self.partner.export_data(["name", "gdpr_legal_basis", "gdpr_consent_state"])["datas"],
            [["Anna Rossi", "Consent", "Pending"]],
        )

    def test_automation_reads_and_writes_the_field(self):
        """What an automation rule or a server action does."""
        action = self.env["ir.actions.server"].create(
            {
                "name": "Ask newcomers",
                "model_id": self.env.ref("base.model_res_partner").id,
                "state": "object_write",
                "update_path": "gdpr_legal_basis",
                "selection_value": self.env["ir.model.fields.selection"]
                .search(
                    [
                        ("field_id.model", "=", "res.partner"),
                        ("field_id.name", "=", "gdpr_legal_basis"),
                        ("value", "=", "consent"),
                    ]
                )
                .id,
            }
        )
        partner = self.env["res.partner"].create({"name": "Luca"})
        action.with_user(self.officer).sudo().with_context(active_model="res.partner", active_id=partner.id).run()
        self.assertEqual(partner.gdpr_consent_state, "pending")


@tagged("post_install", "-at_install")
class TestDefaultBasis(ConsentCase):
    """The basis a new record starts with, from the settings."""

    def set_default(self, basis, reason=False):
        self.env.company.write({"gdpr_default_legal_basis": basis, "gdpr_default_legal_basis_reason": reason})

    def test_new_records_get_the_default(self):
        self.set_default("consent")
        for user in (self.salesperson, self.officer):
            for card in (
                self.env["res.partner"].with_user(user).create({"name": "Maria"}),
                self.env["crm.lead"].with_user(user).create({"name": "Fair"}),
            ):
                self.assertEqual(card.gdpr_consent_state, "pending")
                event = card.gdpr_event_ids
                self.assertEqual((event.actor, event.user_id), ("system", self.env["res.users"]))

    def test_default_with_reason(self):
        self.set_default("legitimate_interests", "Weighed for all customers")
        partner = self.env["res.partner"].with_user(self.salesperson).create({"name": "Nino"})
        self.assertEqual(partner.gdpr_legal_basis, "legitimate_interests")
        self.assertEqual(partner.gdpr_legal_basis_reason, "Weighed for all customers")

    def test_existing_records_keep_theirs(self):
        old = self.env["res.partner"].create({"name": "Olga"})
        self.set_default("consent")
        self.assertEqual(old.gdpr_legal_basis, "not_applicable")
        old.name = "Olga B."
        self.assertEqual(old.gdpr_legal_basis, "not_applicable")

    def test_companies_get_none(self):
        self.set_default("consent")
        for values in ({"is_company": True}, {"company_type": "company"}):
            company = self.env["res.partner"].create({"name": "Rossi Srl", **values})
            self.assertEqual(company.gdpr_legal_basis, "not_applicable")
            self.assertFalse(company.gdpr_subject_id)

    def test_company_made_in_the_form_gets_none(self):
        self.set_default("consent")
        for user in (self.salesperson, self.officer):
            form = Form(self.env["res.partner"].with_user(user))
            form.name = "Neri Srl"
            form.company_type = "company"
            self.assertEqual(form.save().gdpr_legal_basis, "not_applicable")

    def test_person_made_in_the_form(self):
        self.set_default("legitimate_interests", "Weighed for all customers")
        for user in (self.salesperson, self.officer):
            form = Form(self.env["res.partner"].with_user(user))
            form.name = "Pia"
            partner = form.save()
            self.assertEqual(partner.gdpr_legal_basis, "legitimate_interests")
            self.assertEqual(partner.gdpr_legal_basis_reason, "Weighed for all customers")

    def test_import_gets_the_default(self):
        self.set_default("consent")
        partners = self.env["res.partner"].with_user(self.salesperson)
        result = partners.load(["name", "is_company"], [["Quinto", "0"], ["Verdi Srl", "1"]])
        self.assertEqual(partners.browse(result["ids"]).mapped("gdpr_legal_basis"), ["consent", "not_applicable"])

    def test_officer_chooses_another(self):
        self.set_default("consent")
        partners = self.env["res.partner"].with_user(self.officer)
        self.assertEqual(
            partners.create({"name": "R", "gdpr_legal_basis": "not_applicable"}).gdpr_legal_basis, "not_applicable"
        )
        self.assertEqual(partners.create({"name": "S", "gdpr_legal_basis": "contract"}).gdpr_legal_basis, "contract")

    def test_salesperson_cannot_choose_another(self):
        self.set_default("consent")
        for basis in ("not_applicable", "contract"):
            with self.assertRaises(AccessError):
                self.env["res.partner"].with_user(self.salesperson).create({"name": "T", "gdpr_legal_basis": basis})

    def test_default_never_overrides_what_is_on_record(self):
        self.partner.gdpr_legal_basis = "contract"
        self.set_default("consent")
        lead = self.env["crm.lead"].with_user(self.salesperson).create({"name": "U", "partner_id": self.partner.id})
        self.assertEqual(self.partner.gdpr_legal_basis, "contract")
        self.assertEqual(lead.gdpr_legal_basis, "contract")

    def test_copy_starts_anew(self):
        self.assertEqual(self.partner.copy().gdpr_legal_basis, "not_applicable")
        self.set_default("contract")
        copy = self.partner.copy()
        self.assertEqual(copy.gdpr_legal_basis, "contract")
        self.assertNotEqual(copy.gdpr_subject_id, self.partner.gdpr_subject_id)

    def test_each_company_has_its_own(self):
        other = self.env["res.company"].create({"name": "Second"})
        self.set_default("consent")
        partner = self.env["res.partner"].with_company(other).create({"name": "V"})
        self.assertEqual(partner.gdpr_legal_basis, "not_applicable")


@tagged("post_install", "-at_install")
class TestStateIsNotWritten(ConsentCase):
    """Nobody can write what follows from the person's answer."""

    def get_forgeries(self):
        subject = self.lead.gdpr_subject_id
        return [
            {"gdpr_consent_state": "obtained"},
            {"gdpr_restricted": True},
            {"gdpr_subject_id": subject.id},
            {"gdpr_subject_id": False},
        ]

    def test_write(self):
        for user in (self.salesperson, self.officer, self.manager):
            for values in self.get_forgeries():
                with self.assertRaises(AccessError):
                    self.partner.with_user(user).write(values)
        for values in self.get_forgeries():
            with self.assertRaises(AccessError):
                self.partner.sudo().write(values)
        self.assertEqual(self.partner.gdpr_consent_state, "pending")

    def test_create(self):
        for values in self.get_forgeries():
            with self.assertRaises(AccessError):
                self.env["res.partner"].with_user(self.officer).create({"name": "Forged", **values})

    def test_import(self):
        result = (
            self.env["res.partner"]
            .with_user(self.officer)
            .load(["name", "gdpr_consent_state"], [["Forged", "Obtained"]])
        )
        self.assertFalse(result["ids"])

    def test_context_defaults(self):
        for model in ("res.partner", "crm.lead"):
            card = (
                self.env[model]
                .with_user(self.officer)
                .with_context(
                    default_gdpr_consent_state="obtained",
                    default_gdpr_restricted=True,
                    default_gdpr_subject_id=self.partner.gdpr_subject_id.id,
                )
                .create({"name": "Forged"})
            )
            self.assertEqual(card.gdpr_consent_state, "not_applicable")
            self.assertFalse(card.gdpr_restricted or card.gdpr_subject_id)

    def test_context_default_basis_of_a_salesperson(self):
        partners = self.env["res.partner"].with_user(self.salesperson).with_context(default_gdpr_legal_basis="contract")
        self.assertEqual(partners.create({"name": "Forged"}).gdpr_legal_basis, "not_applicable")

    def test_copy_with_values(self):
        for values in self.get_forgeries():
            with self.assertRaises(AccessError):
                self.partner.with_user(self.officer).copy(values)

    def test_derived_fields_have_no_effect(self):
        for name, value in {
            "gdpr_consent_on": "2026-01-01 00:00:00",
            "gdpr_requested_on": "2026-01-01 00:00:00",
            "gdpr_consent_source": "phone",
            "gdpr_purpose_ids": [fields.Command.link(self.marketing.id)],
            "gdpr_channel_ids": [fields.Command.link(self.email_channel.id)],
        }.items():
            with self.subTest(field=name):
                self.partner.with_user(self.officer).write({name: value})
                self.env.invalidate_all()
                self.assertFalse(self.partner[name])
        self.assertLedgerSound()

    def test_history_is_not_written_through_the_card(self):
        event = self.partner.gdpr_event_ids
        for command in (
            fields.Command.create({"action": "given"}),
            fields.Command.update(event.id, {"action": "given"}),
            fields.Command.delete(event.id),
        ):
            with suppress(AccessError), self.env.cr.savepoint():
                self.partner.with_user(self.officer).write({"gdpr_event_ids": [command]})
        self.env.invalidate_all()
        self.assertEqual(self.get_events(self.partner), ["basis_changed"])
        self.assertLedgerSound()


@tagged("post_install", "-at_install")
class TestFinding(ConsentCase):
    """Search, group and list by the privacy fields (S12)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partner.gdpr_record_consent("marketing", ["email"], "phone", note="Only news", evidence="Call 7")
        cls.silent = cls.env["res.partner"].create({"name": "Silent", "gdpr_legal_basis": "consent"})
        cls.untouched = cls.env["res.partner"].create({"name": "Untouched"})
        cls.people = cls.partner + cls.silent + cls.untouched

    def find(self, *conditions):
        domain = [("id", "in", self.people.ids), *conditions]
        return self.env["res.partner"].with_user(self.salesperson).search(domain).sudo().with_user(self.env.user)

    def test_stored_fields(self):
        self.assertEqual(self.find(("gdpr_legal_basis", "=", "consent")), self.partner + self.silent)
        self.assertEqual(self.find(("gdpr_legal_basis", "!=", "consent")), self.untouched)
        self.assertEqual(self.find(("gdpr_consent_state", "=", "obtained")), self.partner)
        self.assertEqual(self.find(("gdpr_consent_state", "in", ["pending", "obtained"])), self.partner + self.silent)
        self.assertEqual(self.find(("gdpr_consent_state", "=", "not_applicable")), self.untouched)
        self.assertEqual(self.find(("gdpr_restricted", "=", False)), self.people)
        self.assertEqual(self.find(("gdpr_subject_id", "=", False)), self.untouched)

    def test_related_fields(self):
        self.assertEqual(self.find(("gdpr_consent_source", "=", "phone")), self.partner)
        self.assertEqual(self.find(("gdpr_consent_on", "!=", False)), self.partner)
        self.assertEqual(self.find(("gdpr_consent_on", "<=", fields.Datetime.now())), self.partner)
        self.assertFalse(self.find(("gdpr_requested_on", "!=", False)))
        self.assertEqual(self.find(("gdpr_event_ids.action", "=", "given")), self.partner)

    def test_purposes_and_channels(self):
        for operator, value in (("=", self.marketing.id), ("in", self.marketing.ids), ("ilike", "News")):
            with self.subTest(operator=operator):
                self.assertEqual(self.find(("gdpr_purpose_ids", operator, value)), self.partner)
        self.assertEqual(self.find(("gdpr_purpose_ids.code", "=", "marketing")), self.partner)
        self.assertEqual(self.find(("gdpr_channel_ids", "in", self.email_channel.ids)), self.partner)
        self.assertFalse(self.find(("gdpr_channel_ids", "in", self.phone_channel.ids)))
        self.assertFalse(self.find(("gdpr_purpose_ids", "in", self.profiling.ids)))

    def test_without_purposes_or_channels(self):
        others = self.silent + self.untouched
        self.assertEqual(self.find(("gdpr_purpose_ids", "!=", self.marketing.id)), others)
        self.assertEqual(self.find(("gdpr_purpose_ids", "not in", self.marketing.ids)), others)
        for field in ("gdpr_purpose_ids", "gdpr_channel_ids"):
            with self.subTest(field=field):
                self.assertEqual(self.find((field, "=", False)), others)
                self.assertEqual(self.find((field, "!=", False)), self.partner)

    def test_withdrawn_is_not_found(self):
        self.partner.gdpr_withdraw_consent()
        self.assertFalse(self.find(("gdpr_purpose_ids", "in", self.marketing.ids)))
        self.assertFalse(self.find(("gdpr_channel_ids", "in", self.email_channel.ids)))

    def test_group_by(self):
        groups = (
            self.env["res.partner"]
            .with_user(self.salesperson)
            ._read_group([("id", "in", self.people.ids)], ["gdpr_legal_basis", "gdpr_consent_state"], ["__count"])
        )
        self.assertEqual(
            set(groups),
            {("consent", "obtained", 1), ("consent", "pending", 1), ("not_applicable", "not_applicable", 1)},
        )

    def test_search_panel(self):
        for name in ("gdpr_legal_basis", "gdpr_consent_state"):
            result = (
                self.env["res.partner"]
                .with_user(self.salesperson)
                .search_panel_select_range(name, enable_counters=True, search_domain=[("id", "in", self.people.ids)])
            )
            counts = {value["id"]: value["__count"] for value in result["values"]}
            self.assertEqual(counts["not_applicable"], 1)

    def test_order(self):
        found = self.env["res.partner"].search([("id", "in", self.people.ids)], order="gdpr_consent_state DESC, id")
        self.assertEqual(found, self.silent + self.partner + self.untouched)


@tagged("post_install", "-at_install")
class TestViews(ConsentCase):
    """The tab, the badges, the columns and the filters (S3)."""

    def get_names(self, model, view_type, user, view=None):
        arch = self.env[model].with_user(user).get_view(view and self.env.ref(view).id, view_type)["arch"]
        return set(etree.fromstring(arch).xpath("//*[starts-with(@name, 'gdpr_')]/@name"))

    def test_form(self):
        for model in ("res.partner", "crm.lead"):
            for user in (self.salesperson, self.officer):
                self.assertLessEqual(
                    {"gdpr_privacy", "gdpr_badge", "gdpr_legal_basis", "gdpr_consent_state"},
                    self.get_names(model, "form", user),
                )
                # The parts of the tab that are read when it is opened.
                for part, name in (("consent", "gdpr_purpose_ids"), ("person", "gdpr_event_ids")):
                    view = f"gdpr_consent.gdpr_subject_mixin_view_form_{part}"
                    self.assertIn(name, self.get_names(model, "form", user, view))
                    self.assertIn(view, self.env[model].with_user(user).get_view(view_type="form")["arch"])

    def test_parts_of_the_tab_without_the_role(self):
        for part in ("consent", "person"):
            view = f"gdpr_consent.gdpr_subject_mixin_view_form_{part}"
            names = self.get_names("res.partner", "form", self.employee, view)
            self.assertFalse(names & self.env["res.partner"]._fields.keys())

    def test_tab_has_the_fields_once(self):
        for model in ("res.partner", "crm.lead"):
            for user in (self.salesperson, self.officer):
                arch = etree.fromstring(self.env[model].with_user(user).get_view(view_type="form")["arch"])
                page = arch.xpath("//page[@name='gdpr_privacy']")
                self.assertEqual(len(page), 1)
                basis = page[0].xpath(".//field[@name='gdpr_legal_basis']")
                self.assertEqual(len(basis), 1)
                self.assertEqual(basis[0].get("readonly"), "1" if user == self.salesperson else None)

    def test_buttons_by_state(self):
        view = self.env.ref("gdpr_consent.gdpr_subject_mixin_view_form_consent")
        arch = etree.fromstring(self.env["res.partner"].with_user(self.salesperson).get_view(view.id)["arch"])
        shown = {(button.get("string"), button.get("invisible")) for button in arch.xpath("//button")}
        not_now = "gdpr_asked_again_from or gdpr_restricted or gdpr_objected"
        self.assertIn(("Send consent form", f"gdpr_consent_state != 'pending' or {not_now}"), shown)
        self.assertIn(("Record withdrawal", "gdpr_consent_state != 'obtained'"), shown)

    def test_lists(self):
        for model, view in (
            ("res.partner", "base.view_partner_tree"),
            ("crm.lead", "crm.crm_case_tree_view_leads"),
            ("crm.lead", "crm.crm_case_tree_view_oppor"),
        ):
            self.assertEqual(
                self.get_names(model, "list", self.salesperson, view),
                {"gdpr_legal_basis", "gdpr_consent_state", "gdpr_restricted"},
            )

    def test_kanbans(self):
        for model, view in (
            ("res.partner", "base.res_partner_kanban_view"),
            ("crm.lead", "crm.crm_case_kanban_view_leads"),
            ("crm.lead", "crm.view_crm_lead_kanban"),
        ):
            self.assertLessEqual(
                {"gdpr_kanban_badge", "gdpr_consent_state"}, self.get_names(model, "kanban", self.salesperson, view)
            )

    def test_searches(self):
        for model, view in (
            ("res.partner", "base.view_res_partner_filter"),
            ("crm.lead", "crm.view_crm_case_leads_filter"),
            ("crm.lead", "crm.view_crm_case_opportunities_filter"),
        ):
            self.assertLessEqual(
                {
                    "gdpr_filter_obtained",
                    "gdpr_filter_pending",
                    "gdpr_filter_waiting",
                    "gdpr_group_by_basis",
                    "gdpr_group_by_state",
                    "gdpr_purpose_ids",
                },
                self.get_names(model, "search", self.salesperson, view),
            )
            arch = self.env[model].with_user(self.salesperson).get_view(self.env.ref(view).id, "search")["arch"]
            self.assertEqual(len(etree.fromstring(arch).xpath("//searchpanel/field")), 2)

    def test_filters_run(self):
        for model, view in (
            ("res.partner", "base.view_res_partner_filter"),
            ("crm.lead", "crm.view_crm_case_leads_filter"),
        ):
            arch = self.env[model].with_user(self.salesperson).get_view(self.env.ref(view).id, "search")["arch"]
            domains = etree.fromstring(arch).xpath("//filter[starts-with(@name, 'gdpr_filter')]/@domain")
            self.assertTrue(domains)
            for domain in domains:
                self.env[model].with_user(self.salesperson).search(literal_eval(domain), limit=1)

    def test_nothing_without_the_role(self):
        for view_type in ("form", "list", "kanban", "search"):
            self.assertFalse(self.get_names("res.partner", view_type, self.employee))

    def test_officer_sets_the_basis_in_the_form(self):
        for card in (self.env["res.partner"].create({"name": "W"}), self.env["crm.lead"].create({"name": "X"})):
            form = Form(card.with_user(self.officer))
            form.gdpr_legal_basis = "consent"
            form.save()
            self.assertEqual(card.gdpr_consent_state, "pending")
            with Form(card.with_user(self.officer)) as form:
                form.gdpr_legal_basis = "legitimate_interests"
                form.gdpr_legal_basis_reason = "Weighed"
            self.assertEqual(card.gdpr_legal_basis, "legitimate_interests")

    def test_form_asks_for_the_reason(self):
        form = Form(self.partner.with_user(self.officer))
        form.gdpr_legal_basis = "legitimate_interests"
        with self.assertRaisesRegex(AssertionError, "gdpr_legal_basis_reason is a required field"):
            form.save()

    def test_form_drops_the_reason_with_its_basis(self):
        self.partner.gdpr_set_legal_basis("contract", "Order S0042")
        form = Form(self.partner.with_user(self.officer))
        form.gdpr_legal_basis = "legal_obligation"
        self.assertFalse(form.gdpr_legal_basis_reason)

    def test_officer_chooses_the_basis_of_a_new_record(self):
        form = Form(self.env["res.partner"].with_user(self.officer))
        form.name = "Zita"
        form.gdpr_legal_basis = "consent"
        self.assertEqual(form.save().gdpr_consent_state, "pending")

    def test_salesperson_reads_the_form(self):
        self.lead.user_id = self.salesperson
        for card in (self.partner, self.lead):
            form = Form(card.with_user(self.salesperson))
            self.assertEqual(form.gdpr_consent_state, "pending")
            with self.assertRaisesRegex(AssertionError, "readonly"):
                form.gdpr_legal_basis = "contract"
            with self.assertRaisesRegex(AssertionError, "readonly"):
                form.gdpr_consent_state = "obtained"

    def test_salesperson_edits_the_rest(self):
        with Form(self.partner.with_user(self.salesperson)) as form:
            form.name = "Anna Rossi Bianchi"
        self.assertEqual(self.partner.name, "Anna Rossi Bianchi")
        self.assertEqual(self.get_events(self.partner), ["basis_changed"])


@tagged("post_install", "-at_install")
class TestCardsOfOnePerson(ConsentCase):
    """Leads and contacts, merged, archived and removed."""

    def test_lead_of_a_known_contact(self):
        lead = self.env["crm.lead"].with_user(self.salesperson).create({"name": "Fair", "partner_id": self.partner.id})
        self.assertEqual(lead.gdpr_subject_id, self.partner.gdpr_subject_id)
        self.assertEqual(lead.gdpr_consent_state, "pending")
        self.partner.gdpr_record_consent("marketing", ["email"], "meeting", evidence="Minutes")
        self.assertEqual(lead.gdpr_consent_state, "obtained")
        lead.gdpr_withdraw_consent()
        self.assertEqual(self.partner.gdpr_consent_state, "withdrawn")

    def test_basis_set_on_a_lead_is_the_contacts(self):
        contact = self.env["res.partner"].create({"name": "Known"})
        lead = self.env["crm.lead"].create({"name": "Fair", "partner_id": contact.id})
        self.assertFalse(lead.gdpr_subject_id, "nothing happened yet")
        lead.gdpr_legal_basis = "consent"
        self.assertEqual(contact.gdpr_consent_state, "pending")
        self.assertEqual(lead.gdpr_subject_id, contact.gdpr_subject_id)
        self.assertEqual(contact.gdpr_subject_id.lead_ids, lead)

    def test_lead_that_gets_a_known_contact(self):
        lead = self.env["crm.lead"].create({"name": "Fair", "user_id": self.salesperson.id})
        lead.with_user(self.salesperson).partner_id = self.partner
        self.assertEqual(lead.gdpr_subject_id, self.partner.gdpr_subject_id)
        self.assertEqual(lead.gdpr_consent_state, "pending")

    def test_lead_of_a_company(self):
        company = self.env["res.partner"].create({"name": "Rossi Srl", "is_company": True})
        company.gdpr_legal_basis = "contract"
        lead = self.env["crm.lead"].create({"name": "Fair", "partner_id": company.id})
        self.assertFalse(lead.gdpr_subject_id)
        lead.gdpr_legal_basis = "consent"
        self.assertNotEqual(lead.gdpr_subject_id, company.gdpr_subject_id)
        self.assertEqual(company.gdpr_legal_basis, "contract")

    def test_same_address_is_not_the_same_person(self):
        other = self.env["res.partner"].create({"name": "Office", "email": self.partner.email})
        other.gdpr_legal_basis = "consent"
        self.assertNotEqual(other.gdpr_subject_id, self.partner.gdpr_subject_id)

    def test_merge(self):
        other = self.env["res.partner"].create({"name": "Anna R.", "email": "anna.rossi@example.com"})
        other.gdpr_legal_basis = "consent"
        other.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 7")
        survivor = self.partner
        self.env["base.partner.merge.automatic.wizard"].with_user(self.manager).sudo()._merge(
            (survivor + other).ids, survivor
        )
        self.assertFalse(other.exists())
        self.assertEqual(survivor.gdpr_consent_state, "obtained", "what the person said goes along, with its proof")
        self.assertLedgerSound()

    def test_merge_into_an_untouched_contact(self):
        survivor = self.env["res.partner"].create({"name": "Anna R."})
        subject = self.partner.gdpr_subject_id
        self.env["base.partner.merge.automatic.wizard"]._merge((survivor + self.partner).ids, survivor)
        self.assertFalse(self.partner.exists())
        self.assertEqual(survivor.gdpr_subject_id, subject)
        self.assertEqual(survivor.gdpr_consent_state, "pending")
        self.assertLedgerSound()

    def test_merge_keeps_the_no(self):
        """A no of either contact counts for the one that is left."""
        for denied_first in (True, False):
            contacts = self.env["res.partner"].create([{"name": "Anna R."}, {"name": "A. Rossi"}])
            contacts.gdpr_legal_basis = "consent"
            contacts.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 7")
            survivor, merged = contacts
            (survivor if denied_first else merged).gdpr_withdraw_consent(note="Enough")
            self.env["base.partner.merge.automatic.wizard"]._merge(contacts.ids, survivor)
            self.assertEqual(survivor.gdpr_consent_state, "withdrawn")
            self.assertFalse(survivor.gdpr_may_contact("marketing", "email")[survivor.id]["allowed"])
        self.assertLedgerSound()

    def test_lead_becomes_a_contact(self):
        """What the person of a lead said goes along with the contact that is made of it."""
        self.lead.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 7")
        self.lead.gdpr_withdraw_consent()
        self.lead._handle_partner_assignment(create_missing=True)
        self.assertEqual(self.lead.partner_id.gdpr_subject_id, self.lead.gdpr_subject_id)
        self.assertEqual(self.lead.partner_id.gdpr_consent_state, "withdrawn")

    def test_merge_of_leads(self):
        other = self.env["crm.lead"].create({"name": "Other", "email_from": "bruno.neri@example.com"})
        other.gdpr_legal_basis = "consent"
        survivor = (self.lead + other).merge_opportunity(auto_unlink=True)
        self.assertEqual(survivor.gdpr_consent_state, "pending")
        self.assertLedgerSound()

    def test_archive(self):
        self.partner.with_user(self.salesperson).action_archive()
        self.assertEqual(self.partner.gdpr_consent_state, "pending")
        self.partner.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 7")
        self.partner.action_unarchive()
        self.assertEqual(self.partner.gdpr_consent_state, "obtained")

    def test_removed_card_leaves_the_ledger(self):
        for card in (self.partner, self.lead):
            subject = card.gdpr_subject_id
            card.unlink()
            self.assertTrue(subject.exists())
            self.assertEqual(subject.event_ids.mapped("action"), ["basis_changed"])
        self.assertLedgerSound()


@tagged("post_install", "-at_install")
class TestAnotherModel(ConsentCase):
    """Another add-on makes its own model a card with one ``_inherit``."""

    def setUp(self):
        super().setUp()

        class Member(models.Model):
            _name = "gdpr.test.member"
            _description = "Member of a Club"
            _inherit = ["gdpr.subject.mixin"]
            _module = None
            _gdpr_email_field = "mail_address"

            name = fields.Char()
            mail_address = fields.Char()

        self.addCleanup(self.forget_model, Member._name)
        add_to_registry(self.registry, Member)
        self.registry._setup_models__(self.env.cr, [])
        self.registry.init_models(self.env.cr, [Member._name], {"module": "gdpr_consent"})
        self.env.registry.clear_all_caches()
        self.member = self.env[Member._name].create({"name": "Ugo", "mail_address": "ugo@example.com"})

    def forget_model(self, name):
        self.env.flush_all()
        del self.registry.models[name]
        for model in self.registry.models.values():
            model._inherit_children.discard(name)
        self.registry._setup_models__(self.env.cr)
        self.registry.clear_all_caches()

    def test_basis_and_consent(self):
        self.assertEqual(self.member.gdpr_legal_basis, "not_applicable")
        self.member.gdpr_legal_basis = "consent"
        self.assertEqual(self.member.gdpr_consent_state, "pending")
        self.member.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 7")
        self.assertEqual(self.member.gdpr_consent_state, "obtained")
        self.assertTrue(self.member.gdpr_may_contact("marketing", "email")[self.member.id]["allowed"])
        self.assertLedgerSound()

    def test_covered_by_a_scope(self):
        self.assertFalse(self.member.gdpr_covered)
        self.env["gdpr.scope"].create({"name": "Members", "model": self.member._name})
        self.env.invalidate_all()
        self.assertTrue(self.member.gdpr_covered)
        self.env.company.gdpr_default_legal_basis = "consent"
        self.assertEqual(self.member.create({"name": "Vera"}).gdpr_consent_state, "pending")

    def test_asked_by_mail(self):
        self.env["mail.template"].create(
            {
                "name": "Ask a member",
                "model_id": self.env["ir.model"]._get_id(self.member._name),
                "email_to": "{{ object.mail_address }}",
                "body_html": '<p><a href="/gdpr/consent/personal-link">Choose</a></p>',
            }
        )
        self.member.gdpr_legal_basis = "consent"
        request, grant, _preferences = self.ask(self.member)
        self.assertTrue(grant)
        self.assertEqual((request.state, request.email), ("sent", "ugo@example.com"))
        self.assertEqual(self.member.gdpr_consent_state, "waiting")
