import json
from datetime import timedelta

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from ..models.gdpr_oca_migration import OUTCOMES
from .oca_common import BODY, METADATA, TABLES
from .test_life_cycle import LifeCycleCase


class OcaCase(LifeCycleCase):
    """A database in which OCA's add-ons were used once; without their foreign keys, so that a contact can be gone."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.cr.execute(TABLES)
        cls.company = cls.env.company
        cls.company.gdpr_cooldown_months = 6
        cls.company.gdpr_waiting_days = 30
        cls.migration = cls.env["gdpr.oca.migration"]
        cls.now = fields.Datetime.now()
        cls.news = cls.make_activity("News of the shop", "<p>We tell you what is <b>new</b>.</p>")
        cls.people = cls.env["res.partner"].create(
            [{"name": f"Person {n}", "email": f"person{n}@example.com"} for n in range(8)]
        )

    @classmethod
    def make_activity(cls, name, description="", **values):
        columns = {
            "name": json.dumps({"en_US": name, "it_IT": f"{name} (it)"}),
            "description": json.dumps({"en_US": description}) if description else None,
            "controller_id": cls.company.partner_id.id,
            "active": True,
            "consent_required": "auto",
            **values,
        }
        return cls.insert("privacy_activity", columns)

    @classmethod
    def insert(cls, table, columns):
        names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))
        cls.env.cr.execute(f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING id", list(columns.values()))
        return cls.env.cr.fetchone()[0]

    @classmethod
    def make_consent(cls, partner, state="answered", accepted=True, days=10, mail=True, metadata=True, **values):
        """Make a row whose message left so many days ago, answered two days later."""
        sent_on = cls.now - timedelta(days=days)
        answered_on = sent_on + timedelta(days=2)
        columns = {
            "partner_id": getattr(partner, "id", partner),
            "activity_id": cls.news,
            "state": state,
            "accepted": accepted,
            "last_metadata": METADATA.format(answered_on) if metadata and state == "answered" else None,
            "active": True,
            "create_date": sent_on,
            "write_date": answered_on if state == "answered" else sent_on,
            **values,
        }
        row_id = cls.insert("privacy_consent", columns)
        if mail:
            cls.make_message(row_id, sent_on)
        return row_id

    @classmethod
    def make_message(cls, row_id, sent_on, body=BODY):
        """Make a message of a model that isn't there any more, which the ORM refuses."""
        columns = {
            "model": "privacy.consent",
            "res_id": row_id,
            "date": sent_on,
            "subject": "Data processing consent request",
            "message_type": "email_outgoing",
            "body": body,
        }
        return cls.insert("mail_message", columns)

    def migrate(self, **options):
        """Bring everything over; give the outcomes by id of the row."""
        last_id, outcomes = 0, {}
        while last_id is not None:
            last_id, settled, self.activities = self.migration._migrate_next(last_id, **options)
            outcomes |= {one.row.id: one.outcome for one in settled}
        self.env.flush_all()
        self.env.invalidate_all()
        return outcomes

    def read_marks(self):
        self.env.cr.execute("SELECT id, gdpr_outcome FROM privacy_consent WHERE gdpr_outcome IS NOT NULL")
        return dict(self.env.cr.fetchall())

    def get_event(self, partner, action):
        events = partner.gdpr_event_ids.filtered(lambda event: event.action == action)
        self.assertEqual(len(events), 1, partner.gdpr_event_ids.mapped("action"))
        return events


@tagged("post_install", "-at_install")
class TestOcaMigration(OcaCase):
    def test_mail_filter(self):
        """One that opens all links says no and yes in one go: that proves nothing."""
        filtered, changed = (self.make_consent(person) for person in self.people[:2])
        answered_on = self.now - timedelta(days=8)
        for row_id, before in ((filtered, timedelta(seconds=2)), (changed, timedelta(hours=2))):
            for moment, answer in ((answered_on - before, 0), (answered_on, 1)):
                message_id = self.make_message(row_id, moment, body="")
                common = {"mail_message_id": message_id, "field_info": "{}"}
                self.insert("mail_tracking_value", {**common, "new_value_integer": answer})
                self.insert("mail_tracking_value", {**common, "new_value_text": METADATA.format(moment)})
        self.assertEqual(self.migrate(), {filtered: "unproven", changed: "given"})
        self.assertIn("less than a minute", self.people[0].gdpr_import_problem)

    def test_address_of_who_answered(self):
        """It isn't kept."""
        metadata = METADATA.replace("None", "203.0.113.7").format(self.now - timedelta(days=8))
        self.make_consent(self.people[0], last_metadata=metadata)
        self.migrate()
        evidence = self.get_event(self.people[0], "given")._get_value("evidence")
        self.assertIn("Mozilla", evidence)
        self.assertNotIn("203.0.113.7", evidence)

    def test_mix(self):
        """Each kind of row becomes what it is, once, whatever the size of the batches."""
        people = self.people
        expected = {
            self.make_consent(people[0]): ("given", "obtained"),
            self.make_consent(people[1], mail=False): ("unproven", "pending"),
            self.make_consent(people[2], metadata=False): ("unproven", "pending"),
            self.make_consent(people[3], accepted=False): ("refused", "refused"),
            self.make_consent(people[4], state="sent", accepted=False): ("asked", "waiting"),
            self.make_consent(people[5], state="sent", accepted=True, days=60): ("asked", "no_response"),
            self.make_consent(people[6], state="draft", accepted=False, mail=False): ("pending", "pending"),
            self.make_consent(people[7], state="draft", active=False): ("archived", "not_applicable"),
            self.make_consent(2_000_000_000): ("no_contact", None),
        }
        self.assertEqual(set(OUTCOMES) - {outcome for outcome, _state in expected.values()}, {
            "known", "other_basis", "no_activity",
        })  # fmt: skip
        outcomes = self.migrate(limit=2)
        self.assertEqual(outcomes, {row_id: outcome for row_id, (outcome, _state) in expected.items()})
        states = [state for _outcome, state in expected.values() if state]
        self.assertEqual(people.mapped("gdpr_consent_state"), states)
        self.assertEqual(self.read_marks(), outcomes)
        self.assertLedgerSound()
        events = self.env["gdpr.consent.event"].search_count([])
        self.assertEqual(self.migrate(), {})
        self.assertEqual(self.env["gdpr.consent.event"].search_count([]), events)
        self.assertEqual(self.migration._count_done(), len(expected))

    def test_proven(self):
        """The words sent, the date and what was recorded with the answer are kept with the event."""
        row_id = self.make_consent(self.people[0])
        self.migrate()
        person, purpose = self.people[0], self.activities[0].purpose
        event = self.get_event(person, "given")
        self.assertEqual(event.occurred_on, self.now - timedelta(days=8))
        self.assertEqual((event.source, event.actor, event.user_id.id), ("import", "system", False))
        evidence = event._get_value("evidence")
        for words in (f"privacy_consent {row_id}: accepted", "User agent: Mozilla", "explicit consent", "SHA-256"):
            self.assertIn(words, evidence)
        self.assertIn("personal link", event._get_value("exemption"))
        self.assertEqual(person.gdpr_purpose_ids, purpose)
        self.assertEqual(person.gdpr_channel_ids, self.email_channel)
        self.assertTrue(person.gdpr_may_contact(purpose, self.email_channel)[person.id]["allowed"])
        self.assertFalse(person.gdpr_may_contact(purpose, self.phone_channel)[person.id]["allowed"])
        pack = person.gdpr_subject_id._get_evidence()
        self.assertIn(event, pack["events"])
        self.assertEqual(len(person.gdpr_subject_id._get_consent_records(pack["events"])), 1)

    def test_wording(self):
        """The words say that they are reconstructed, and nothing that the people never read."""
        self.make_consent(self.people[0])
        self.migrate()
        activity = self.activities[0]
        self.assertEqual((activity.purpose.name, activity.purpose.description), (
            "News of the shop", "We tell you what is *new*.",
        ))  # fmt: skip
        self.assertFalse(activity.form.active)
        version = self.get_event(self.people[0], "given").version_id
        self.assertEqual(version.form_id, activity.form)
        content = version._get_content()
        self.assertIn("Reconstructed on", content["introduction"])
        self.assertIn("<b>new</b>", content["privacy_text"])
        self.assertEqual((content["withdrawal"], content["purposes"][0]["statements"]), ("", []))
        self.assertIn("Reconstructed on", version.preview)
        self.assertEqual(self.env["gdpr.consent.form.version"]._find_wording_faults(), [])

    def test_unproven(self):
        """It doesn't count; the history says what was stated, and the card why."""
        self.make_consent(self.people[0], mail=False)
        self.make_consent(self.people[1], active=False)
        self.make_consent(self.people[2], days=3 * 365)
        person = self.people[3]
        person.gdpr_legal_basis = "contract"
        self.make_consent(person)
        self.migrate()
        self.assertEqual(set(self.read_marks().values()), {"unproven"})
        self.assertIn("No message", self.people[0].gdpr_import_problem)
        self.assertIn("archived", self.people[1].gdpr_import_problem)
        self.assertIn("lapsed", self.people[2].gdpr_import_problem)
        event = self.get_event(person, "unproven")
        self.assertIn("Contract", event._get_value("reason"))
        self.assertIn("Mozilla", event._get_value("stated"))
        self.assertEqual(person.gdpr_legal_basis, "contract")
        self.assertFalse(self.people.gdpr_purpose_ids)

    def test_message_after_answer(self):
        """A message that left after the answer isn't what was answered, nor is a reply that quotes one."""
        row_id = self.make_consent(self.people[0], mail=False)
        for days, body in ((1, BODY), (9, f'<a href="/privacy/consent/accept/{row_id}/0a1b">Accept</a>')):
            self.make_message(row_id, self.now - timedelta(days=days), body)
        self.assertEqual(self.migrate(), {row_id: "unproven"})

    def test_refusal_always_counts(self):
        """Also without a date, archived, and whatever the legal basis."""
        self.people[1].gdpr_legal_basis = "contract"
        self.make_consent(self.people[0], accepted=False, metadata=False, mail=False)
        self.make_consent(self.people[1], accepted=False, active=False)
        self.migrate()
        for person in self.people[:2]:
            self.assertEqual(self.get_event(person, "refused").occurred_on, self.now - timedelta(days=8))
        self.assertEqual(self.people[0].gdpr_consent_state, "refused")
        purpose = self.activities[0].purpose
        verdicts = self.people[:2].gdpr_may_contact(purpose, self.email_channel).values()
        self.assertEqual({verdict["reason"] for verdict in verdicts}, {"refused"})

    def test_asked_is_not_asked_again(self):
        """A campaign leaves them out until the cool-down is over, and nobody is reminded."""
        self.company.gdpr_reminder_count = 3
        lately, long_ago = self.people[:2]
        self.make_consent(lately, state="sent", accepted=False, days=40)
        self.make_consent(long_ago, state="sent", accepted=True, days=300)
        self.migrate()
        self.assertEqual(lately.gdpr_requested_on, self.now - timedelta(days=40))
        event = self.get_event(long_ago, "asked")
        self.assertIn("It isn't.", event._get_value("evidence"))
        self.assertFalse(self.env["gdpr.subject"]._find_to_remind())
        campaign = self.env["gdpr.consent.campaign"].create(
            {"model": "res.partner", "domain": repr([("id", "in", (lately | long_ago).ids)])}
        )
        campaign.action_check()
        self.assertEqual(campaign.to_ask_count, 1)
        excluded = self.env["gdpr.consent.campaign.exclusion"].search([("campaign_id", "=", campaign.id)])
        self.assertEqual((excluded.res_id, excluded.reason), (lately.id, "already_asked"))
        self.run_job(months=5)
        campaign.action_check()
        self.assertEqual(campaign.to_ask_count, 2)

    def test_newer_answer_stands(self):
        """What is on record since comes before what is brought over."""
        marketing = {self.news: "marketing"}
        for person in self.people[:3]:
            person.gdpr_legal_basis = "consent"
            person.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 7")
        self.people[1].gdpr_withdraw_consent()
        row_ids = [
            self.make_consent(self.people[0], accepted=False),
            self.make_consent(self.people[1]),
            self.make_consent(self.people[2], state="sent"),
        ]
        self.assertEqual(self.migrate(purpose_codes=marketing), dict.fromkeys(row_ids, "known"))
        self.assertEqual(self.people[:3].mapped("gdpr_consent_state"), ["obtained", "withdrawn", "obtained"])

    def test_order_in_time(self):
        """The history of a person follows the dates, not the numbers of the rows."""
        person = self.people[0]
        other = self.make_activity("Offers")
        self.make_consent(person, accepted=False, days=20)
        self.make_consent(person, state="sent", days=70, activity_id=other)
        self.migrate()
        self.assertEqual(
            person.gdpr_event_ids.sorted("sequence").mapped("action"),
            ["basis_changed", "asked", "no_response", "refused"],
        )
        self.assertEqual(person.gdpr_consent_state, "refused")

    def test_not_covered(self):
        self.env.ref("gdpr_consent.scope_contact").active = False
        row_ids = [
            self.make_consent(self.people[0], state="draft"),
            self.make_consent(self.people[1], state="sent"),
        ]
        self.assertEqual(self.migrate(), dict.fromkeys(row_ids, "other_basis"))
        self.assertFalse(self.people.gdpr_subject_id)

    def test_activity_gone(self):
        row_id = self.make_consent(self.people[0], activity_id=2_000_000_000)
        self.assertEqual(self.migrate(), {row_id: "no_activity"})

    def test_purposes(self):
        """A purpose that is named is taken as it is; else one is made, in use as the activity was."""
        archived = self.make_activity("Offers", active=False)
        self.make_consent(self.people[0])
        self.make_consent(self.people[0], activity_id=archived)
        with self.assertRaisesRegex(UserError, "no purpose"):
            self.migrate(purpose_codes={self.news: "nonsense"})
        with self.assertRaisesRegex(UserError, "No consents belong"):
            self.migrate(purpose_codes={2_000_000_000: "marketing"})
        self.migrate(purpose_codes={self.news: "marketing"})
        made = self.activities[1].purpose
        self.assertEqual(self.activities[0].purpose, self.marketing)
        self.assertEqual((made.code, made.active, made.legal_basis), (f"oca_activity_{archived}", False, "consent"))
        self.assertEqual(self.people[0].with_context(active_test=False).gdpr_purpose_ids, self.marketing | made)
        with self.assertRaisesRegex(UserError, "already"):
            self.migrate(purpose_codes={self.news: "profiling"})

    def test_other_controller(self):
        """What is processed for somebody who isn't a company here waits until the operator says whose it is."""
        foreign = self.make_activity("For a customer", controller_id=self.people[7].id)
        row_id = self.make_consent(self.people[0], activity_id=foreign)
        self.assertEqual(self.migrate(), {})
        self.assertFalse(self.activities[0].form)
        company = self.env["res.company"].create({"name": "Another company"})
        self.assertEqual(self.migrate(company=company), {row_id: "given"})
        self.assertEqual(self.get_event(self.people[0], "given").company_id, company)

    def test_plain_texts(self):
        """Before Odoo 16 the texts weren't kept by language."""
        self.env.cr.execute("ALTER TABLE privacy_activity ALTER name TYPE varchar USING name->>'en_US'")
        self.env.cr.execute("ALTER TABLE privacy_activity ALTER description TYPE text USING description->>'en_US'")
        self.make_consent(self.people[0])
        self.migrate()
        self.assertEqual(self.activities[0].purpose.name, "News of the shop")
        self.assertEqual(self.activities[0].purpose.description, "We tell you what is *new*.")

    def test_queries(self):
        """The number of queries doesn't depend on that of the contacts."""
        people = self.env["res.partner"].create(
            [{"name": f"Person {n}", "email": f"many{n}@example.com"} for n in range(120)]
        )
        for number, person in enumerate(people):
            state = "sent" if number % 4 == 3 else "answered"
            self.make_consent(person, state=state, accepted=number % 4 != 2, mail=number % 4 != 1)
        last_id = self.migration._migrate_next(limit=4)[0]
        counts = []
        for limit in (8, 80):
            step = self.migration._migrate_next
            counts.append(self.count_queries(step, last_id, limit=limit))
            last_id = people.ids[people.ids.index(last_id) + limit]
        self.assertLess(counts[1] - counts[0], 10, counts)

    def test_nothing_there(self):
        self.env.cr.execute("DROP TABLE privacy_consent")
        with self.assertRaisesRegex(UserError, "left nothing"):
            self.migrate()
