import os
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from tempfile import NamedTemporaryFile
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2 import IntegrityError

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.service.model import call_kw
from odoo.tests import freeze_time, tagged
from odoo.tools import SQL, config, mute_logger

from ..tools import ledger
from .common import ConsentCase

EVENTS = "gdpr_consent_event"
VALUES = "gdpr_consent_event_value"
VERSIONS = "gdpr_consent_form_version"
KEY_FILE_VARIABLE = "GDPR_CONSENT_LEDGER_KEY_FILE"


class LedgerCase(ConsentCase):
    """A person with some history."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.subject = cls.partner.gdpr_subject_id
        cls.partner.gdpr_record_consent("marketing", ["email"], "phone", note="Only news", evidence="Call 7")
        cls.partner.gdpr_withdraw_consent(source="phone", note="Enough")
        cls.partner.gdpr_set_legal_basis("contract", "Order S0042")
        cls.events = cls.subject.event_ids.sorted("sequence")

    def execute(self, query, *args):
        self.env.flush_all()
        self.env.cr.execute(SQL(query, *args))
        self.env.invalidate_all()

    def assertRefused(self, query, *args):
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaisesRegex(IntegrityError, "append-only"),
            self.env.cr.savepoint(),
        ):
            self.execute(query, *args)


@tagged("post_install", "-at_install")
class TestAppendOnly(LedgerCase):
    """Nobody edits the ledger: not through the ORM, RPC or SQL."""

    def test_orm(self):
        event, value = self.events[1], self.events[1].value_ids[0]
        for user in (self.env.user, self.salesperson, self.officer, self.manager):
            for records in (event.with_user(user), event.with_user(user).sudo()):
                with self.assertRaises(AccessError):
                    records.write({"action": "refused"})
                with self.assertRaises(AccessError):
                    records.unlink()
                with self.assertRaises(AccessError):
                    records.create({"subject_id": self.subject.id, "action": "given"})
                with self.assertRaises(AccessError):
                    records.copy()
            with self.assertRaises(AccessError):
                value.with_user(user).sudo().write({"value": "Anything"})
            if user != self.env.user:
                with self.assertRaises(AccessError):
                    value.with_user(user).unlink()
        self.assertEqual(self.get_events(self.partner), ["basis_changed", "given", "withdrawn", "basis_changed"])

    def test_rpc(self):
        for name, args in (
            ("write", [self.events.ids, {"action": "refused"}]),
            ("unlink", [self.events.ids]),
            ("create", [[{"subject_id": self.subject.id, "action": "given"}]]),
            ("copy", [self.events.ids]),
            ("web_save", [self.events.ids[:1], {"action": "refused"}, {}]),
            ("_insert_events", [[], []]),
        ):
            model = "gdpr.subject" if name == "_insert_events" else "gdpr.consent.event"
            with self.subTest(method=name), self.assertRaises(AccessError):
                call_kw(self.env[model].with_user(self.manager), name, args, {})

    def test_import(self):
        result = self.env["gdpr.consent.event"].load(["action"], [["given"]])
        self.assertFalse(result["ids"])

    def test_the_door_is_private(self):
        for name in ("_record_acts", "_record_answer", "_record_withdrawal", "_rebuild_projections", "_project"):
            with self.subTest(method=name), self.assertRaises(AccessError):
                call_kw(self.env["gdpr.subject"].with_user(self.manager), name, [[self.subject.id]], {})

    def test_sql_on_events(self):
        event_id = self.events[1].id
        self.assertRefused(f"UPDATE {EVENTS} SET action = 'refused' WHERE id = %s", event_id)
        self.assertRefused(f"UPDATE {EVENTS} SET subject_id = subject_id")
        self.assertRefused(f"DELETE FROM {EVENTS} WHERE id = %s", self.events[-1].id)
        self.assertRefused(f"TRUNCATE {EVENTS} CASCADE")

    def test_sql_on_personal_values(self):
        for column in ("value", "name", "salt"):
            self.assertRefused(f"UPDATE {VALUES} SET {column} = 'x' WHERE event_id = %s", self.events[1].id)
        self.assertRefused(f"TRUNCATE {VALUES}")

    def test_sql_on_wordings(self):
        version = self.form._get_version()
        self.assertRefused(f"UPDATE {VERSIONS} SET content = '{{}}' WHERE id = %s", version.id)
        self.assertRefused(f"DELETE FROM {VERSIONS} WHERE id = %s", version.id)
        self.assertRefused(f"TRUNCATE {VERSIONS} CASCADE")

    def test_given_needs_its_wording(self):
        version = self.form._get_version()
        act = {"subject_id": self.subject.id, "action": "given"}
        for incomplete in ({"purpose_id": self.marketing.id}, {"version_id": version.id}):
            with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError), self.env.cr.savepoint():
                self.env["gdpr.subject"]._record_acts([{**act, **incomplete}])

    def test_person_with_history_stays(self):
        with self.assertRaisesRegex(UserError, "history"):
            self.subject.unlink()
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError), self.env.cr.savepoint():
            self.execute("DELETE FROM gdpr_subject WHERE id = %s", self.subject.id)

    def test_answered_purpose_keeps_its_meaning(self):
        for values in ({"legal_basis": "legitimate_interests"}, {"code": "advertising"}):
            with self.assertRaisesRegex(UserError, "part of the proof"):
                self.marketing.write(values)
        self.marketing.name = "News"
        self.profiling.legal_basis = "contract"


@tagged("post_install", "-at_install")
class TestVerification(LedgerCase):
    """What was changed behind the add-on's back is found and named."""

    @contextmanager
    def tampering(self, table=EVENTS):
        """Let the block change a table as a database administrator could; undo it afterwards."""
        with self.env.cr.savepoint() as savepoint:
            self.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            yield
            savepoint.close(rollback=True)
        self.env.invalidate_all()

    def assertFault(self, *patterns):
        """Check that the faults found name the person, and are these."""
        faults = self.env["gdpr.subject"]._verify_ledger()
        self.assertTrue(faults)
        for fault in faults:
            self.assertIn(self.subject.reference, fault)
        for pattern in patterns:
            self.assertRegex("\n".join(faults), pattern)

    def test_sound(self):
        self.assertLedgerSound()
        self.assertEqual(self.subject._verify_ledger(), [])

    def test_chain(self):
        self.assertEqual(self.events.mapped("sequence"), [1, 2, 3, 4])
        self.assertEqual(self.events[0].previous_hash, ledger.GENESIS)
        for before, after in pairwise(self.events):
            self.assertEqual(after.previous_hash, before.hash)
        self.assertEqual(self.subject.head_hash, self.events[-1].hash)
        self.assertEqual(len(set(self.events.mapped("hash"))), 4)

    def test_altered_event(self):
        forgeries = {
            "action": "refused",
            "legal_basis": "consent",
            "channel_codes": "email,phone",
            "occurred_on": "2020-01-01",
            "recorded_on": "2020-01-01",
            "expires_on": "2099-01-01",
            "source": "email",
            "actor": "person",
            "act": "other",
        }
        for column, value in forgeries.items():
            with self.subTest(column=column), self.tampering():
                self.execute(f"UPDATE {EVENTS} SET {column} = %s WHERE id = %s", value, self.events[1].id)
                self.assertFault("event 2 was altered")

    def test_altered_reference(self):
        references = {
            "purpose_id": self.profiling.id,
            "user_id": self.manager.id,
            "version_id": self.env["gdpr.consent.form.version"]
            .sudo()
            .create(
                {
                    "form_id": self.form.id,
                    "number": 99,
                    "lang": "en_US",
                    "content": "{}",
                    "sha256": ledger.sha256("{}"),
                }
            )
            .id,
        }
        for column, value in references.items():
            with self.subTest(column=column), self.tampering():
                self.execute(f"UPDATE {EVENTS} SET {column} = %s WHERE id = %s", value, self.events[1].id)
                self.assertFault("event 2 was altered")

    def test_event_moved_to_another_person(self):
        with self.tampering():
            other = self.lead.gdpr_subject_id
            self.execute(
                f"UPDATE {EVENTS} SET subject_id = %s, sequence = 2 WHERE id = %s", other.id, self.events[-1].id
            )
            faults = "\n".join(self.env["gdpr.subject"]._verify_ledger())
            self.assertIn(f"{self.subject.reference}: the end of the history", faults)
            self.assertIn(f"{other.reference}: event 2", faults)

    def test_altered_hash(self):
        with self.tampering():
            self.execute(f"UPDATE {EVENTS} SET hash = %s WHERE id = %s", "f" * 64, self.events[1].id)
            self.assertFault("event 2 was altered", "event 3 doesn't follow")

    def test_hash_computed_without_the_key(self):
        with self.tampering():
            forged = ledger.chain_hash(b"guessed", self.events[2].hash, {"action": "given"})
            self.execute(f"UPDATE {EVENTS} SET hash = %s WHERE id = %s", forged, self.events[3].id)
            self.execute("UPDATE gdpr_subject SET head_hash = %s WHERE id = %s", forged, self.subject.id)
            self.assertFault("event 4 was altered")

    def test_deleted_event(self):
        with self.tampering():
            self.execute("DELETE FROM gdpr_consent WHERE subject_id = %s", self.subject.id)
            self.execute(f"DELETE FROM {EVENTS} WHERE id = %s", self.events[2].id)
            self.assertFault("event 3 is missing")

    def test_deleted_and_renumbered(self):
        with self.tampering():
            self.execute("DELETE FROM gdpr_consent WHERE subject_id = %s", self.subject.id)
            self.execute(f"DELETE FROM {EVENTS} WHERE id = %s", self.events[2].id)
            self.execute(f"UPDATE {EVENTS} SET sequence = 3 WHERE id = %s", self.events[3].id)
            self.assertFault("event 3 doesn't follow", "event 3 was altered")

    def test_cut_event(self):
        with self.tampering():
            self.execute(f"DELETE FROM {EVENTS} WHERE id = %s", self.events[-1].id)
            self.assertFault("the end of the history is missing")

    def test_whole_history_cut(self):
        with self.tampering():
            self.execute("DELETE FROM gdpr_consent WHERE subject_id = %s", self.subject.id)
            self.execute(f"DELETE FROM {EVENTS} WHERE subject_id = %s", self.subject.id)
            self.assertFault("the end of the history is missing")

    def test_reordered_events(self):
        with self.tampering():
            second, third = self.events[1].id, self.events[2].id
            for event_id, place in ((second, 99), (third, 2), (second, 3)):
                self.execute(f"UPDATE {EVENTS} SET sequence = %s WHERE id = %s", place, event_id)
            self.assertFault("event 2 was altered", "event 3 was altered")

    def test_inserted_event(self):
        columns = (
            "subject_id, sequence, action, act, purpose_id, version_id, occurred_on, recorded_on, actor, commitments,"
            " previous_hash, hash"
        )
        with self.env.cr.savepoint() as savepoint:
            self.execute(
                f"INSERT INTO {EVENTS} ({columns}) VALUES"
                " (%s, 5, 'given', 'forged', %s, %s, now(), now(), 'person', '{}', %s, %s)",
                self.subject.id,
                self.marketing.id,
                self.form._get_version().id,
                self.events[-1].hash,
                "0" * 64,
            )
            self.assertFault("event 5 was altered", "the end of the history")
            savepoint.close(rollback=True)

    def test_altered_personal_value(self):
        with self.tampering(VALUES):
            self.execute(
                f"UPDATE {VALUES} SET value = 'Call 8' WHERE event_id = %s AND name = 'evidence'", self.events[1].id
            )
            self.assertFault("the value “evidence” of event 2 was altered")

    def test_added_personal_value(self):
        with self.env.cr.savepoint() as savepoint:
            self.execute(
                f"INSERT INTO {VALUES} (event_id, name, value, salt) VALUES (%s, 'email', 'a@example.com', 'x')",
                self.events[0].id,
            )
            self.assertFault("the value “email” of event 1 was altered")
            savepoint.close(rollback=True)

    def test_altered_commitment(self):
        with self.tampering():
            self.execute(f"UPDATE {EVENTS} SET commitments = '{{}}' WHERE id = %s", self.events[1].id)
            self.assertFault("event 2 was altered")

    def test_one_person_only(self):
        with self.tampering():
            self.execute(f"UPDATE {EVENTS} SET source = 'email' WHERE id = %s", self.events[1].id)
            self.assertTrue(self.subject._verify_ledger())
            self.assertEqual(self.lead.gdpr_subject_id._verify_ledger(), [])

    def test_button(self):
        officer = self.env["gdpr.subject"].with_user(self.officer)
        self.assertEqual(officer.action_verify_ledger()["params"]["type"], "success")
        with self.tampering():
            self.execute(f"UPDATE {EVENTS} SET source = 'email' WHERE id = %s", self.events[1].id)
            result = officer.action_verify_ledger()["params"]
            self.assertEqual(result["type"], "danger")
            self.assertIn("event 2 was altered", result["message"])
        with self.assertRaises(AccessError):
            self.env["gdpr.subject"].with_user(self.salesperson).action_verify_ledger()

    def test_erased_values_leave_it_sound(self):
        values = self.events.value_ids
        self.assertEqual(set(values.mapped("name")), {"note", "evidence", "reason"})
        for value in values:
            self.assertNotIn(value.value, str(value.event_id.sudo().read()[0]["commitments"]))
        self.subject._erase_values()
        self.assertFalse(self.partner.gdpr_consent_note or self.partner.gdpr_legal_basis_reason)
        self.assertLedgerSound()
        self.partner.gdpr_set_legal_basis("consent")
        self.assertLedgerSound()

    def test_commitments_are_salted(self):
        other = self.lead
        other.gdpr_record_consent("marketing", ["email"], "phone", note="Only news", evidence="Call 7")
        given = other.gdpr_event_ids.filtered(lambda event: event.action == "given")
        self.assertNotEqual(given.commitments["note"], self.events[1].commitments["note"])

    def test_sound_in_another_time_zone(self):
        self.env.user.tz = "Asia/Kolkata"
        self.partner.gdpr_set_legal_basis("consent")
        self.assertEqual(self.subject.with_context(tz="America/New_York")._verify_ledger(), [])

    def test_sound_after_a_copy_of_the_database(self):
        """Odoo gives a copy another ``database.secret``."""
        self.env["ir.config_parameter"].set_param("database.secret", "another one")
        self.assertLedgerSound()


@tagged("post_install", "-at_install")
class TestKey(LedgerCase):
    """The key can live outside the database."""

    @contextmanager
    def key_file(self, content):
        with NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            yield file.name

    def test_key_from_a_file(self):
        with self.key_file(b"k" * 40 + b"\n") as path, patch.dict(os.environ, {KEY_FILE_VARIABLE: path}):
            self.assertEqual(self.env["gdpr.subject"]._get_ledger_key(), b"k" * 40)
            newcomer = self.env["res.partner"].create({"name": "New", "gdpr_legal_basis": "consent"})
            self.assertEqual(newcomer.gdpr_subject_id._verify_ledger(), [])
            self.assertTrue(self.subject._verify_ledger(), "written with another key")
        self.assertTrue(newcomer.gdpr_subject_id._verify_ledger())
        self.assertEqual(self.subject._verify_ledger(), [])

    def test_key_file_from_the_configuration(self):
        options = config.options.maps[0]
        with self.key_file(b"c" * 32) as path, patch.dict(options, {"gdpr_consent_ledger_key_file": path}):
            self.assertEqual(self.env["gdpr.subject"]._get_ledger_key(), b"c" * 32)

    def test_missing_key_file(self):
        variables = {KEY_FILE_VARIABLE: "/nowhere/key"}
        with patch.dict(os.environ, variables), self.assertRaisesRegex(UserError, "can't be read"):
            self.partner.gdpr_set_legal_basis("consent")

    def test_short_key(self):
        with (
            self.key_file(b"short") as path,
            patch.dict(os.environ, {KEY_FILE_VARIABLE: path}),
            self.assertRaisesRegex(UserError, "shorter than 32"),
        ):
            self.env["gdpr.subject"]._get_ledger_key()

    def test_key_is_made_once(self):
        subjects = self.env["gdpr.subject"]
        self.env["ir.config_parameter"].set_param("gdpr_consent.ledger_key", False)
        key = subjects._get_ledger_key()
        self.assertGreaterEqual(len(key), 32)
        self.assertEqual(subjects._get_ledger_key(), key)

    def test_key_is_not_readable(self):
        for user in (self.salesperson, self.officer):
            with self.assertRaises(AccessError):
                self.env["ir.config_parameter"].with_user(user).get_param("gdpr_consent.ledger_key")


@tagged("post_install", "-at_install")
class TestFrozenWording(LedgerCase):
    """What people saw stays as they saw it."""

    def test_wording_cannot_be_changed(self):
        version = self.events[1].version_id
        for user in (self.env.user, self.manager):
            for records in (version.with_user(user), version.with_user(user).sudo()):
                with self.assertRaises(UserError):
                    records.write({"content": "{}"})
                with self.assertRaises(UserError):
                    records.unlink()
        with self.assertRaisesRegex(UserError, "can't be changed"):
            version.sudo().write({"content": "{}"})
        with self.assertRaisesRegex(UserError, "can't be removed"):
            version.sudo().unlink()

    def test_digest(self):
        version = self.events[1].version_id
        self.assertEqual(version.sha256, ledger.sha256(version.content))

    def test_later_edits_leave_it(self):
        version = self.events[1].version_id
        content = version.content
        self.form.title = "Quite another question"
        self.marketing.description = "We do something else."
        self.form.action_publish()
        self.env.invalidate_all()
        self.assertEqual(version.content, content)
        self.assertEqual(self.events[1].version_id, version)
        newest = self.form._get_version()
        self.assertEqual(newest.number, version.number + 1)
        self.assertEqual(newest._get_content()["title"], "Quite another question")
        self.assertEqual(newest._get_content()["purposes"][0]["description"], "We do something else.")

    def test_published_form_cannot_be_removed(self):
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError), self.env.cr.savepoint():
            self.form.unlink()

    def test_form_tells_of_changes(self):
        self.form.action_publish()
        self.assertFalse(self.form.has_changes)
        self.form.title = "Quite another question"
        self.form.invalidate_recordset(["has_changes"])
        self.assertTrue(self.form.has_changes)
        self.form.action_publish()
        self.form.invalidate_recordset(["has_changes"])
        self.assertFalse(self.form.has_changes)

    def test_incomplete_form_is_not_published(self):
        for values, missing in (
            ({"introduction": False}, "an introduction"),
            ({"introduction": "<p><br></p>"}, "an introduction"),
            ({"purpose_ids": [fields.Command.clear()]}, "at least one purpose"),
            ({"privacy_text": False, "notice_url": False}, "a privacy text"),
        ):
            form = self.form.copy({"name": "Draft"})
            form.write(values)
            with self.subTest(missing=missing), self.assertRaisesRegex(UserError, missing):
                form.action_publish()
            self.assertFalse(form.version_number)


@tagged("post_install", "-at_install")
class TestReplay(LedgerCase):
    """What is on record is what the events add up to."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.form.purpose_ids = cls.marketing + cls.profiling
        cls.form.action_publish()

    def test_many_acts(self):
        partner = self.partner
        partner.gdpr_set_legal_basis("consent")
        request, _grant, _preferences = self.ask(partner)
        version = request._get_version()
        request._answer(version, "save", {self.marketing.id: ["email", "sms"]}, {"note": "Fine"})
        self.assertEqual(partner.gdpr_consent_state, "obtained")
        self.assertLedgerSound()
        partner.gdpr_record_consent("profiling", [], "meeting", evidence="Minutes")
        partner.gdpr_withdraw_consent("marketing", source="paper")
        self.assertEqual(partner.gdpr_purpose_ids, self.profiling)
        self.assertLedgerSound()
        self.env["gdpr.subject"]._record_acts([{"subject_id": self.subject.id, "action": "restricted"}])
        self.assertTrue(partner.gdpr_restricted)
        self.lead.gdpr_record_consent("marketing", ["phone"], "phone", evidence="Call 9")
        self.assertLedgerSound()
        self.env["gdpr.subject"]._record_acts([{"subject_id": self.subject.id, "action": "unrestricted"}])
        partner.gdpr_set_legal_basis("not_applicable")
        partner.gdpr_set_legal_basis("consent")
        self.assertEqual(partner.gdpr_consent_state, "obtained")
        self.assertLedgerSound()

    def test_no_to_a_second_question(self):
        """Who has refused, is asked again and says no to an operator isn't waited for."""
        self.partner.gdpr_set_legal_basis("consent")
        request, _grant, _preferences = self.ask(self.partner)
        request._answer(request._get_version(), "refuse", {}, {})
        self.assertEqual(self.partner.gdpr_consent_state, "refused")
        again, _grant, _preferences = self.ask(self.partner)
        self.assertEqual(self.partner.gdpr_consent_state, "waiting")
        self.partner.gdpr_withdraw_consent(source="phone")
        self.assertEqual(again.state, "answered")
        self.assertIn(self.partner.gdpr_consent_state, ("refused", "withdrawn"))
        self.assertLedgerSound()

    def test_many_people_at_once(self):
        partners = self.env["res.partner"].create([{"name": f"Person {number}"} for number in range(30)])
        partners.gdpr_set_legal_basis("consent")
        partners.gdpr_record_consent("marketing", ["email"], "paper", evidence="List of 2026-01-31")
        partners[:10].gdpr_withdraw_consent()
        self.assertEqual(partners.mapped("gdpr_consent_state"), ["withdrawn"] * 10 + ["obtained"] * 20)
        self.assertLedgerSound()

    def test_rebuilt_from_nothing(self):
        self.partner.gdpr_set_legal_basis("consent")
        self.partner.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 8")
        before = self._read_projections()
        self.execute("DELETE FROM gdpr_consent")
        self.execute("UPDATE gdpr_subject SET legal_basis = 'not_applicable', consent_state = 'not_applicable'")
        self.env["gdpr.subject"]._rebuild_projections()
        self.assertEqual(self._read_projections(), before)
        self.assertEqual(self.partner.gdpr_consent_state, "obtained")

    @settings(
        max_examples=30,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
    )
    @given(
        st.lists(
            st.one_of(
                st.tuples(st.just("basis"), st.sampled_from(["consent", "consent", "contract", "not_applicable"])),
                st.tuples(st.just("ask")),
                st.tuples(st.just("answer"), st.sets(st.sampled_from(["marketing", "profiling"]))),
                st.tuples(st.just("record"), st.sets(st.sampled_from(["marketing", "profiling"]), min_size=1)),
                st.tuples(
                    st.just("withdraw"),
                    st.none() | st.sets(st.sampled_from(["marketing", "profiling"]), min_size=1),
                ),
                st.tuples(st.just("wait"), st.sampled_from([1, 20, 400, 800])),
            ),
            max_size=9,
        )
    )
    def test_any_sequence_of_acts(self, steps):
        with self.env.cr.savepoint() as savepoint:
            self.play(steps)
            savepoint.close(rollback=True)
        self.env.invalidate_all()

    def play(self, steps):
        """Do the steps on one person, checking after each that nothing is claimed that nobody said."""
        card = self.env["res.partner"].create({"name": "Anybody", "email": "anybody@example.com"})
        card.gdpr_legal_basis = "consent"
        now = fields.Datetime.now()
        for name, *arguments in steps:
            now += timedelta(days=arguments[0]) if name == "wait" else timedelta(minutes=1)
            with freeze_time(now):
                try:
                    getattr(self, f"play_{name}")(card, *arguments)
                except (UserError, ValidationError):
                    self.env.invalidate_all()
                self.check_claims(card, now)
        self.assertLedgerSound()

    def play_basis(self, card, basis):
        card.gdpr_set_legal_basis(basis)

    def play_ask(self, card):
        self.ask(card)

    def play_answer(self, card, codes):
        request = card.gdpr_subject_id.request_ids[:1]
        if request:
            purposes = self.env["gdpr.purpose"]._get_by_codes(codes)
            choices = {purpose.id: purpose.channel_ids[:1].mapped("code") for purpose in purposes}
            request._answer(request._get_version(), "save", choices, {"note": "As I like"})

    def play_record(self, card, codes):
        card.gdpr_record_consent(sorted(codes), ["email"], "phone", evidence="Call 7")

    def play_withdraw(self, card, codes):
        card.gdpr_withdraw_consent(codes and sorted(codes))
        withdrawn = self.env["gdpr.purpose"]._get_by_codes(codes or ["marketing", "profiling"])
        self.assertFalse(card.gdpr_purpose_ids & withdrawn)
        self.assertFalse(card.gdpr_subject_id.request_ids.filtered(lambda request: request.state in ("queued", "sent")))
        if not codes:
            self.assertNotIn(card.gdpr_consent_state, ("obtained", "waiting"))

    def play_wait(self, card, days):
        with patch.object(self.registry["ir.cron"], "_commit_progress", return_value=1.0):
            self.env["gdpr.subject"]._cron_life_cycle()

    def check_claims(self, card, now):
        last = {}
        for event in card.gdpr_event_ids.sorted("sequence"):
            if event.action in ("given", "refused", "withdrawn", "expired"):
                last[event.purpose_id] = event
        agreed = {purpose for purpose, event in last.items() if event.action == "given"}
        self.assertEqual(set(card.gdpr_purpose_ids), agreed)
        self.assertEqual(card.gdpr_consent_state == "obtained", bool(agreed) and card.gdpr_legal_basis == "consent")
        for purpose in self.marketing + self.profiling:
            for channel in self.email_channel + self.phone_channel:
                if card.gdpr_may_contact(purpose, channel)[card.id]["allowed"]:
                    self.assertIn(purpose, agreed)
                    self.assertIn(channel.code, last[purpose].channel_codes)
                    self.assertGreater(last[purpose].expires_on, now)
