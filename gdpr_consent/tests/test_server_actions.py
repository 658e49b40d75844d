from unittest.mock import patch

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .common import ConsentCase

LOGGER = "odoo.addons.gdpr_consent.models.ir_actions_server"


@tagged("post_install", "-at_install")
class TestServerActions(ConsentCase):
    """Asking, setting a basis and withdrawing as actions of Odoo's own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.env["res.partner"].create({"name": "Ugo", "email": "ugo@example.com"})
        cls.other.gdpr_legal_basis = "consent"

    def make_action(self, state, model="res.partner", **values):
        return self.env["ir.actions.server"].create(
            {"name": "Action", "model_id": self.env["ir.model"]._get_id(model), "state": state, **values}
        )

    def run_action(self, action, cards, user=None):
        """Run it as a rule does, or as a user from the menu."""
        context = {"active_model": cards._name, "active_ids": cards.ids, "active_id": cards.ids[0]}
        with self.catch_mails():
            result = action.with_user(user or self.env.user).sudo(not user).with_context(**context).run()
        self.env.invalidate_all()
        return result

    def get_requests(self, cards):
        return self.env["gdpr.consent.request"].search([("subject_id", "in", cards.gdpr_subject_id.ids)])

    def test_ask(self):
        nobody = self.env["res.partner"].create({"name": "Without an address"})
        nobody.gdpr_legal_basis = "consent"
        given = self.env["res.partner"].create({"name": "Given", "email": "given@example.com"})
        given.gdpr_legal_basis = "consent"
        given.gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        same = self.env["res.partner"].create({"name": "Same", "email": "ugo@example.com"})
        same.gdpr_legal_basis = "consent"
        cards = self.partner | self.other | nobody | given | same
        self.run_action(self.make_action("gdpr_ask"), cards)
        requests = self.get_requests(cards)
        self.assertEqual(requests.subject_id, (self.partner | self.other).gdpr_subject_id)
        self.assertTrue(all(requests.mapped("is_automatic")))
        self.run_action(self.make_action("gdpr_ask"), cards)
        self.assertEqual(self.get_requests(cards), requests, "Nobody is asked twice.")

    def test_warning_of_a_template_without_a_kind(self):
        """What a rule sends with it would reach who refused: whoever makes the rule is told."""
        values = {"name": "News", "model_id": self.env["ir.model"]._get_id("res.partner")}
        template = self.env["mail.template"].create(values)
        action = self.make_action("mail_post", template_id=template.id)
        self.assertTrue(action.gdpr_unsaid_kind)
        action.mail_post_method = "note"
        self.assertFalse(action.gdpr_unsaid_kind, "A note goes to colleagues.")
        action.mail_post_method = "email"
        template.gdpr_message_class = "marketing"
        self.assertFalse(action.gdpr_unsaid_kind)
        template = self.env["mail.template"].create(values | {"model_id": self.env["ir.model"]._get_id("crm.team")})
        self.assertFalse(self.make_action("mail_post", "crm.team", template_id=template.id).gdpr_unsaid_kind)

    def test_form_and_template(self):
        form = self.form.copy({"name": "Another"})
        form.action_publish()
        template = self.template.copy()
        self.run_action(self.make_action("gdpr_ask", gdpr_form_id=form.id, gdpr_template_id=template.id), self.partner)
        request = self.get_requests(self.partner)
        self.assertEqual((request.form_id, request.template_id), (form, template))

    def test_form_of_another_company(self):
        form = self.form.copy({"company_id": self.env["res.company"].create({"name": "Other", "city": "Rome"}).id})
        form.company_id.email = "other@example.com"
        form.action_publish()
        self.run_action(self.make_action("gdpr_ask", gdpr_form_id=form.id), self.partner)
        self.assertFalse(self.get_requests(self.partner))

    def test_set_basis(self):
        cards = self.partner | self.other
        action = self.make_action(
            "gdpr_set_basis", gdpr_legal_basis="legitimate_interests", gdpr_legal_basis_reason="Customers for years"
        )
        self.run_action(action, cards)
        self.assertEqual(set(cards.mapped("gdpr_legal_basis")), {"legitimate_interests"})
        self.assertEqual(set(cards.mapped("gdpr_legal_basis_reason")), {"Customers for years"})

    def test_withdraw(self):
        self.form.purpose_ids |= self.profiling
        self.form.action_publish()
        self.partner.gdpr_record_consent(["marketing", "profiling"], "email", "phone", evidence="Call 7")
        self.run_action(self.make_action("gdpr_withdraw", gdpr_purpose_ids=self.profiling.ids), self.partner)
        self.assertEqual(self.partner.gdpr_purpose_ids, self.marketing)
        self.run_action(self.make_action("gdpr_withdraw"), self.partner)
        self.assertEqual(self.partner.gdpr_consent_state, "withdrawn")
        self.assertLedgerSound()

    def test_source_of_a_withdrawal(self):
        """Nothing is put on record that nobody said: how the person took consent back is named, or it isn't known."""
        for source in (False, "phone"):
            self.partner.gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
            action = self.make_action("gdpr_withdraw", **({"gdpr_source": source} if source else {}))
            self.run_action(action, self.partner)
            event = self.partner.gdpr_event_ids[0]
            self.assertEqual((event.action, event.source), ("withdrawn", source))
            self.assertIn(action.name, event.details)

    def test_from_the_menu(self):
        """A user who runs it needs the rights for what it does, is told what was done, and is on record."""
        action = self.make_action("gdpr_set_basis", gdpr_legal_basis="contract")
        with self.assertRaises(AccessError):
            self.run_action(action, self.partner, self.salesperson)
        self.run_action(action, self.partner, self.officer)
        self.assertEqual(self.partner.gdpr_legal_basis, "contract")
        for state in ("gdpr_ask", "gdpr_withdraw"):
            with self.subTest(state=state), self.assertRaises(AccessError):
                self.run_action(self.make_action(state), self.partner, self.employee)
        notification = self.run_action(self.make_action("gdpr_ask"), self.partner | self.other, self.officer)
        self.assertEqual(notification["params"]["message"].count("1"), 2, "One is asked, the other has a contract.")
        request = self.get_requests(self.other)
        self.assertEqual((request.user_id, request.is_automatic), (self.officer, False))
        self.run_action(self.make_action("gdpr_withdraw"), self.other, self.officer)
        withdrawn = self.other.gdpr_event_ids.filtered(lambda event: event.action == "withdrawn")[:1]
        self.assertEqual((withdrawn.actor, withdrawn.user_id), ("operator", self.officer))
        self.assertFalse(self.partner.gdpr_event_ids.filtered(lambda event: event.action == "withdrawn"))
        self.assertLedgerSound()

    @mute_logger(LOGGER)
    def test_one_that_fails(self):
        original = self.registry["res.partner"]._gdpr_apply_basis

        def fail_for_one(cards, *args, **options):
            if self.other in cards:
                raise ValueError("broken")
            return original(cards, *args, **options)

        with patch.object(self.registry["res.partner"], "_gdpr_apply_basis", fail_for_one):
            self.run_action(self.make_action("gdpr_set_basis", gdpr_legal_basis="contract"), self.partner | self.other)
        self.assertEqual((self.partner | self.other).mapped("gdpr_legal_basis"), ["contract", "consent"])

    def test_wrong_actions(self):
        for state, values in (
            ("gdpr_set_basis", {}),
            ("gdpr_set_basis", {"gdpr_legal_basis": "legitimate_interests"}),
            ("gdpr_ask", {"model": "res.country"}),
            ("gdpr_ask", {"gdpr_template_id": self.lead_template.id}),
            (
                "gdpr_ask",
                {
                    "gdpr_template_id": self.env["mail.template"]
                    .create({"name": "No link", "model_id": self.env["ir.model"]._get_id("res.partner")})
                    .id
                },
            ),
        ):
            with self.subTest(state=state, values=values), self.assertRaises(ValidationError):
                self.make_action(state, **values)

    def confirm(self, action, new_count):
        """Confirm in the wizard an action has opened, as the officer."""
        self.assertEqual(action["target"], "new")
        with Form(self.env[action["res_model"]].with_user(self.officer).with_context(**action["context"])) as form:
            self.assertEqual((form.new_count, form.person_count), (new_count, 2))
        return form.record.action_confirm()

    def get_data_requests(self, cards):
        return self.env["gdpr.subject.request"].search([("subject_id", "in", cards.gdpr_subject_id.ids)])

    def test_requests_of_all_kinds(self):
        """Access, rectification, export, stop, delete: ready for the lists, a request a person, none twice."""
        twin = self.env["crm.lead"].create({"name": "Twin", "partner_id": self.other.id})
        for model, cards in (("res_partner", self.partner | self.other), ("crm_lead", self.lead | twin)):
            for kind, request_type in (
                ("access", "access"),
                ("rectification", "rectification"),
                ("export", "portability"),
                ("stop", "restriction"),
                ("delete", "erasure"),
            ):
                with self.subTest(model=model, kind=kind):
                    action = self.env.ref(f"gdpr_consent.{model}_action_request_{kind}")
                    self.assertEqual((action.binding_model_id.model), cards._name)
                    before = self.get_data_requests(cards)
                    notification = self.run_action(action, cards, self.officer)
                    if request_type in ("restriction", "erasure"):
                        self.assertFalse(self.get_data_requests(cards) - before, "It is asked for a confirmation.")
                        notification = self.confirm(notification, 2 if model == "res_partner" else 1)
                    made = self.get_data_requests(cards) - before
                    # The other lead is about a contact who has asked already.
                    people = cards.gdpr_subject_id if model == "res_partner" else self.lead.gdpr_subject_id
                    self.assertEqual(made.subject_id, people)
                    self.assertEqual(set(made.mapped("type")), {request_type})
                    self.assertIn(f"made: {len(people)}.", notification["params"]["message"])
        self.assertTrue(all(card.gdpr_restricted for card in (self.partner, self.lead, twin)))
        action = self.env.ref("gdpr_consent.res_partner_action_request_access")
        again = self.run_action(action, self.partner, self.officer)
        self.assertIn("of this kind: 1.", again["params"]["message"])
        self.assertEqual(again["params"]["type"], "warning")
        self.assertLedgerSound()

    def test_requests_by_a_rule_and_by_others(self):
        action = self.make_action("gdpr_request", gdpr_request_type="objection")
        self.run_action(action, self.partner)
        self.assertTrue(self.partner.gdpr_objected)
        with self.assertRaises(AccessError):
            self.run_action(action, self.other, self.employee)
        ready_made = self.env.ref("gdpr_consent.res_partner_action_request_delete")
        with self.assertRaises(AccessError):
            self.run_action(ready_made, self.other, self.salesperson)
        with self.assertRaises(ValidationError):
            self.make_action("gdpr_request")

    def test_cost_of_requests(self):
        partners = self.env["res.partner"].create([{"name": f"P {n}", "email": f"p{n}@example.com"} for n in range(60)])
        action = self.make_action("gdpr_request", gdpr_request_type="restriction")
        counts = []
        for cards in (partners[:10], partners[10:]):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self.run_action(action, cards)
            counts.append(self.cr.sql_log_count - before)
        self.assertTrue(all(partners.mapped("gdpr_restricted")))
        self.assertLess(counts[1], counts[0] * 5, "Not more for each than for the first.")

    def test_cost(self):
        """Withdrawing of many takes as many queries as of few."""
        partners = self.env["res.partner"].create([{"name": f"P {n}", "email": f"p{n}@example.com"} for n in range(40)])
        partners.gdpr_set_legal_basis("consent")
        partners.gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        action = self.make_action("gdpr_withdraw")
        counts = []
        for cards in (partners[:1], partners[1:3], partners[3:]):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self.run_action(action, cards)
            counts.append(self.cr.sql_log_count - before)
        self.assertLessEqual(counts[2], counts[1] + 10)
        self.assertEqual(set(partners.mapped("gdpr_consent_state")), {"withdrawn"})

    def test_not_covered(self):
        action = self.make_action("gdpr_set_basis", gdpr_legal_basis="contract")
        self.env.ref("gdpr_consent.scope_contact").active = False
        self.run_action(action, self.partner)
        self.assertEqual(self.partner.sudo().gdpr_subject_id.legal_basis, "consent")

    def test_offered(self):
        country = self.env["ir.model"]._get("res.country")
        partner = self.env["ir.model"]._get("res.partner")
        actions = self.env["ir.actions.server"]
        self.assertNotIn("gdpr_ask", actions.new({"model_id": country.id, "state": "code"}).allowed_states)
        self.assertIn("gdpr_ask", actions.new({"model_id": partner.id, "state": "code"}).allowed_states)
