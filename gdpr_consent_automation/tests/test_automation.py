from odoo import Command
from odoo.tests import tagged

from odoo.addons.gdpr_consent.tests.common import ConsentCase


@tagged("post_install", "-at_install")
class TestAutomation(ConsentCase):
    """The add-on's actions in real automation rules, on changes of the add-on's fields."""

    def setUp(self):
        super().setUp()
        # A rule replaces methods of the models, which outlives the transaction.
        self.addCleanup(self.env["base.automation"]._unregister_hook)

    def make_rule(self, model, state, trigger="on_create_or_write", fields=("gdpr_legal_basis",), **options):
        values = {key: options.pop(key) for key in list(options) if key.startswith("filter_")}
        model_id = self.env["ir.model"]._get_id(model)
        names = [self.env["ir.model.fields"]._get(model, name).id for name in fields]
        return self.env["base.automation"].create(
            {
                "name": "Rule",
                "model_id": model_id,
                "trigger": trigger,
                "trigger_field_ids": [Command.set(names)] if trigger == "on_create_or_write" else False,
                "action_server_ids": [
                    Command.create({"name": "Do it", "model_id": model_id, "state": state, **options})
                ],
                **values,
            }
        )

    def get_requests(self, cards):
        self.env.flush_all()
        return self.env["gdpr.consent.request"].search([("subject_id", "in", cards.gdpr_subject_id.ids)])

    def test_example(self):
        """The example is off; switched on, it asks leads whose basis becomes Consent, once."""
        rule = self.env.ref("gdpr_consent_automation.automation_ask_leads")
        self.assertFalse(rule.active)
        lead = self.env["crm.lead"].create({"name": "Chairs", "email_from": "dino@example.com"})
        with self.catch_mails():
            lead.with_user(self.officer).gdpr_legal_basis = "consent"
        self.assertFalse(self.get_requests(lead))
        rule.active = True
        lead.gdpr_legal_basis = "not_applicable"
        with self.catch_mails():
            lead.with_user(self.officer).gdpr_legal_basis = "consent"
        requests = self.get_requests(lead)
        self.assertEqual(len(requests), 1)
        self.assertEqual(requests.user_id, self.officer)
        self.assertEqual(lead.gdpr_consent_state, "waiting")
        asked = lead.gdpr_event_ids.filtered(lambda event: event.action == "asked")
        self.assertEqual(asked.actor, "system")
        with self.catch_mails():
            lead.email_from = "dino.new@example.com"
        self.assertEqual(len(self.get_requests(lead)), 1, "Nobody is asked twice.")
        self.assertLedgerSound()

    def test_new_lead(self):
        self.env.ref("gdpr_consent_automation.automation_ask_leads").active = True
        self.env.company.gdpr_default_legal_basis = "consent"
        with self.catch_mails():
            lead = (
                self.env["crm.lead"]
                .with_user(self.salesperson)
                .create({"name": "Chairs", "email_from": "dino@example.com"})
            )
        self.assertEqual(len(self.get_requests(lead.sudo())), 1)

    def test_state_changes(self):
        """A rule fires when the person answers."""
        self.make_rule(
            "res.partner",
            "gdpr_set_basis",
            fields=["gdpr_consent_state"],
            filter_domain="[('gdpr_consent_state', '=', 'obtained')]",
            gdpr_legal_basis="contract",
        )
        self.partner.gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        self.env.flush_all()
        self.assertEqual(self.partner.gdpr_legal_basis, "contract")
        self.assertEqual(self.partner.gdpr_consent_state, "not_applicable")
        self.assertLedgerSound()
        changed = self.partner.gdpr_event_ids.filtered(lambda event: event.action == "basis_changed")[:1]
        self.assertEqual(changed.actor, "system")

    def test_answer_undone_at_once(self):
        """What a rule does with an answer while it is recorded comes after it."""
        self.make_rule(
            "res.partner",
            "gdpr_withdraw",
            fields=["gdpr_consent_state"],
            filter_domain="[('gdpr_consent_state', '=', 'obtained')]",
        )
        lead = self.env["crm.lead"].create({"name": "Chairs", "partner_id": self.partner.id})
        self.partner.gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        self.env.invalidate_all()
        self.assertEqual((self.partner.gdpr_consent_state, lead.gdpr_consent_state), ("withdrawn", "withdrawn"))
        self.assertFalse(self.partner.gdpr_purpose_ids)
        self.assertLedgerSound()

    def test_many_at_once(self):
        """A basis set on many fires the rule for each; who can't be asked is left out, and stops nothing."""
        self.make_rule("res.partner", "gdpr_ask", filter_domain="[('gdpr_legal_basis', '=', 'consent')]")
        partners = self.env["res.partner"].create(
            [{"name": f"Person {n}", "email": f"person{n}@example.com" if n else False} for n in range(5)]
        )
        with self.catch_mails():
            partners.gdpr_set_legal_basis("consent")
            self.env.flush_all()
        self.assertEqual(set(partners.mapped("gdpr_legal_basis")), {"consent"})
        self.assertEqual(self.get_requests(partners).subject_id, partners[1:].gdpr_subject_id)

    def test_withdrawal(self):
        self.partner.gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        self.make_rule("res.partner", "gdpr_withdraw", fields=["ref"], filter_domain="[('ref', '=', 'out')]")
        self.partner.with_user(self.employee).ref = "out"
        self.env.flush_all()
        self.assertEqual(self.partner.gdpr_consent_state, "withdrawn")

    def test_data_subject_requests(self):
        """Marked by hand, the person gets a request of the kind, once; stopping counts at once."""
        self.make_rule(
            "res.partner",
            "gdpr_request",
            fields=["ref"],
            filter_domain="[('ref', '=', 'stop')]",
            gdpr_request_type="restriction",
        )
        with self.catch_mails():
            self.partner.with_user(self.employee).ref = "stop"
            self.env.flush_all()
            self.partner.ref = "again"
            self.partner.ref = "stop"
            self.env.flush_all()
        requests = self.env["gdpr.subject.request"].search([("subject_id", "=", self.partner.gdpr_subject_id.id)])
        self.assertEqual(requests.mapped("type"), ["restriction"])
        self.assertTrue(self.partner.gdpr_restricted)
        # Of the system, whoever caused it: nobody has typed it in.
        self.assertEqual(requests.source, "automation")
        self.assertFalse(requests.step_ids.filtered(lambda step: step.action == "received").user_id)
        events = self.partner.sudo().gdpr_subject_id.event_ids
        event = events.filtered(lambda event: event.action == "requested")
        self.assertEqual((event.actor, event.user_id.id), ("system", False))

    def test_save_goes_through(self):
        """Whatever fails in the action, what the user does is saved."""
        self.make_rule("res.partner", "gdpr_ask", fields=["ref"])
        self.env["gdpr.consent.form"].search([]).active = False
        self.partner.with_user(self.employee).ref = "A"
        self.env.flush_all()
        self.assertEqual(self.partner.ref, "A")
        self.assertFalse(self.get_requests(self.partner))

    def test_messages(self):
        """Marketing goes to those who may get it; what has no kind goes to all but those who are suspended."""
        template = self.env["mail.template"].create(
            {
                "name": "Welcome",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "subject": "Welcome",
                "body_html": "<p>Hello</p>",
                "use_default_to": True,
            }
        )
        self.make_rule(
            "res.partner",
            "mail_post",
            fields=["ref"],
            filter_domain="[('ref', '!=', False)]",
            template_id=template.id,
            mail_post_method="email",
        )
        denying, suspended = self.env["res.partner"].create(
            [{"name": name, "email": f"{name}@example.com", "gdpr_legal_basis": "consent"} for name in ("ugo", "rita")]
        )
        denying.gdpr_withdraw_consent("marketing")
        self.partner.gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        with self.catch_mails():
            suspended._gdpr_receive_request("restriction")
        people = self.partner + denying + suspended
        for message_class, reached in (("marketing", self.partner), (False, self.partner + denying)):
            template.gdpr_message_class = message_class
            with self.catch_mails():
                people.with_user(self.employee).ref = message_class or "none"
                self.env.flush_all()
                self.env["mail.mail"].process_email_queue()
            addresses = {address for mail in self._mails for address in mail["email_to"]}
            self.assertEqual(addresses, set(reached.mapped("email_formatted")))
