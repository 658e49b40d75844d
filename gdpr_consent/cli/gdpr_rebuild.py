from odoo.cli import Command
from odoo.service.model import retrying

from odoo.addons.gdpr_consent.tools.command import open_database


class GdprRebuild(Command):
    """Derive anew from the ledger what is on record now: who is one person, the legal bases, states and consents.

    Works through the people in batches, each a transaction of its own, while others go on working; run again after
    an interruption. Exit status: 0 done, 2 the add-on isn't installed.
    """

    name = "gdpr_rebuild"

    def run(self, args):
        """Run the command with its arguments, those of Odoo's server (``-c``, ``-d``)."""
        with open_database(args) as env:
            subjects = env["gdpr.subject"]
            retrying(subjects._rebuild_structure, env)
            env.cr.commit()
            count = 0
            for chunk in subjects._iterate_roots():
                retrying(chunk._rebuild_chunk, env)
                env.cr.commit()
                count += len(chunk)
                print(f"{count} people", flush=True)
        print("Done.")
