import csv
import io
from datetime import timedelta
from pathlib import Path

from odoo import fields
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import freeze_time, tagged

from .test_life_cycle import LifeCycleCase

TEMPLATE = Path(__file__).parents[2] / "docs" / "import-template.csv"
PROOF = {
    "gdpr_import_purposes": "marketing",
    "gdpr_import_channels": "email, phone",
    "gdpr_import_source": "Phone",
    "gdpr_import_given_on": "2026-01-10 09:00:00",
    "gdpr_import_wording": "",
    "gdpr_import_evidence": "Call 4711, archive of 2026",
}


class ImportCase(LifeCycleCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.backdate_wordings()
        cls.yesterday = fields.Datetime.to_string(fields.Datetime.now() - timedelta(days=1))
        cls.proof = PROOF | {"gdpr_import_given_on": cls.yesterday, "gdpr_import_wording": cls.form.name}

    def load(self, rows, user=None, model="res.partner"):
        """Load rows as Odoo's import does; give the records."""
        names = list(dict.fromkeys(name for row in rows for name in row))
        model = self.env[model].with_user(user or self.officer).with_context(import_file=True)
        result = model.load(names, [[row.get(name, "") for name in names] for row in rows])
        self.assertEqual(result["messages"], [])
        return self.env[model._name].browse(result["ids"])

    def make_row(self, number=1, **values):
        return {"name": f"Imported {number}", "email": f"imported{number}@example.com", **values}


@tagged("post_install", "-at_install")
class TestImportBasis(ImportCase):
    def test_keys_and_labels(self):
        people = self.load(
            [
                self.make_row(1, gdpr_legal_basis="contract"),
                self.make_row(2, gdpr_legal_basis="Legitimate interests", gdpr_legal_basis_reason="Weighed"),
                self.make_row(3),
            ]
        )
        self.assertEqual(people.mapped("gdpr_legal_basis"), ["contract", "legitimate_interests", "not_applicable"])
        self.assertEqual(people[1].gdpr_legal_basis_reason, "Weighed")
        self.assertEqual(people[0].gdpr_event_ids.user_id, self.officer)
        self.assertLedgerSound()

    def test_update(self):
        """Rows of known records change their basis; an empty cell leaves it."""
        people = self.make_people(3, gdpr_legal_basis="contract")
        rows = [{".id": str(person.id), "gdpr_legal_basis": "consent"} for person in people]
        rows[2]["gdpr_legal_basis"] = ""
        self.assertEqual(self.load(rows), people)
        self.assertEqual(people.mapped("gdpr_legal_basis"), ["consent", "consent", "contract"])
        self.load(rows)
        self.assertEqual(self.get_events(people[0]), ["basis_changed"] * 2)

    def test_officers_only(self):
        model = self.env["res.partner"].with_user(self.salesperson).with_context(import_file=True)
        result = model.load(["name", "gdpr_legal_basis"], [["Anna", "consent"]])
        self.assertFalse(result["ids"])
        self.assertIn("You need the role", result["messages"][0]["message"])

    def test_nobody_else_states_consent(self):
        with self.assertRaises(AccessError):
            self.partner.with_user(self.employee).write(dict(self.proof))

    def test_what_was_exported(self):
        """The basis of an export can be imported again."""
        people = self.make_people(2, gdpr_legal_basis="contract")
        people[1].gdpr_set_legal_basis("consent")
        people[1].gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 7")
        names = [
            "name",
            "gdpr_legal_basis",
            "gdpr_consent_state",
            "gdpr_purpose_ids",
            "gdpr_channel_ids",
            "gdpr_consent_on",
            "gdpr_consent_source",
        ]
        self.officer.group_ids += self.env.ref("base.group_allow_export")
        exported = people.with_user(self.officer).export_data(names)["datas"]
        self.assertEqual(exported[0][:3], [people[0].name, "Contract", "Not applicable"])
        self.assertEqual(exported[1][2:5], ["Obtained", self.marketing.name, self.email_channel.name])
        self.assertEqual(exported[1][6], "Phone")
        again = self.load([{"name": row[0], "gdpr_legal_basis": row[1]} for row in exported])
        self.assertEqual(again.mapped("gdpr_legal_basis"), ["contract", "consent"])


@tagged("post_install", "-at_install")
class TestImportConsent(ImportCase):
    def test_full_proof(self):
        person = self.load([self.make_row(gdpr_legal_basis="consent", **self.proof)])
        self.assertEqual(person.gdpr_consent_state, "obtained")
        self.assertEqual(person.gdpr_purpose_ids, self.marketing)
        self.assertEqual(set(person.gdpr_channel_ids.mapped("code")), {"email", "phone"})
        self.assertEqual(fields.Datetime.to_string(person.gdpr_consent_on), self.yesterday)
        event = person.gdpr_event_ids.filtered(lambda event: event.action == "given")
        self.assertEqual((event.source, event.actor, event.user_id), ("phone", "operator", self.officer))
        self.assertEqual(event.version_id.form_id, self.form)
        self.assertEqual(event._get_value("evidence"), PROOF["gdpr_import_evidence"])
        self.assertFalse(person.gdpr_import_problem)
        self.assertLedgerSound()

    def test_names_instead_of_codes(self):
        row = self.proof | {
            "gdpr_import_purposes": self.marketing.name.upper(),
            "gdpr_import_channels": f"{self.email_channel.name}; {self.phone_channel.name}",
            "gdpr_import_wording": f"{self.form.name}, version 1",
        }
        person = self.load([self.make_row(**row)])
        self.assertEqual((person.gdpr_legal_basis, person.gdpr_consent_state), ("consent", "obtained"))
        row["gdpr_import_wording"] = self.form._get_version("en_US").display_name
        self.assertEqual(self.load([self.make_row(2, **row)]).gdpr_consent_state, "obtained")

    def test_without_proof(self):
        """Each comes in, with the reason why the consent doesn't count."""
        now = fields.Datetime.now()
        self.marketing.validity_months = 12
        cases = {
            "There is no date": {"gdpr_import_given_on": ""},
            "No wording is named": {"gdpr_import_wording": ""},
            "There is no evidence": {"gdpr_import_evidence": " "},
            "Unknown: telepathy": {"gdpr_import_purposes": "telepathy"},
            "No purpose is named": {"gdpr_import_purposes": ""},
            "no way to contact": {"gdpr_import_channels": ""},
            "Unknown: pigeon": {"gdpr_import_channels": "email, pigeon"},
            "future": {"gdpr_import_given_on": fields.Datetime.to_string(now + timedelta(days=2))},
            "has lapsed": {"gdpr_import_given_on": fields.Datetime.to_string(now - timedelta(days=800))},
            "No published form": {"gdpr_import_wording": "Something we had"},
            "called “X, version 9”": {"gdpr_import_wording": "X, version 9"},
            "doesn't ask for": {"gdpr_import_purposes": "profiling"},
            "not a way to collect": {"gdpr_import_source": "Rumour"},
            "can't be told from a list": {"gdpr_import_source": "E-mail link"},
        }
        rows = [self.make_row(number, **self.proof | case) for number, case in enumerate(cases.values())]
        people = self.load([{"gdpr_legal_basis": "consent", **row} for row in rows])
        self.assertEqual(len(people), len(cases))
        for person, reason in zip(people, cases, strict=True):
            with self.subTest(reason=reason):
                self.assertEqual(person.gdpr_consent_state, "pending")
                self.assertIn(reason, person.gdpr_import_problem)
                self.assertFalse(person.gdpr_purpose_ids)
                verdict = person.gdpr_may_contact("marketing", "email")[person.id]
                self.assertFalse(verdict["allowed"])
        event = people[0].gdpr_event_ids[0]
        self.assertEqual(event.action, "unproven")
        self.assertIn("Call 4711", event.details)
        found = self.env["res.partner"].search([("gdpr_import_problem", "!=", False)])
        self.assertEqual(found & people, people)
        self.assertNotIn(self.partner, found)
        self.assertIn(self.partner, self.env["res.partner"].search([("gdpr_import_problem", "=", False)]))
        self.assertLedgerSound()

    def test_older_than_the_wording(self):
        """Nobody can have agreed to words that were published later."""
        self.form.introduction = "<p>Other words</p>"
        self.form.action_publish()
        named = {"gdpr_import_wording": f"{self.form.name}, version 2"}
        late, unnamed = self.load([self.make_row(1, **self.proof | named), self.make_row(2, **self.proof)])
        self.assertEqual(late.gdpr_consent_state, "pending")
        self.assertIn("was published on", late.gdpr_import_problem)
        self.assertIn("can't have agreed to it", late.gdpr_import_problem)
        self.assertFalse(unnamed.gdpr_import_problem)
        self.assertEqual(self.get_version(unnamed).number, 1, "the one in force then")
        long_ago = {"gdpr_import_given_on": fields.Datetime.to_string(fields.Datetime.now() - timedelta(days=365 * 6))}
        self.marketing.validity_months = 0
        oldest = self.load([self.make_row(3, **self.proof | long_ago)])
        self.assertIn("was published on", oldest.gdpr_import_problem)
        declared = self.load([self.make_row(4, **self.proof | named | {"gdpr_import_source": "import"})])
        self.assertEqual(self.get_events(declared)[-1], "declared", "who confirms reads the wording now")
        self.assertLedgerSound()

    def test_words_used_elsewhere(self):
        """Words that were never published here are kept as they were stated, once, and nobody is asked with them."""
        words = {"gdpr_import_wording": "", "gdpr_import_words": "May we send you <our> news?"}
        long_ago = {"gdpr_import_given_on": fields.Datetime.to_string(fields.Datetime.now() - timedelta(days=365 * 6))}
        self.marketing.validity_months = 0
        rows = [
            {"id": f"__import__.gdpr_words_{number}", **self.make_row(number, **self.proof | words | long_ago)}
            for number in range(3)
        ]
        people = self.load(rows)
        self.assertEqual(set(people.mapped("gdpr_consent_state")), {"obtained"})
        version = self.get_version(people)
        self.assertEqual(len(version), 1)
        self.assertIn("May we send you &lt;our&gt; news?", version.preview)
        self.assertIn("published here. They are what the persons were told", version.preview)
        self.assertFalse(version.form_id.active)
        self.assertEqual(version._get_purposes(), self.marketing)
        self.assertEqual(self.env["gdpr.consent.form"]._get_default(self.env.company), self.form)
        website = self.env.ref("website.default_website")
        self.assertFalse(self.env["gdpr.consent.form"]._find_shown_on(website, str(version.id)))
        self.assertEqual(self.load(rows), people)
        self.assertEqual(self.get_events(people[0]), ["basis_changed", "given"])
        exported = {"gdpr_import_wording": version.display_name}
        again = self.load([self.make_row(4, **self.proof | exported | long_ago)])
        self.assertEqual(self.get_version(again), version)
        self.assertEqual(version._find_wording_faults(), [])
        self.assertLedgerSound()

    def test_words_and_wording(self):
        words = {"gdpr_import_words": "May we?"}
        both, nothing_to_confirm = self.load(
            [
                self.make_row(1, **self.proof | words),
                self.make_row(2, **self.proof | words | {"gdpr_import_wording": "", "gdpr_import_source": "import"}),
            ]
        )
        self.assertIn("Leave one empty", both.gdpr_import_problem)
        self.assertIn("what shall the person confirm", nothing_to_confirm.gdpr_import_problem)
        declared = self.load([self.make_row(3, **self.proof | words | {"gdpr_import_source": "import"})])
        self.assertIn("May we?", declared.gdpr_event_ids[0].details)
        self.assertEqual(self.get_version(declared).form_id, self.form)

    def get_version(self, people):
        return people.gdpr_event_ids.filtered(lambda event: event.action in ("given", "declared")).version_id

    def test_problem_ends_with_an_answer(self):
        person = self.load([self.make_row(**self.proof | {"gdpr_import_evidence": ""})])
        self.assertTrue(person.gdpr_import_problem)
        person.gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        self.assertFalse(person.gdpr_import_problem)
        self.assertNotIn(person, self.env["res.partner"].search([("gdpr_import_problem", "!=", False)]))

    def test_twice(self):
        """The same file again changes nothing."""
        rows = [
            {"id": "__import__.gdpr_one", **self.make_row(1, gdpr_legal_basis="consent", **self.proof)},
            {"id": "__import__.gdpr_two", **self.make_row(2, **self.proof | {"gdpr_import_evidence": ""})},
            {"id": "__import__.gdpr_three", **self.make_row(3, **self.proof | {"gdpr_import_source": "import"})},
        ]
        people = self.load(rows)
        before = [self.get_events(person) for person in people]
        self.assertEqual(before[0], ["basis_changed", "given"])
        self.assertEqual(before[1], ["basis_changed", "unproven"])
        self.assertEqual(before[2], ["basis_changed", "declared"])
        self.assertEqual(self.load(rows), people)
        self.env.invalidate_all()
        self.assertEqual([self.get_events(person) for person in people], before)

    def test_confirmed_from_the_mailbox(self):
        """What only a list says is declared; the person is asked."""
        person = self.load([self.make_row(**self.proof | {"gdpr_import_source": ""})])
        self.assertEqual(self.get_events(person), ["basis_changed", "declared"])
        self.assertEqual(person.gdpr_consent_state, "pending")
        request = person.gdpr_subject_id.request_ids
        self.assertEqual((request.kind, request.state), ("confirmation", "queued"))
        without_email = self.load([{"name": "No address", **self.proof, "gdpr_import_source": "import"}])
        self.assertIn("no e-mail address", without_email.gdpr_import_problem)

    def test_without_confirmation(self):
        self.env.company.write(
            {"gdpr_confirm_import": False, "gdpr_confirm_exemption_reason": "Confirmed in the system before"}
        )
        person = self.load([self.make_row(**self.proof | {"gdpr_import_source": "import"})])
        self.assertEqual(person.gdpr_consent_state, "obtained")
        event = person.gdpr_event_ids.filtered(lambda event: event.action == "given")
        self.assertEqual(event._get_value("exemption"), "Confirmed in the system before")

    def test_known_person(self):
        """A no that is younger, an objection and another basis stand."""
        people = self.make_people(4, gdpr_legal_basis="consent")
        people[0].gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        people[0].gdpr_withdraw_consent()
        people[1].gdpr_record_objection()
        people[2].gdpr_legal_basis = "contract"
        people[3].gdpr_record_consent("marketing", "email", "phone", evidence="Call 8")
        rows = [{".id": str(person.id), **self.proof} for person in people]
        self.load(rows)
        states = people.mapped("gdpr_consent_state")
        self.assertEqual(states, ["withdrawn", "pending", "not_applicable", "obtained"])
        self.assertTrue(people[1].gdpr_objected)
        for person, reason in zip(people[:3], ("has said no", "objected to any marketing", "“Contract”"), strict=True):
            self.assertIn(reason, person.gdpr_event_ids[0]._get_value("reason"))
        # What is on record is younger.
        self.assertEqual(self.get_events(people[3]), ["basis_changed", "given"])
        self.assertLedgerSound()

    def test_channel_taken_back(self):
        """A channel that was taken back after the date isn't brought back."""
        person = self.make_people(1, gdpr_legal_basis="consent")
        now = fields.Datetime.now()
        person.gdpr_record_consent(
            "marketing", ["email", "phone"], "phone", evidence="Call 7", given_on=now - timedelta(days=9)
        )
        person.gdpr_subject_id._record_channels_withdrawal({self.marketing.id: {"phone"}}, source="phone")
        self.load([{".id": str(person.id), **self.proof}])
        self.assertEqual(person.gdpr_channel_ids, self.email_channel)
        self.assertIn("has taken phone back", person.gdpr_import_problem)
        with self.assertRaisesRegex(ValidationError, "has taken Phone back"):
            person.gdpr_record_consent(
                "marketing", ["email", "phone"], "phone", evidence="Call 7", given_on=self.yesterday
            )
        self.load([{".id": str(person.id), **self.proof | {"gdpr_import_channels": "email"}}])
        self.assertEqual(fields.Datetime.to_string(person.gdpr_consent_on), self.yesterday)
        self.assertFalse(person.gdpr_import_problem)
        self.assertLedgerSound()

    def test_consent_after_an_objection(self):
        """Nobody but the person takes an objection back, and a list isn't the person."""
        person = self.make_people(1, gdpr_legal_basis="consent")
        with freeze_time(fields.Datetime.now() - timedelta(days=9)):
            person.gdpr_record_objection()
        self.load([{".id": str(person.id), **self.proof}])
        self.assertEqual((person.gdpr_consent_state, person.gdpr_objected), ("pending", True))
        self.assertIn("nobody else can take that back", person.gdpr_import_problem)

    def test_several_rows_of_a_person(self):
        """A list may have a row for each channel or purpose, in any order."""
        self.form.purpose_ids += self.profiling
        self.form.action_publish()
        self.backdate_wordings()
        people = self.make_people(2, gdpr_legal_basis="consent")
        older = fields.Datetime.to_string(fields.Datetime.now() - timedelta(days=5))
        for person, source in zip(people, ("phone", "import"), strict=True):
            rows = [
                {".id": str(person.id), **self.proof | {"gdpr_import_source": source} | case}
                for case in (
                    {"gdpr_import_channels": "email"},
                    {"gdpr_import_channels": "phone", "gdpr_import_evidence": "Card 12"},
                    {"gdpr_import_purposes": "profiling", "gdpr_import_channels": ""},
                    {"gdpr_import_purposes": "profiling", "gdpr_import_given_on": older, "gdpr_import_channels": ""},
                )
            ]
            self.load(rows[:3] if source == "import" else rows)
            count = len(person.gdpr_event_ids)
            self.load(rows[:3] if source == "import" else rows)
            self.assertEqual(len(person.gdpr_event_ids), count)
        self.assertEqual(people[0].gdpr_purpose_ids, self.marketing + self.profiling)
        self.assertEqual(set(people[0].gdpr_channel_ids.mapped("code")), {"email", "phone"})
        self.assertEqual(fields.Datetime.to_string(people[0].gdpr_consent_on), self.yesterday)
        details = "\n".join(people[0].gdpr_event_ids.mapped("details"))
        for evidence in ("Call 4711", "Card 12"):
            self.assertIn(evidence, details)
        request = people[1].gdpr_subject_id.request_ids
        self.assertEqual(len(request), 1)
        self.assertEqual(set(request._get_declared_choices()), {self.marketing.id, self.profiling.id})
        self.assertEqual(request._get_declared_choices()[self.marketing.id], ["email", "phone"])
        self.assertLedgerSound()

    def test_another_company(self):
        """A file can't give consent to those of another company, nor by its form."""
        other = self.env["res.company"].create({"name": "Another company"})
        person = self.make_people(1, gdpr_legal_basis="consent", company_id=other.id)
        model = self.env["res.partner"].with_user(self.officer).with_context(import_file=True)
        result = model.load([".id", *self.proof], [[str(person.id), *self.proof.values()]])
        self.assertFalse(result["ids"])
        self.assertEqual(result["messages"][0]["type"], "error")
        self.assertEqual(self.get_events(person), ["basis_changed"])
        # Who works for both sees that the form is of the first.
        self.officer.company_ids += other
        both = model.with_context(allowed_company_ids=[self.env.company.id, other.id])
        result = both.load([".id", *self.proof], [[str(person.id), *self.proof.values()]])
        self.assertEqual(result["messages"], [])
        self.assertEqual(self.get_events(person), ["basis_changed", "unproven"])
        self.assertIn("No published form", person.gdpr_event_ids[0]._get_value("reason"))

    def test_problem_is_seen(self):
        """Whatever the state: on the tab and by the filter, until somebody settles it."""
        Partner = self.env["res.partner"]
        people = self.make_people(4, gdpr_legal_basis="contract")
        people[1:].gdpr_set_legal_basis("consent")
        people[2:].gdpr_record_consent("marketing", "email", "phone", evidence="Call 7")
        people[3].gdpr_withdraw_consent()
        rows = [{".id": str(person.id), **self.proof | {"gdpr_import_evidence": ""}} for person in people]
        self.load(rows)
        for person in people:
            self.assertIn("There is no evidence", person.gdpr_import_problem)
        found = Partner.with_user(self.salesperson).search([("gdpr_import_problem", "!=", False)])
        self.assertEqual(found & people, people)
        people[0].gdpr_legal_basis = "legal_obligation"
        people[1].gdpr_record_consent("marketing", "email", "phone", evidence="Call 8")
        people[2].gdpr_withdraw_consent()
        people[3].gdpr_record_objection()
        self.load(rows[:2])
        self.assertEqual(people.mapped("gdpr_import_problem")[1:], [False] * 3)
        found = Partner.search([("gdpr_import_problem", "!=", False)])
        self.assertEqual(found & people, people[0])
        for model in ("res.partner", "crm.lead"):
            for arch in (self.env[model].get_view(view_type="search")["arch"],):
                self.assertIn("Imported Without Proof", arch)
            tab = self.env.ref("gdpr_consent.gdpr_subject_mixin_view_form_person")
            self.assertIn("gdpr_import_problem", self.env[model].get_view(tab.id)["arch"])

    def test_salesperson(self):
        """Who may record a consent may import one, but sets no basis by it."""
        person = self.make_people(1, gdpr_legal_basis="consent")
        self.load([{".id": str(person.id), **self.proof}], user=self.salesperson)
        self.assertEqual(person.gdpr_consent_state, "obtained")
        other = self.load([self.make_row(**self.proof)], user=self.salesperson)
        self.assertEqual(other.gdpr_legal_basis, "not_applicable")
        self.assertIn("Not applicable", other.gdpr_event_ids[0]._get_value("reason"))

    def test_leads(self):
        lead = self.load(
            [{"name": "Inquiry", "contact_name": "Carla", "email_from": "carla@example.com", **self.proof}],
            model="crm.lead",
        )
        self.assertEqual(lead.gdpr_consent_state, "obtained")

    def test_without_an_import(self):
        """The columns work for scripts too, and hold nothing themselves."""
        person = self.env["res.partner"].create({**self.make_row(), **self.proof, "gdpr_legal_basis": "consent"})
        self.assertEqual(person.gdpr_consent_state, "obtained")
        self.env.invalidate_all()
        self.assertFalse(person.gdpr_import_purposes)
        self.partner.write(dict(self.proof))
        self.assertEqual(self.partner.gdpr_consent_state, "obtained")

    def test_queries(self):
        """A thousand rows, all different, take about as many queries as ten."""
        counts = {}
        for size in (10, 10, 100, 1000):
            for case in ({}, {"gdpr_import_evidence": ""}):
                rows = [
                    self.make_row(f"{size}-{number}", gdpr_legal_basis="consent", **self.proof | case)
                    for number in range(size)
                ]
                for number, row in enumerate(rows):
                    row["gdpr_import_evidence"] = row["gdpr_import_evidence"] and f"Call {number}"
                plain = [{"name": row["name"], "email": row["email"]} for row in rows]
                base = self.count_queries(self.load, plain)
                counts.setdefault(bool(case), {})[size] = self.count_queries(self.load, rows) - base
        for ten, hundred, thousand in (by_size.values() for by_size in counts.values()):
            self.assertLessEqual(hundred, ten + 5)
            self.assertLessEqual(thousand, ten + 50)

    def test_update_queries(self):
        """Rows of known records take only the queries that Odoo's own writing takes."""
        people = self.make_people(200, gdpr_legal_basis="consent")
        plain = [{".id": str(person.id), "function": "Buyer"} for person in people]
        rows = [{".id": str(person.id), "function": "Seller", **self.proof} for person in people]
        base = self.count_queries(self.load, plain)
        self.assertLessEqual(self.count_queries(self.load, rows), base + 100)
        self.assertEqual(set(people.mapped("gdpr_consent_state")), {"obtained"})
        # Those who have answered already, too.
        people.gdpr_withdraw_consent()
        later = fields.Datetime.to_string(fields.Datetime.now())
        rows = [row | {"gdpr_import_given_on": later} for row in rows]
        self.assertLessEqual(self.count_queries(self.load, rows), base + 100)
        self.assertEqual(set(people.mapped("gdpr_consent_state")), {"obtained"})


@tagged("post_install", "-at_install")
class TestImportScreen(ImportCase):
    """Odoo's own import, with the file of the guides."""

    def start(self, content, user=None):
        wizard = self.env["base_import.import"].with_user(user or self.officer)
        return wizard.create(
            {"res_model": "res.partner", "file": content, "file_name": "contacts.csv", "file_type": "text/csv"}
        )

    def run_import(self, content, dryrun=False):
        wizard = self.start(content)
        options = {"quoting": '"', "separator": ",", "has_headers": True, "date_format": "%Y-%m-%d"}
        preview = wizard.parse_preview(dict(options))
        self.assertNotIn("error", preview)
        columns = preview["headers"]
        names = [(preview["matches"].get(index) or [False])[0] for index in range(len(columns))]
        self.assertNotIn(False, names, columns)
        options |= {"skip": 0, "limit": 2000}
        return wizard.execute_import(names, columns, options, dryrun=dryrun)

    @freeze_time("2026-11-02 10:00:00")
    def test_template(self):
        content = TEMPLATE.read_bytes()
        rows = list(csv.DictReader(io.StringIO(content.decode())))
        result = self.run_import(content, dryrun=True)
        warnings = [message["message"] for message in result["messages"]]
        self.assertEqual({message["type"] for message in result["messages"]}, {"warning"})
        self.assertTrue(warnings)
        self.assertFalse(self.env["res.partner"].search([("name", "=", rows[0]["Name"])]))
        result = self.run_import(content)
        self.assertEqual([message["message"] for message in result["messages"]], warnings)
        people = self.env["res.partner"].browse(result["ids"])
        self.assertEqual(people.mapped("name"), [row["Name"] for row in rows])
        states = dict(zip(people.mapped("name"), people.mapped("gdpr_consent_state"), strict=True))
        self.assertEqual(
            states,
            {
                "Anna Verdi": "obtained",
                "Bruno Gallo": "obtained",
                "Carla Fontana": "pending",
                "Dario Riva": "pending",
                "Elena Costa": "not_applicable",
                "Fabio Serra": "not_applicable",
            },
        )
        by_name = {person.name: person for person in people}
        self.assertEqual(by_name["Carla Fontana"].gdpr_subject_id.request_ids.kind, "confirmation")
        self.assertIn("There is no date", by_name["Dario Riva"].gdpr_import_problem)
        self.assertEqual(len(warnings), 1)
        self.assertEqual(people.mapped("gdpr_legal_basis"), ["consent"] * 4 + ["contract", "legitimate_interests"])
        for name in ("Anna Verdi", "Bruno Gallo"):
            words = next(row["Consent: Words"] for row in rows if row["Name"] == name)
            self.assertIn(words, by_name[name].gdpr_event_ids.version_id.preview)
        events = self.env["gdpr.consent.event"].search_count([])
        again = self.run_import(content)
        self.assertEqual((again["ids"], again["messages"]), (people.ids, result["messages"]))
        self.assertEqual(self.env["gdpr.consent.event"].search_count([]), events)
        self.assertLedgerSound()

    @freeze_time("2026-11-02 10:00:00")
    def test_test(self):
        """Odoo's button Test says it row by row, and leaves nothing behind."""
        counts = [("res.partner", []), ("gdpr.subject", []), ("gdpr.consent.event", []), ("mail.mail", [])]
        before = [self.env[model].search_count(domain) for model, domain in counts]
        with self.mock_mail_gateway():
            result = self.run_import(TEMPLATE.read_bytes(), dryrun=True)
        self.assertEqual([self.env[model].search_count(domain) for model, domain in counts], before)
        [message] = result["messages"]
        self.assertEqual(message["rows"], {"from": 3, "to": 3})
        self.assertEqual(message["message"], "Row 4 (Dario Riva): There is no date.")
        self.assertEqual(message["field"], "gdpr_import_purposes")

    def test_no_role(self):
        """Who isn't allowed is told so, and nothing is imported."""
        for user, message in ((self.salesperson, "You need the role"), (self.employee, "do not have enough rights")):
            wizard = self.start(b"Name,Legal Basis,Consent: Purposes\nAnna,Consent,marketing\n", user)
            columns = ["Name", "Legal Basis", "Consent: Purposes"]
            names = ["name", "gdpr_legal_basis", "gdpr_import_purposes"]
            options = {"quoting": '"', "separator": ",", "has_headers": True}
            with self.subTest(user=user.login):
                result = wizard.execute_import(names, columns, options)
                self.assertFalse(result.get("ids"))
                self.assertIn(message, result["messages"][0]["message"])
                self.assertFalse(self.env["res.partner"].search([("name", "=", "Anna")]))

    def test_fields_of_the_screen(self):
        names = {field["string"] for field in self.env["base_import.import"].get_fields_tree("res.partner")}
        for label in ("Purposes", "Channels", "Collected By", "Given On", "Wording", "Evidence"):
            self.assertIn(f"Consent: {label}", names)
