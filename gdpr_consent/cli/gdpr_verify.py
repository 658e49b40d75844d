import sys

from odoo.cli import Command

from odoo.addons.gdpr_consent.tools.command import open_database


class GdprVerify(Command):
    """Verify the consent ledger of a database: that no event was altered, deleted or reordered.

    Prints each fault in a line of its own; the result is kept among the verifications. Exit status: 0 sound,
    1 faults, 2 the add-on isn't installed.
    """

    name = "gdpr_verify"

    def run(self, args):
        """Run the command with its arguments, those of Odoo's server (``-c``, ``-d``)."""
        with open_database(args) as env:
            verification = env["gdpr.ledger.verification"]._verify("command")
            faults = verification._get_fault_list()
            env.cr.commit()
        for fault in faults:
            print(fault)
        if faults:
            sys.exit(1)
        print("The ledger is sound.")
