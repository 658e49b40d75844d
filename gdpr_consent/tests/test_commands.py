import io
import os
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from unittest.mock import patch

from odoo.tests import tagged
from odoo.tools import config

from ..cli.gdpr_heads import GdprHeads
from ..cli.gdpr_migrate_oca import GdprMigrateOca
from ..cli.gdpr_rebuild import GdprRebuild
from ..cli.gdpr_verify import GdprVerify
from .common import ConsentCase
from .test_oca_migration import OcaCase


class CommandCase(ConsentCase):
    """Runs a command of Odoo's command line in this process, on the database of the test."""

    def run_command(self, command, *arguments):
        """Run it; give its exit status and what it printed."""
        printed = io.StringIO()
        database = self.env.cr.dbname
        with (
            self.enter_registry_test_mode(),
            # The configuration of the test run stays as it is.
            patch.object(config, "parse_config") as parse,
            patch.dict(config.options, db_name=[database]),
            redirect_stdout(printed),
            redirect_stderr(printed),
        ):
            try:
                command().run(["-d", database, *arguments])
                status = 0
            except SystemExit as end:
                status = end.code
        if parse.called:
            self.assertEqual(parse.call_args.args, (["-d", database],))
        self.env.invalidate_all()
        return status, printed.getvalue()

    def tamper(self, statement, *values):
        """Change the ledger as who administers the database can."""
        self.env.flush_all()
        self.env.cr.execute("ALTER TABLE gdpr_consent_event DISABLE TRIGGER USER")
        self.env.cr.execute(statement, values)
        self.env.cr.execute("ALTER TABLE gdpr_consent_event ENABLE TRIGGER USER")


@tagged("post_install", "-at_install")
class TestCommands(CommandCase):
    def setUp(self):
        super().setUp()
        self.partner.gdpr_record_consent("marketing", ["email"], "phone", evidence="Call 7")
        self.subject = self.partner.gdpr_subject_id
        self.verifications = self.env["gdpr.ledger.verification"]

    def test_verify(self):
        before = self.verifications.search_count([])
        self.assertEqual(self.run_command(GdprVerify), (0, "The ledger is sound.\n"))
        self.tamper("UPDATE gdpr_consent_event SET source = 'paper' WHERE subject_id = %s", self.subject.id)
        status, printed = self.run_command(GdprVerify)
        self.assertEqual(status, 1)
        self.assertIn(self.subject.reference, printed)
        self.assertNotIn("sound", printed)
        self.assertEqual(self.verifications.search_count([]), before + 2)

    def test_rebuild(self):
        """What is derived from the ledger is made anew, whatever it said."""
        self.env.flush_all()
        self.env.cr.execute("UPDATE gdpr_subject SET consent_state = 'refused' WHERE id = %s", [self.subject.id])
        self.env.cr.execute("DELETE FROM gdpr_consent WHERE subject_id = %s", [self.subject.id])
        self.env.invalidate_all()
        status, printed = self.run_command(GdprRebuild)
        self.assertEqual(status, 0)
        self.assertRegex(printed, r"^\d+ people\nDone\.\n$")
        self.assertEqual(self.subject.consent_state, "obtained")
        self.assertEqual(self.subject.consent_ids.purpose_id, self.marketing)

    def test_heads(self):
        """A cut end shows by the file, and by nothing else."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "heads")
            status, printed = self.run_command(GdprHeads, "--export", path)
            self.assertEqual(status, 0)
            self.assertRegex(printed, r"^\d+ people, \d+ events\.\n$")
            self.assertEqual(self.run_command(GdprHeads, "--check", path), (0, "Nothing is missing.\n"))
            self.env.flush_all()
            self.env.cr.execute("DELETE FROM gdpr_consent WHERE subject_id = %s", [self.subject.id])
            self.tamper(
                """
                DELETE FROM gdpr_consent_event_value WHERE event_id IN (
                    SELECT id FROM gdpr_consent_event WHERE subject_id = %(id)s AND action = 'given');
                DELETE FROM gdpr_consent_event WHERE subject_id = %(id)s AND action = 'given';
                UPDATE gdpr_subject SET head_sequence = last.sequence, head_hash = last.hash
                  FROM gdpr_consent_event last WHERE gdpr_subject.id = %(id)s AND last.subject_id = %(id)s
                """.replace("%(id)s", str(self.subject.id))
            )
            self.assertEqual(self.run_command(GdprVerify)[0], 0)
            status, printed = self.run_command(GdprHeads, "--check", path)
            self.assertEqual(status, 1)
            self.assertIn(self.subject.reference, printed)
            with open(path, "wb") as file:
                file.write(b"nonsense")
            self.assertEqual(self.run_command(GdprHeads, "--check", path)[0], 1)
            self.assertEqual(self.run_command(GdprHeads, "--check", os.path.join(folder, "none"))[0], 1)
        self.assertEqual(self.run_command(GdprHeads)[0], 2)

    def test_which_database(self):
        """One, with the add-on installed."""
        with (
            patch.dict(config.options, db_name=[]),
            patch.object(config, "parse_config"),
            self.assertRaisesRegex(SystemExit, "Name one database"),
        ):
            GdprVerify().run([])
        with patch("odoo.addons.gdpr_consent.tools.command.Registry", return_value={}):
            for command in (GdprVerify, GdprRebuild, GdprMigrateOca):
                status, printed = self.run_command(command)
                self.assertEqual(status, 2)
                self.assertIn("isn't installed", printed)


@tagged("post_install", "-at_install")
class TestMigrateOca(OcaCase, CommandCase):
    def test_trial_and_apply(self):
        """The trial tells the same and keeps nothing."""
        gone = self.make_consent(2_000_000_000)
        self.make_consent(self.people[0])
        self.make_consent(self.people[1], mail=False)
        self.make_consent(self.people[2], accepted=False)
        before = self.env["gdpr.consent.event"].search_count([])
        status, trial = self.run_command(GdprMigrateOca)
        self.assertEqual(status, 0)
        self.assertIn("A trial", trial)
        self.assertEqual(self.env["gdpr.consent.event"].search_count([]), before)
        self.assertFalse(self.env["gdpr.purpose"].search([("code", "like", "oca_")]))
        self.assertEqual(set(self.people.mapped("gdpr_consent_state")), {"not_applicable"})
        status, applied = self.run_command(GdprMigrateOca, "--apply")
        self.assertEqual(status, 0)
        self.assertEqual(trial.partition("\n\n")[2], applied.partition("\n\n")[2])
        for line in (
            f"Activity {self.news}, News of the shop: purpose oca_activity_{self.news} (made for it)",
            "1  consents with proof: they count",
            "1  No message with the words, sent before the answer, is kept.",
            "1  refusals",
            "4  rows",
            f"privacy_consent {gone}: contact 2000000000, activity {self.news}",
        ):
            self.assertIn(line, applied)
        self.assertEqual(self.people[0].gdpr_consent_state, "obtained")
        events = self.env["gdpr.consent.event"].search_count([])
        status, again = self.run_command(GdprMigrateOca, "--apply")
        self.assertIn("4 rows were brought over or left out by earlier runs.", again)
        self.assertIn("0  rows", again)
        self.assertEqual(self.env["gdpr.consent.event"].search_count([]), events)
        self.assertLedgerSound()

    def test_options(self):
        self.make_consent(self.people[0])
        status, printed = self.run_command(GdprMigrateOca, "--apply", "--purpose", f"{self.news}=marketing")
        self.assertIn("purpose marketing (there already)", printed)
        self.assertEqual((status, self.people[0].gdpr_purpose_ids), (0, self.marketing))
        for arguments, words in (
            (["--purpose", "news=marketing"], "isn't like"),
            (["--purpose", "2000000000=marketing"], "No consents belong"),
            (["--company", "2000000000"], "There is no company"),
        ):
            status, printed = self.run_command(GdprMigrateOca, *arguments)
            self.assertIn(status, (1, 2))
            self.assertIn(words, printed)
