import argparse
import sys

from odoo.cli import Command
from odoo.exceptions import UserError

from odoo.addons.gdpr_consent.tools.command import open_database


class GdprHeads(Command):
    """Export the signed ends of all histories, or check the ledger against such a file: so that a cut end shows.

    ``gdpr_heads -d DATABASE --export FILE`` writes, ``--check FILE`` compares and prints each fault in a line of
    its own. Exit status: 0 done and sound, 1 faults or a file that can't be used, 2 the add-on isn't installed.
    """

    name = "gdpr_heads"

    def run(self, args):
        """Run the command; what isn't its own are arguments of Odoo's server (``-c``, ``-d``)."""
        parser = argparse.ArgumentParser(prog="odoo gdpr_heads", description=self.__doc__, allow_abbrev=False)
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--export", metavar="FILE", help="write the signed heads to a file")
        what.add_argument("--check", metavar="FILE", help="compare the ledger with a file exported earlier")
        options, others = parser.parse_known_args(args)
        with open_database(others) as env:
            try:
                if options.export:
                    self.export(env, options.export)
                else:
                    self.check(env, options.check)
            except (OSError, UserError) as error:
                print(error, file=sys.stderr)
                sys.exit(1)

    def export(self, env, path):
        """Write the file."""
        with open(path, "wb") as file:
            counts = env["gdpr.subject"]._export_heads(file)
        print(f"{counts['persons']} people, {counts['events']} events.")

    def check(self, env, path):
        """Compare the ledger with the file and keep the result."""
        with open(path, "rb") as file:
            verification = env["gdpr.ledger.verification"]._verify_heads(file)
        faults = verification._get_fault_list()
        env.cr.commit()
        for fault in faults:
            print(fault)
        if faults:
            sys.exit(1)
        print("Nothing is missing.")
