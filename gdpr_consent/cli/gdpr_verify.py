import sys

from odoo import api
from odoo.cli import Command
from odoo.modules.registry import Registry
from odoo.tools import config


class GdprVerify(Command):
    """Verify the consent ledger of a database: that no event was altered, deleted or reordered.

    Prints each fault in a line of its own. Exit status: 0 sound, 1 faults, 2 the add-on isn't installed.
    """

    name = "gdpr_verify"

    def run(self, args):
        """Run the command with its arguments, those of Odoo's server (``-c``, ``-d``)."""
        config.parse_config(args, setup_logging=True)
        databases = config["db_name"]
        if len(databases) != 1:
            sys.exit("Name one database with -d.")
        registry = Registry(databases[0])
        if "gdpr.subject" not in registry:
            print("The add-on gdpr_consent isn't installed in this database.", file=sys.stderr)
            sys.exit(2)
        with registry.cursor() as cr:
            env = api.Environment(cr, api.SUPERUSER_ID, {})
            faults = env["gdpr.subject"]._verify_ledger()
        for fault in faults:
            print(fault)
        if faults:
            sys.exit(1)
        print("The ledger is sound.")
