import base64
import gzip
import io
import json
from contextlib import contextmanager
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.service.model import call_kw
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from ..tools import ledger
from .test_ledger import EVENTS, VERSIONS, LedgerCase

VERIFICATIONS = "gdpr_ledger_verification"


class VerificationCase(LedgerCase):
    """A ledger that can be tampered with."""

    @contextmanager
    def tampering(self, *tables):
        """Let SQL change the ledger, and undo it afterwards."""
        with self.env.cr.savepoint() as savepoint:
            for table in tables or (EVENTS,):
                self.execute(f"DROP TRIGGER {table}_refuse_change ON {table}")
            yield
            savepoint.close(rollback=True)
        self.env.invalidate_all()

    def alter(self):
        self.execute(f"UPDATE {EVENTS} SET source = 'email' WHERE id = %s", self.events[1].id)

    def get_last(self):
        return self.env["gdpr.ledger.verification"].search([], limit=1)

    def run_cron(self):
        with patch.object(self.registry["ir.cron"], "_commit_progress", return_value=1.0):
            self.env["gdpr.ledger.verification"]._cron_verify()


@tagged("post_install", "-at_install")
class TestKeptVerifications(VerificationCase):
    """A check leaves a record of its result, for good."""

    def test_by_a_user(self):
        self.env["gdpr.subject"].with_user(self.officer).action_verify_ledger()
        verification = self.get_last()
        self.assertEqual((verification.state, verification.kind), ("sound", "manual"))
        self.assertEqual(verification.user_id, self.officer)
        self.assertEqual(verification.subject_count, self.env["gdpr.subject"].search_count([]))
        self.assertEqual(verification.event_count, self.env["gdpr.consent.event"].search_count([]))
        self.assertFalse(verification.faults)

    def test_of_one_person(self):
        self.subject.with_user(self.officer).action_verify_ledger()
        self.assertEqual((self.get_last().subject_count, self.get_last().event_count), (1, 4))

    def test_faults_are_kept_and_told(self):
        with self.tampering(), self.mock_mail_gateway():
            self.alter()
            self.env["gdpr.subject"].with_user(self.officer).action_verify_ledger()
            verification = self.get_last()
            self.assertEqual((verification.state, verification.fault_count), ("faulty", 1))
            self.assertEqual(verification.faults, f"{self.subject.reference}: event 2 was altered.")
            message = self.env["mail.message"].search(
                [("model", "=", verification._name), ("res_id", "=", verification.id)]
            )
            told = message.notified_partner_ids
            self.assertLessEqual(self.officer.partner_id | self.manager.partner_id, told)
            self.assertFalse(self.salesperson.partner_id & told)
            self.assertIn("Faults found: 1", message[0].body)

    def test_nobody_changes_it(self):
        self.env["gdpr.subject"].with_user(self.officer).action_verify_ledger()
        verification = self.get_last()
        for user in (self.officer, self.manager):
            for name, args in (
                ("write", [verification.ids, {"state": "faulty"}]),
                ("unlink", [verification.ids]),
                ("create", [[{"state": "sound", "kind": "manual"}]]),
            ):
                with self.subTest(method=name), self.assertRaises(AccessError):
                    call_kw(self.env["gdpr.ledger.verification"].with_user(user), name, args, {})
        with self.assertRaises(AccessError):
            verification.sudo().unlink()
        for query in (
            f"UPDATE {VERIFICATIONS} SET state = 'faulty'",
            f"DELETE FROM {VERIFICATIONS}",
            f"TRUNCATE {VERIFICATIONS} CASCADE",
        ):
            self.assertRefused(query)
        with self.assertRaises(AccessError):
            self.env["gdpr.ledger.verification"].with_user(self.salesperson).search([])

    def test_very_many_people(self):
        """The user needn't wait: it is done in the background."""
        module = "odoo.addons.gdpr_consent.models.gdpr_subject_verification.VERIFY_AT_ONCE"
        with patch(module, 1):
            action = self.env["gdpr.subject"].with_user(self.officer).action_verify_ledger()
        self.assertEqual(action["params"]["type"], "info")
        self.assertFalse(self.get_last())
        cron = self.env.ref("gdpr_consent.ir_cron_verify_ledger")
        self.assertEqual(self.env["ir.cron.trigger"].search_count([("cron_id", "=", cron.id)]), 1)

    def test_scheduled(self):
        self.run_cron()
        verification = self.get_last()
        self.assertEqual(
            (verification.state, verification.kind, verification.user_id.id), ("sound", "scheduled", False)
        )
        self.assertEqual(verification.subject_count, self.env["gdpr.subject"].search_count([]))

    def test_scheduled_through_the_scheduler(self):
        with self.enter_registry_test_mode():
            self.env.ref("gdpr_consent.ir_cron_verify_ledger").method_direct_trigger()
        self.assertEqual(self.get_last().state, "sound")

    def test_scheduled_goes_on_after_an_interruption(self):
        batch = "odoo.addons.gdpr_consent.models.gdpr_ledger_verification.CRON_BATCH"
        with (
            patch(batch, 1),
            patch.object(self.registry["ir.cron"], "_commit_progress", side_effect=[1.0, 0.0]),
        ):
            self.env["gdpr.ledger.verification"]._cron_verify()
        interrupted = self.get_last()
        self.assertEqual((interrupted.state, interrupted.subject_count), ("running", 1))
        self.run_cron()
        self.env.invalidate_all()
        self.assertEqual(self.get_last(), interrupted)
        self.assertEqual(interrupted.state, "sound")
        self.assertEqual(interrupted.subject_count, self.env["gdpr.subject"].search_count([]))

    def test_too_many_faults(self):
        verification = self.env["gdpr.ledger.verification"]._start("manual")
        verification._add_faults([f"Fault {number}" for number in range(3000)])
        self.assertEqual(verification.fault_count, 3000)
        self.assertEqual(len(verification._get_fault_list()), 1000)


@tagged("post_install", "-at_install")
class TestWhatIsFound(VerificationCase):
    """More than the chain of one person."""

    def test_altered_wording(self):
        version = self.events[1].version_id
        with self.tampering(VERSIONS):
            self.execute(
                f"UPDATE {VERSIONS} SET content = replace(content, 'products', 'secrets') WHERE id = %s", version.id
            )
            expected = [f"The wording “{version.display_name}” was altered."]
            self.assertEqual(self.env["gdpr.subject"]._verify_ledger(), expected)
            self.assertEqual(self.subject._verify_ledger(), expected)
            self.assertEqual(self.env["gdpr.ledger.verification"]._verify("manual").faults, expected[0])

    def test_altered_wording_with_its_digest(self):
        version = self.events[1].version_id
        with self.tampering(VERSIONS):
            self.execute(
                f"UPDATE {VERSIONS} SET content = %s, sha256 = %s WHERE id = %s", "{}", ledger.sha256("{}"), version.id
            )
            self.assertEqual(
                self.subject._verify_ledger(),
                [f"{self.subject.reference}: the wording that event 2 refers to isn't the one the person saw."],
            )

    def test_altered_digest_in_the_event(self):
        with self.tampering():
            self.execute(f"UPDATE {EVENTS} SET version_sha256 = %s WHERE id = %s", "0" * 64, self.events[1].id)
            self.assertIn(f"{self.subject.reference}: event 2 was altered.", self.subject._verify_ledger())

    def test_swapped_events(self):
        with self.tampering():
            second, third = self.events[1].id, self.events[2].id
            for event_id, place in ((second, 99), (third, 2), (second, 3)):
                self.execute(f"UPDATE {EVENTS} SET sequence = %s WHERE id = %s", place, event_id)
            faults = "\n".join(self.env["gdpr.subject"]._verify_ledger())
            self.assertIn("event 2 was altered", faults)
            self.assertIn("event 3 was altered", faults)

    def test_joining_that_only_one_tells(self):
        """The last event of the absorbed history is cut, and its end mended: the other one still tells."""
        absorbed = self.lead.gdpr_subject_id
        self.subject._join(absorbed, "She told us")
        self.assertLedgerSound()
        events = absorbed.event_ids.sorted("sequence")
        with self.tampering():
            self.execute("DELETE FROM gdpr_consent_event_value WHERE event_id = %s", events[-1].id)
            self.execute(f"DELETE FROM {EVENTS} WHERE id = %s", events[-1].id)
            self.execute(
                "UPDATE gdpr_subject SET head_sequence = %s, head_hash = %s WHERE id = %s",
                events[-2].sequence,
                events[-2].hash,
                absorbed.id,
            )
            faults = "\n".join(self.env["gdpr.subject"]._verify_ledger())
            self.assertIn(
                f"{self.subject.reference}: the history of {absorbed.reference} doesn't tell the same", faults
            )
            self.assertIn(f"{absorbed.reference}: isn't joined as the ledger says", faults)

    def test_joining_that_the_ledger_does_not_tell(self):
        with self.env.cr.savepoint() as savepoint:
            self.execute(
                "UPDATE gdpr_subject SET survivor_id = %s WHERE id = %s", self.subject.id, self.lead.gdpr_subject_id.id
            )
            faults = self.env["gdpr.subject"]._verify_ledger()
            self.assertEqual(faults, [f"{self.lead.gdpr_subject_id.reference}: isn't joined as the ledger says."])
            savepoint.close(rollback=True)

    def test_joined_and_split_is_sound(self):
        self.subject._join(self.lead.gdpr_subject_id, "She told us")
        self.subject._split([self.lead], "Two after all")
        self.subject._join(self.lead.gdpr_subject_id, "She told us again")
        self.assertLedgerSound()


@tagged("post_install", "-at_install")
class TestSignedHeads(VerificationCase, HttpCase):
    """The ends of all histories, kept elsewhere, show what was cut off."""

    def export(self):
        file = io.BytesIO()
        self.env["gdpr.subject"]._export_heads(file)
        return file

    def check(self, file):
        return self.env["gdpr.subject"]._check_heads(file)[0]

    def repack(self, file, change):
        """Give the file with its lines changed."""
        lines = gzip.decompress(file.getvalue()).splitlines(keepends=True)
        return io.BytesIO(gzip.compress(b"".join(change(lines))))

    def cut_last_event(self):
        self.execute("DELETE FROM gdpr_consent_event_value WHERE event_id = %s", self.events[-1].id)
        self.execute(f"DELETE FROM {EVENTS} WHERE id = %s", self.events[-1].id)
        self.execute(
            "UPDATE gdpr_subject SET head_sequence = 3, head_hash = %s WHERE id = %s",
            self.events[-2].hash,
            self.subject.id,
        )

    def test_cut_end(self):
        file = self.export()
        self.assertEqual(self.check(file), [])
        with self.tampering():
            self.cut_last_event()
            self.assertEqual(self.env["gdpr.subject"]._verify_ledger(), [], "the chain alone doesn't show it")
            self.assertEqual(self.check(file), [f"{self.subject.reference}: event 4 is missing."])

    def test_rewritten_end(self):
        file = self.export()
        with self.tampering():
            self.cut_last_event()
            self.partner.gdpr_set_legal_basis("legal_obligation", "Another story")
            self.assertEqual(self.env["gdpr.subject"]._verify_ledger(), [])
            self.assertEqual(self.check(file), [f"{self.subject.reference}: event 4 isn't the one that was exported."])

    def test_vanished_person(self):
        file = self.export()
        with self.tampering():
            self.execute("UPDATE res_partner SET gdpr_subject_id = NULL WHERE id = %s", self.partner.id)
            self.execute("DELETE FROM gdpr_consent WHERE subject_id = %s", self.subject.id)
            self.execute("DELETE FROM gdpr_consent_event_value WHERE event_id IN %s", tuple(self.events.ids))
            self.execute(f"DELETE FROM {EVENTS} WHERE subject_id = %s", self.subject.id)
            reference = self.subject.reference
            self.execute("DELETE FROM gdpr_subject WHERE id = %s", self.subject.id)
            self.assertEqual(self.env["gdpr.subject"]._verify_ledger(), [])
            self.assertEqual(self.check(file), [f"{reference}: the whole history is missing."])

    def test_later_events_are_no_fault(self):
        file = self.export()
        self.partner.gdpr_set_legal_basis("consent")
        self.env["res.partner"].create({"name": "New", "gdpr_legal_basis": "consent"})
        self.subject._erase_values()
        self.assertEqual(self.check(file), [])

    def test_what_is_in_it(self):
        lines = [json.loads(line) for line in gzip.decompress(self.export().getvalue()).splitlines()]
        self.assertEqual(lines[0]["format"], "gdpr_consent ledger heads")
        self.assertRegex(lines[0]["exported_on"], "Z$")
        self.assertIn({"person": self.subject.reference, "sequence": 4, "hash": self.subject.head_hash}, lines)
        self.assertEqual(lines[-1]["persons"], len(lines) - 2)
        self.assertEqual(lines[-1]["events"], self.env["gdpr.consent.event"].search_count([]))
        self.assertNotIn("Anna", str(lines))

    def test_changed_file_is_refused(self):
        file = self.export()
        own = self.subject.reference.encode()
        changes = {
            "a line less": lambda lines: [line for line in lines if own not in line],
            "another number": lambda lines: [line.replace(b'"sequence":4', b'"sequence":3') for line in lines],
            "no end": lambda lines: lines[:-1],
            "another date": lambda lines: [lines[0].replace(b"20", b"19"), *lines[1:]],
            "a line more": lambda lines: [*lines, lines[1]],
            "other counts": lambda lines: [*lines[:-1], lines[-1].replace(b'"persons":', b'"persons":1')],
            "nothing": lambda _lines: [],
            "only the header": lambda lines: lines[:1],
            "a list": lambda _lines: [b"[]\n"],
            "no JSON": lambda _lines: [b"hello\n"],
        }
        for name, change in changes.items():
            with self.subTest(change=name), self.assertRaisesRegex(UserError, "can't be used"):
                self.check(self.repack(file, change))
        damaged = [bytearray(file.getvalue()) for _place in range(10, len(file.getvalue()) - 8)]
        for place, content in enumerate(damaged, start=10):
            content[place] ^= 1
        for content in (b"", b"hello", file.getvalue()[:-20], *map(bytes, damaged)):
            with self.assertRaisesRegex(UserError, "can't be used"):
                self.check(io.BytesIO(content))

    def test_other_key(self):
        file = self.export()
        self.env["ir.config_parameter"].set_param("gdpr_consent.ledger_key", "k" * 64)
        with self.assertRaisesRegex(UserError, "can't be used"):
            self.check(file)

    def test_many_people(self):
        """In batches, and the numbers add up."""
        with patch("odoo.addons.gdpr_consent.models.gdpr_subject_heads.HEADS_BATCH", 2):
            file = self.export()
            self.assertEqual(self.check(file), [])
            with self.tampering():
                self.cut_last_event()
                self.assertEqual(len(self.check(file)), 1)

    @mute_logger("odoo.http")
    def test_download(self):
        for login in ("privacy_salesperson", "privacy_employee"):
            self.authenticate(login, login)
            self.assertEqual(self.url_open("/gdpr/ledger/heads").status_code, 403)
        self.authenticate("privacy_officer", "privacy_officer")
        response = self.url_open("/gdpr/ledger/heads")
        self.assertEqual(response.headers["Content-Type"], "application/gzip")
        self.assertEqual(self.check(io.BytesIO(response.content)), [])

    def test_wizard(self):
        file = self.export()
        wizards = self.env["gdpr.ledger.heads"].with_user(self.officer)
        self.assertEqual(wizards.create({}).action_export()["url"], "/gdpr/ledger/heads")
        with self.assertRaisesRegex(UserError, "Choose the file"):
            wizards.create({}).action_check()
        wizard = wizards.create({"file": base64.b64encode(file.getvalue())})
        verification = self.env["gdpr.ledger.verification"].browse(wizard.action_check()["res_id"])
        self.assertEqual((verification.kind, verification.state), ("heads", "sound"))
        self.assertEqual(verification.user_id, self.officer)
        with self.tampering(), self.mock_mail_gateway():
            self.cut_last_event()
            verification = self.env["gdpr.ledger.verification"].browse(wizard.action_check()["res_id"])
            self.assertEqual(verification.state, "faulty")
            self.assertIn(self.subject.reference, verification.faults)
        with self.assertRaises(AccessError):
            self.env["gdpr.ledger.heads"].with_user(self.salesperson).create({})


@tagged("post_install", "-at_install")
class TestRebuild(VerificationCase):
    """What is on record is derived from the ledger, and can be derived anew."""

    def live(self):
        """A rich history: joined and split people, objections, single channels, renewals, ends."""
        subjects = self.env["gdpr.subject"]
        self.form.purpose_ids = self.marketing + self.profiling
        self.form.action_publish()
        version = self.form._get_version()
        people = self.env["res.partner"].create([{"name": f"Person {number}"} for number in range(8)])
        people.gdpr_set_legal_basis("consent")
        one, two, three, four, five, six, seven, _eight = people.gdpr_subject_id
        for subject in (one, two, three, four, five):
            subject._record_answer(
                version, {self.marketing.id: ["email", "sms", "phone"], self.profiling.id: []}, source="website"
            )
        one._record_channels_withdrawal({self.marketing.id: {"sms"}}, source="portal")
        two._record_objection(source="email")
        three._record_channels_withdrawal({self.marketing.id: {"email", "phone"}}, source="portal")
        subjects._record_acts(
            [
                {"subject_id": subject.id, "action": "renewal_due", "purpose_id": self.marketing.id, "actor": "system"}
                for subject in (four, five)
            ]
        )
        five._record_answer(version, {self.marketing.id: ["email"]}, source="website")
        six._record_answer(version, {}, source="website")
        subjects._record_acts([{"subject_id": seven.id, "action": "restricted"}])
        one._join(two, "The same address")
        one._join(three, "The same address")
        four._join(six, "The same phone")
        four._split([people[5]], "Two after all")
        one._split([people[2]], "Two after all")
        five._join(one, "The same name and birthday")
        return people

    def test_rich_history(self):
        self.live()
        self.assertLedgerSound()

    def test_from_ruins(self):
        """Whatever was made of the derived data by SQL, the ledger restores it."""
        people = self.live()
        before = self._read_projections()
        self.execute("UPDATE gdpr_consent SET state = 'given', renewal_due = false, narrowed_by_id = NULL")
        self.execute("DELETE FROM gdpr_consent WHERE subject_id = %s", people[3].gdpr_subject_id.id)
        self.execute(
            "UPDATE gdpr_subject SET survivor_id = NULL, root_id = id, objected = false, restricted = false,"
            " legal_basis = 'contract', consent_state = 'obtained', requested_on = now()"
        )
        self.env["gdpr.subject"]._rebuild_projections()
        self.assertEqual(self._read_projections(), before)

    def test_in_batches(self):
        self.live()
        before = self._read_projections()
        with patch("odoo.addons.gdpr_consent.models.gdpr_subject_door_in.BATCH", 2):
            self.env["gdpr.subject"]._rebuild_projections()
        self.assertEqual(self._read_projections(), before)

    def test_wrong_joining(self):
        """A pointer made by SQL, in a circle even, is forgotten."""
        people = self.live()
        before = self._read_projections()
        seven, eight = people[6:].gdpr_subject_id
        self.execute("UPDATE gdpr_subject SET survivor_id = %s WHERE id = %s", eight.id, seven.id)
        self.execute("UPDATE gdpr_subject SET survivor_id = %s WHERE id = %s", seven.id, eight.id)
        self.env["gdpr.subject"]._rebuild_projections()
        self.assertEqual(self._read_projections(), before)
