import argparse
import sys

from odoo.cli import Command
from odoo.exceptions import UserError

from odoo.addons.gdpr_consent.tools.command import open_database


class GdprReplayErasures(Command):
    """Export the journal of erasures, or erase again whoever it names: after a backup was restored.

    ``gdpr_replay_erasures -d DATABASE --export FILE`` writes the signed journal; do it after each erasure, and keep it
    outside the database. ``--replay FILE`` erases again. Exit status: 0 done, 1 a file that
    can't be used, or somebody who couldn't be erased, 2 the add-on isn't installed.
    """

    name = "gdpr_replay_erasures"

    def run(self, args):
        """Run the command; what isn't its own are arguments of Odoo's server (``-c``, ``-d``)."""
        parser = argparse.ArgumentParser(prog="odoo gdpr_replay_erasures", description=self.__doc__, allow_abbrev=False)
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--export", metavar="FILE", help="write the signed journal to a file")
        what.add_argument("--replay", metavar="FILE", help="erase again whoever a journal exported earlier names")
        options, others = parser.parse_known_args(args)
        with open_database(others) as env:
            try:
                if options.export:
                    self.export(env, options.export)
                else:
                    self.replay(env, options.replay)
            except (OSError, UserError) as error:
                print(error, file=sys.stderr)
                sys.exit(1)

    def export(self, env, path):
        """Write the file."""
        with open(path, "wb") as file:
            count = env["gdpr.erasure.journal"]._export(file)
        print(f"{count} erasures.")

    def replay(self, env, path):
        """Order the erasures again, each in a transaction of its own, and carry them out."""
        journals = env["gdpr.erasure.journal"]
        with open(path, "rb") as file:
            lines = journals._read_export(file)
        index = journals._index_cards(lines)
        ordered = []
        for line in lines:
            ordered += journals._replay(line, index).ids
            env.cr.commit()
        requests = env["gdpr.subject.request"].browse(ordered)
        # Not within a scheduled action: each step commits all the same.
        while due := requests.filtered(lambda request: request.erasure_state in ("queued", "running", "telling")):
            for request in due:
                request._erase_next()
                env.cr.commit()
        env["ir.attachment"]._gc_file_store()
        failed = requests.filtered(lambda request: request.erasure_state != "finished")
        for request in failed:
            print(f"{request.name}: {request.erasure_note}")
        print(f"{len(lines)} erasures, {len(requests) - len(failed)} done again.")
        if failed:
            sys.exit(1)
