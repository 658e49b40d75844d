from unittest.mock import patch

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, tagged

from .test_life_cycle import LifeCycleCase


class MassCase(LifeCycleCase):
    def set_up_rule(self, trigger="gdpr_legal_basis"):
        """Do what an automation rule does to a model: it replaces the method that computes fields, and counts."""
        seen = []
        model = self.registry["res.partner"]
        origin = model._compute_field_value

        def compute_field_value(records, field):
            if field.name != trigger:
                return origin(records, field)
            before = {record.id: record[trigger] for record in records.filtered("id")}
            result = origin(records, field)
            seen.extend(
                (card_id, value, records.browse(card_id)[trigger])
                for card_id, value in before.items()
                if records.browse(card_id)[trigger] != value
            )
            return result

        compute_field_value.origin = origin
        patcher = patch.object(model, "_compute_field_value", compute_field_value)
        patcher.start()
        self.addCleanup(patcher.stop)
        return seen


@tagged("post_install", "-at_install")
class TestSetOnMany(MassCase):
    """Setting the basis on many cards: what is on record, what the ORM knows, who sees it."""

    def test_bulk(self):
        people = self.make_people(30)
        people[:10].gdpr_legal_basis = "contract"
        people.with_user(self.officer).gdpr_set_legal_basis("consent")
        self.assertEqual(set(people.mapped("gdpr_consent_state")), {"pending"})
        self.assertEqual(people.gdpr_subject_id.mapped("head_sequence"), [2] * 10 + [1] * 20)
        subjects = people.gdpr_subject_id
        self.assertEqual(len(set(subjects.mapped("reference"))), 30)
        self.assertEqual(subjects.root_id, subjects)
        self.assertEqual(subjects.partner_ids, people)
        self.assertEqual(set(subjects.event_ids.user_id.ids), {self.env.uid, self.officer.id})
        self.assertLedgerSound()
        for person in people:
            self.assertEqual(person.gdpr_event_ids[0].legal_basis, "consent")

    def test_company_of_the_card(self):
        other = self.env["res.company"].create({"name": "Another company"})
        people = self.make_people(3)
        people[1].company_id = other
        people.gdpr_set_legal_basis("contract")
        self.assertEqual([s.company_id.id for s in people.gdpr_subject_id], [False, other.id, False])

    def test_caches_follow(self):
        people = self.make_people(3)
        self.assertEqual(people.mapped("gdpr_legal_basis"), ["not_applicable"] * 3)
        self.assertFalse(people.gdpr_event_ids)
        people.gdpr_set_legal_basis("consent")
        self.assertEqual(people.mapped("gdpr_legal_basis"), ["consent"] * 3)
        self.assertEqual(len(people.gdpr_event_ids), 3)
        people.write({"gdpr_legal_basis": "contract", "function": "Buyer"})
        self.assertEqual(people.mapped("gdpr_consent_state"), ["not_applicable"] * 3)
        self.assertEqual(people.mapped("function"), ["Buyer"] * 3)
        self.env.invalidate_all()
        self.assertEqual(people.mapped("gdpr_legal_basis"), ["contract"] * 3)
        self.assertEqual(self.env["res.partner"].search([("gdpr_legal_basis", "=", "contract")]) & people, people)

    def test_leads_of_one_contact(self):
        """Several cards of one person make one event."""
        person = self.make_people(1)
        leads = self.env["crm.lead"].create([{"name": "Deal", "partner_id": person.id}] * 3)
        leads.gdpr_set_legal_basis("consent")
        self.assertEqual(leads.gdpr_subject_id, person.gdpr_subject_id)
        self.assertEqual(person.gdpr_legal_basis, "consent")
        self.assertEqual(self.get_events(person), ["basis_changed"])

    def test_watched_by_a_rule(self):
        """An automation rule sees each change once, however the basis is set."""
        people = self.make_people(3)
        seen = self.set_up_rule()
        people.gdpr_set_legal_basis("contract")
        self.env.flush_all()
        self.assertEqual(seen, [(card.id, "not_applicable", "contract") for card in people])
        del seen[:]
        people[:2].write({"gdpr_legal_basis": "consent"})
        self.env.flush_all()
        # What is written the rule sees in ``write``.
        self.assertEqual(seen, [])
        self.assertEqual(people.mapped("gdpr_legal_basis"), ["consent", "consent", "contract"])

    def test_state_watched_by_a_rule(self):
        person = self.make_people(1, gdpr_legal_basis="consent")
        seen = self.set_up_rule("gdpr_consent_state")
        person.gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        self.env.flush_all()
        self.assertEqual(seen, [(person.id, "pending", "obtained")])

    def test_automation_rule(self):
        """A rule of Odoo's own, where the app is installed."""
        if "base.automation" not in self.env:
            self.skipTest("Odoo's automation rules aren't installed")
        field = self.env["ir.model.fields"]._get("res.partner", "gdpr_legal_basis")
        model = self.env["ir.model"]._get("res.partner")
        rule = self.env["base.automation"].create(
            {
                "name": "Note the basis",
                "model_id": model.id,
                "trigger": "on_create_or_write",
                "trigger_field_ids": field.ids,
                "filter_domain": "[('gdpr_legal_basis', '=', 'contract')]",
            }
        )
        self.env["ir.actions.server"].create(
            {
                "name": "Note the basis",
                "model_id": model.id,
                "base_automation_id": rule.id,
                "state": "code",
                "code": "for record in records: record.write({'comment': (record.comment or '') + 'noted'})",
            }
        )
        self.addCleanup(self.env["base.automation"]._unregister_hook)
        people = self.make_people(3)
        people.gdpr_set_legal_basis("contract")
        self.env.flush_all()
        self.assertEqual([str(person.comment) for person in people], ["<p>noted</p>"] * 3)
        more = self.make_people(2)
        more.write({"gdpr_legal_basis": "contract"})
        self.env.flush_all()
        self.assertEqual([str(person.comment) for person in more], ["<p>noted</p>"] * 2)

    def test_queries(self):
        """One, a hundred and a thousand take about as many queries."""
        counts = {}
        self.make_people(1).gdpr_set_legal_basis("contract")
        for size in (1, 100, 1000):
            people = self.make_people(size)
            counts[size] = [
                self.count_queries(people.gdpr_set_legal_basis, "consent"),
                self.count_queries(people.gdpr_set_legal_basis, "contract"),
                self.count_queries(people.write, {"gdpr_legal_basis": "consent"}),
            ]
        for one, hundred, thousand in zip(*counts.values(), strict=True):
            self.assertLessEqual(one, 30)
            self.assertLessEqual(hundred, one + 2)
            self.assertLessEqual(thousand, one + 2)


@tagged("post_install", "-at_install")
class TestWizard(MassCase):
    """The wizard says what it will do, and does that."""

    def open(self, cards, user=None, **context):
        action = cards.with_user(user or self.officer).with_context(**context).action_gdpr_set_legal_basis()
        return self.env[action["res_model"]].with_user(user or self.officer).browse(action["res_id"])

    def test_plan(self):
        people = self.make_people(10)
        people[:2].gdpr_legal_basis = "contract"
        people[2:5].gdpr_legal_basis = "consent"
        people[2].gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        self.ask(people[3])
        people[5].is_company = True
        people[6].active = False
        wizard = self.open(people)
        self.assertFalse(wizard.outcome)
        wizard.legal_basis = "contract"
        plan = wizard._plan()
        self.assertEqual(plan["cards"], people[2:6] + people[7:])
        self.assertEqual([plan[key] for key in ("same", "uncovered", "archived", "forbidden")], [2, 0, 1, 0])
        description = wizard._describe(plan)
        self.assertEqual(sorted(description["changes"]), [("Consent", 3), ("Not applicable", 4)])
        self.assertEqual((description["requests"], description["consents"]), (1, 1))
        for text in ("have this legal basis already", "are archived", "open consent requests", "have given consent"):
            self.assertIn(text, wizard.outcome)
        wizard.with_archived = True
        self.assertEqual(wizard.change_count, 8)
        action = wizard.action_set()
        self.assertEqual(action["tag"], "display_notification")
        self.assertIn("8 records", action["params"]["message"])
        self.assertEqual(set(people.mapped("gdpr_legal_basis")), {"contract"})
        self.assertLedgerSound()

    def test_second_click(self):
        people = self.make_people(3)
        first, second = self.open(people), self.open(people)
        (first + second).legal_basis = "contract"
        first.action_set()
        for wizard in (first, second):
            self.assertIn("Nothing to change", wizard.action_set()["params"]["message"])
        for person in people:
            self.assertEqual(self.get_events(person), ["basis_changed"])

    def test_somebody_was_faster(self):
        """What was shown is done, or nothing is: somebody may have changed the records meanwhile."""
        people = self.make_people(3)
        forms = []
        for basis in ("consent", "contract"):
            wizard = self.open(people)
            form = Form(wizard)
            form.legal_basis = basis
            forms.append(form)
        first, second = (form.save() for form in forms)
        first.action_set()
        self.ask(people[0])
        self.env.invalidate_all()
        self.assertEqual(second.action_set()["res_id"], second.id)
        self.assertEqual(set(people.mapped("gdpr_legal_basis")), {"consent"})
        self.assertEqual(people[0].gdpr_consent_state, "waiting")
        self.assertTrue(second.is_outdated)
        for text in ("Consent", "open consent requests"):
            self.assertIn(text, second.outcome)
        self.assertEqual(second.action_set()["tag"], "display_notification")
        self.assertEqual(set(people.mapped("gdpr_legal_basis")), {"contract"})

    def test_all_that_match(self):
        people = self.make_people(6)
        domain = [("id", "in", people.ids)]
        wizard = self.open(people[:2], active_domain=domain)
        self.assertEqual((wizard.whom, wizard.selected_count, wizard.matching_count), ("selected", 2, 6))
        self.env["ir.config_parameter"].set_param("web.active_ids_limit", 2)
        wizard = self.open(people[:2], active_domain=domain)
        self.assertEqual(wizard.whom, "all")
        wizard.legal_basis = "consent"
        self.assertEqual(wizard.change_count, 6)
        wizard.action_set()
        self.assertEqual(set(people.mapped("gdpr_legal_basis")), {"consent"})

    def test_uncovered(self):
        people = self.make_people(2)
        self.env.ref("gdpr_consent.scope_contact").active = False
        wizard = self.open(people)
        wizard.legal_basis = "contract"
        self.assertEqual(wizard.change_count, 0)
        self.assertEqual(wizard._plan()["uncovered"], 2)
        wizard.action_set()
        self.assertFalse(people.gdpr_subject_id)

    def test_no_access(self):
        other = self.env["res.company"].create({"name": "Another company"})
        people = self.make_people(3)
        people[0].company_id = other
        wizard = self.open(people)
        wizard.legal_basis = "contract"
        plan = wizard._plan()
        self.assertEqual((plan["cards"], plan["forbidden"]), (people[1:], 1))
        wizard.action_set()
        self.assertEqual(people[0].gdpr_legal_basis, "not_applicable")
        with self.assertRaises(AccessError):
            self.open(people, user=self.salesperson)
        with self.assertRaises(AccessError):
            wizard.with_user(self.salesperson).action_set()

    def test_reason(self):
        people = self.make_people(2)
        wizard = self.open(people)
        wizard.legal_basis = "legitimate_interests"
        with self.assertRaisesRegex(ValidationError, "need a reason"):
            wizard.action_set()
        wizard.reason = "Weighed"
        wizard.action_set()
        self.assertEqual(set(people.mapped("gdpr_legal_basis_reason")), {"Weighed"})
        again = self.open(people)
        again.write({"legal_basis": "legitimate_interests", "reason": "Weighed anew"})
        self.assertIn("another reason", again.outcome)
        again.action_set()
        self.assertEqual(set(people.mapped("gdpr_legal_basis_reason")), {"Weighed anew"})

    def test_lead(self):
        wizard = self.open(self.lead)
        wizard.legal_basis = "contract"
        wizard.action_set()
        self.assertEqual(self.lead.gdpr_legal_basis, "contract")

    def test_queries(self):
        def preview_and_set(people):
            wizard = self.open(people)
            wizard.legal_basis = "contract"
            self.assertTrue(wizard.outcome)
            wizard.action_set()

        preview_and_set(self.make_people(1))
        one = self.count_queries(preview_and_set, self.make_people(1))
        self.assertLessEqual(self.count_queries(preview_and_set, self.make_people(300)), one + 3)

    def test_bound_to_lists(self):
        for model in ("res.partner", "crm.lead"):
            for user, is_there in ((self.officer, True), (self.salesperson, False)):
                bindings = self.env["ir.actions.actions"].with_user(user).get_bindings(model)
                names = [action["name"] for action in bindings["action"]]
                self.assertEqual("Set legal basis" in names, is_there)
        self.env["ir.config_parameter"].set_param("gdpr_consent.enabled", "False")
        self.env.registry.clear_cache()
        bindings = self.env["ir.actions.actions"].with_user(self.officer).get_bindings("res.partner")
        names = [action["name"] for action in bindings.get("action", [])]
        self.assertNotIn("Set legal basis", names)
        self.assertNotIn("Same person", names)


@tagged("post_install", "-at_install")
class TestRecordOnMany(MassCase):
    """Recording by hand what many people said: one act each, in about as many queries as for one."""

    def make_consenting(self, count):
        return self.make_people(count, gdpr_legal_basis="consent")

    def test_consent(self):
        people = self.make_consenting(5)
        self.ask(people[0])
        people[1].gdpr_record_objection()
        people.with_user(self.officer).gdpr_record_consent(
            "marketing", ["email", "phone"], "meeting", note="Yes", evidence="Fair of Milan"
        )
        objecting = people[1]
        agreeing = people - objecting
        self.assertEqual(set(agreeing.mapped("gdpr_consent_state")), {"obtained"})
        self.assertEqual(set(agreeing.mapped("gdpr_consent_note")), {"Yes"})
        # Only the own yes takes an objection back: this one is asked to confirm.
        self.assertTrue(objecting.gdpr_objected)
        self.assertEqual(objecting.gdpr_subject_id.request_ids.kind, "confirmation")
        self.assertEqual(people[0].gdpr_subject_id.request_ids.state, "answered")
        marks = people.gdpr_subject_id.event_ids.filtered(lambda event: event.action == "given").mapped("act")
        self.assertEqual(len(set(marks)), 4)
        self.assertLedgerSound()

    def test_one_person_with_two_cards(self):
        person = self.make_consenting(1)
        leads = self.env["crm.lead"].create([{"name": "Deal", "partner_id": person.id}] * 2)
        leads.gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        self.assertEqual(self.get_events(person), ["basis_changed", "given"])

    def test_file(self):
        people = self.make_consenting(3)
        scan = self.env["ir.attachment"].create({"name": "list.pdf", "raw": b"signed"})
        people.gdpr_record_consent("marketing", "email", "paper", evidence=scan)
        kept = people.gdpr_subject_id.event_ids.value_ids.attachment_id
        self.assertEqual(kept.mapped("raw"), [b"signed"] * 3)
        scan.unlink()
        self.assertLedgerSound()

    def test_channels_change(self):
        people = self.make_consenting(3)
        people.gdpr_record_consent("marketing", ["email", "phone"], "phone", evidence="Call 7")
        people[:2].gdpr_record_consent("marketing", "email", "phone", evidence="Call 8")
        codes = [sorted(person.gdpr_channel_ids.mapped("code")) for person in people]
        self.assertEqual(codes, [["email"], ["email"], ["email", "phone"]])
        self.assertLedgerSound()

    def test_withdrawal(self):
        people = self.make_consenting(5)
        people[:3].gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        self.ask(people[3])
        people[2].gdpr_withdraw_consent()
        people.gdpr_withdraw_consent(source="paper", note="No more")
        states = people.mapped("gdpr_consent_state")
        self.assertEqual(states, ["withdrawn"] * 4 + ["pending"])
        self.assertEqual(self.get_events(people[2]), ["basis_changed", "given", "withdrawn"])
        self.assertEqual(people[3].gdpr_subject_id.request_ids.state, "answered")
        self.assertLedgerSound()

    def test_queries(self):
        def consent(people):
            people.gdpr_record_consent("marketing", "email", "phone", note="Yes", evidence="Call 7")

        def ask_and_withdraw(people):
            people.gdpr_withdraw_consent(note="No")

        def with_file(people):
            people.gdpr_record_consent("marketing", "email", "paper", evidence=self.scan)

        def object_to_all(people):
            people.gdpr_record_objection(note="No")

        self.scan = self.env["ir.attachment"].create({"name": "list.pdf", "raw": b"signed"})
        acts = (consent, consent, ask_and_withdraw, consent, object_to_all, with_file)
        counts = {}
        for size in (1, 1, 100, 1000):
            people = self.make_consenting(size)
            counts[size] = [self.count_queries(act, people) for act in acts]
        for act, one, hundred, thousand in zip(acts, *counts.values(), strict=True):
            with self.subTest(act=act.__name__):
                self.assertLessEqual(one, 90)
                self.assertLessEqual(hundred, one + 10)
                self.assertLessEqual(thousand, one + 60)

    def test_same_number_of_queries(self):
        """Fifty take exactly what five take, for each act."""
        acts = (
            ("consent", lambda people: people.gdpr_set_legal_basis("consent")),
            ("given", lambda people: people.gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")),
            ("withdrawn", lambda people: people.gdpr_withdraw_consent()),
            ("objected", lambda people: people.gdpr_record_objection()),
            ("contract", lambda people: people.gdpr_set_legal_basis("contract")),
        )
        few, many = self.make_people(5), self.make_people(50)
        warm = self.make_people(1)
        for _name, act in acts:
            act(warm)
        for name, act in acts:
            with self.subTest(act=name):
                count = self.count_queries(act, few)
                self.env.invalidate_all()
                with self.assertQueryCount(count):
                    act(many)
                    self.env.flush_all()

    def test_queries_with_open_requests(self):
        def withdraw(people):
            people.gdpr_withdraw_consent(note="No")

        counts = []
        for size in (1, 1, 50):
            people = self.make_consenting(size)
            with self.catch_mails():
                people.gdpr_request_consent()
            counts.append(self.count_queries(withdraw, people))
        self.assertLessEqual(counts[2], counts[1] + 6)
