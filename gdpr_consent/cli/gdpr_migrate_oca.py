import argparse
import sys
from collections import Counter
from functools import partial

from odoo.cli import Command
from odoo.exceptions import UserError
from odoo.service.model import retrying

from odoo.addons.gdpr_consent.models.gdpr_oca_migration import OUTCOMES
from odoo.addons.gdpr_consent.tools.command import open_database


class GdprMigrateOca(Command):
    """Bring over the consents that OCA's privacy_consent left in the tables of this database.

    Without ``--apply`` all is tried and nothing kept. Works through the contacts in batches, each a transaction of
    its own; run it again after an interruption. Exit status: 0 done, 1 something that was named doesn't exist or
    there is nothing to bring over, 2 the add-on gdpr_consent isn't installed.
    """

    name = "gdpr_migrate_oca"

    def run(self, args):
        """Run the command; what isn't its own are arguments of Odoo's server (``-c``, ``-d``)."""
        parser = argparse.ArgumentParser(prog="odoo gdpr_migrate_oca", description=self.__doc__, allow_abbrev=False)
        parser.add_argument("--apply", action="store_true", help="keep it; without this nothing is changed")
        parser.add_argument(
            "--purpose",
            action="append",
            default=[],
            type=self.read_pair,
            metavar="ACTIVITY=CODE",
            help="bring an activity (its id) over to a purpose that exists (its code); else one is made for it",
        )
        parser.add_argument(
            "--company",
            type=int,
            metavar="ID",
            help="controller of the activities whose controller isn't a company of the database",
        )
        options, others = parser.parse_known_args(args)
        with open_database(others) as env:
            try:
                self.migrate(env, options)
            except UserError as error:
                env.cr.rollback()
                print(error, file=sys.stderr)
                sys.exit(1)

    @staticmethod
    def read_pair(text):
        """Read ``ACTIVITY=CODE``."""
        activity, _sign, code = text.partition("=")
        if not activity.isdecimal() or not code:
            raise argparse.ArgumentTypeError(f"{text} isn't like 3=newsletter")
        return int(activity), code

    def migrate(self, env, options):
        """Bring over one batch after the other, and tell what became of it."""
        migration = env["gdpr.oca.migration"]
        company = env["res.company"].browse(options.company or ()).exists()
        if options.company and not company:
            raise UserError(f"There is no company {options.company}.")
        if not options.apply:
            print("A trial: nothing is kept. Add --apply to bring it over.")
        done = migration._count_done()
        if done:
            print(f"{done} rows were brought over or left out by earlier runs.")
        env.cr.rollback()
        settled, activities, last_id, people = [], {}, 0, 0
        while last_id is not None:
            step = partial(self.migrate_next, migration, last_id, dict(options.purpose), company, options.apply)
            # Commits; of a trial there is nothing left to commit.
            last_id, batch, sentences = retrying(step, env)
            settled += batch
            # The first batch makes what the others find there.
            activities = sentences | activities
            people += len({row[1] for row in batch})
            if batch:
                print(f"{people} contacts", flush=True)
        self.report(activities, settled)

    def migrate_next(self, migration, last_id, purpose_codes, company, is_kept):
        """Bring over one batch.

        :return: the id of its last contact; for each row its id, those of the contact and of the activity, what
            became of it and why; where each activity goes, by id
        """
        with migration.env.cr.savepoint() as savepoint:
            last_id, settled, activities = migration._migrate_next(last_id, purpose_codes, company)
            sentences = {activity.id: self.describe(activity) for activity in activities}
            savepoint.close(rollback=not is_kept)
        rows = [(one.row.id, one.row.partner_id, one.row.activity_id, one.outcome, one.reason) for one in settled]
        return last_id, rows, sentences

    def describe(self, activity):
        """Give the sentence that tells where an activity goes."""
        if not activity.form:
            return (
                f"Activity {activity.id}, {activity.name}: left out, its controller isn't a company of this database."
                " Name one with --company."
            )
        made = "made for it" if activity.is_new else "there already"
        return (
            f"Activity {activity.id}, {activity.name}: purpose {activity.purpose.code} ({made}),"
            f" company {activity.form.company_id.name}"
        )

    def report(self, activities, settled):
        """Print how many rows became what, and which have nobody any more."""
        for activity_id, sentence in [*activities.items(), (None, "All")]:
            rows = [row for row in settled if activity_id in (None, row[2])]
            print(f"\n{sentence}")
            counts = Counter(row[3] for row in rows)
            for outcome, label in OUTCOMES.items():
                if counts[outcome]:
                    print(f"{counts[outcome]:>9}  {label}")
                if outcome == "unproven":
                    for reason, count in Counter(row[4] for row in rows if row[4]).most_common():
                        print(f"{count:>19}  {reason}")
            print(f"{len(rows):>9}  rows")
        gone = [row for row in settled if row[3] in ("no_contact", "no_activity")]
        if gone:
            print("\nLeft out, because the contact or the activity doesn't exist any more:")
        for row_id, partner_id, activity_id, *_outcome in gone:
            print(f"  privacy_consent {row_id}: contact {partner_id}, activity {activity_id}")
