import argparse
import sys
from pathlib import Path

from odoo.cli import Command

from odoo.addons.gdpr_consent.tools.command import open_database
from odoo.addons.gdpr_consent.tools.trace_scanner import scan_database, scan_files


class GdprScan(Command):
    """Look for names, addresses and numbers in the whole database and its files.

    ``gdpr_scan -d DATABASE --term TERM`` prints each place in a line. The terms are read from the standard input,
    a line each, where none is named: so that they aren't in the history of the shell. Exit status: 0 nothing found,
    1 something found, 2 the add-on isn't installed.
    """

    name = "gdpr_scan"

    def run(self, args):
        """Run the command; what isn't its own are arguments of Odoo's server (``-c``, ``-d``)."""
        parser = argparse.ArgumentParser(prog="odoo gdpr_scan", description=self.__doc__, allow_abbrev=False)
        parser.add_argument("--term", action="append", default=[], help="what to look for")
        options, others = parser.parse_known_args(args)
        terms = options.term or [line.strip() for line in sys.stdin if line.strip()]
        with open_database(others) as env:
            traces = scan_database(env.cr, terms)
            traces += scan_files(Path(env["ir.attachment"]._filestore()), terms)
        for trace in traces:
            print(trace)
        if traces:
            sys.exit(1)
        print("Nothing found.")
