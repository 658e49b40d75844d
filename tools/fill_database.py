"""Installs add-ons into a database and makes it ready for use; run by Odoo's Python as a script.

It does in one process what ``odoo -i``, ``odoo -u`` and ``odoo shell`` would do in three.
"""

import argparse
import logging
import sys

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.tools import config, file_open

# Debian's package lacks this file; the bundle that lists it logs an error in the browser.
MISSING_SCRIPT = "mail/static/lib/selfie_segmentation/selfie_segmentation.js"


def has_missing_script() -> bool:
    """Return whether this Odoo has the file that Debian leaves out."""
    try:
        with file_open(MISSING_SCRIPT):
            return True
    except FileNotFoundError:
        return False


def leave_out_missing_script(env: api.Environment) -> None:
    """Take the missing file out of its bundle, once."""
    bundle = env["ir.asset"].sudo()
    if not has_missing_script() and not bundle.search([("path", "=", MISSING_SCRIPT)]):
        bundle.create(
            {
                "name": "Script that this Odoo's package lacks",
                "bundle": "web.assets_backend",
                "directive": "remove",
                "path": MISSING_SCRIPT,
            }
        )


def install_languages(env: api.Environment, codes: list[str]) -> None:
    """Activate languages and load all installed modules' translations into them."""
    languages = env["res.lang"].with_context(active_test=False).search([("code", "in", codes)])
    wizard = env["base.language.install"].create({"lang_ids": languages.ids, "overwrite": False})
    wizard.lang_install()


def send_mail_every_minute(env: api.Environment) -> None:
    """Have the queues of outgoing mail emptied each minute, so that nobody waits for a mail."""
    for name in ("mail.ir_cron_mail_scheduler_action", "mass_mailing.ir_cron_mass_mailing_queue"):
        cron = env.ref(name, raise_if_not_found=False)
        if cron:
            cron.write({"interval_number": 1, "interval_type": "minutes"})


def main() -> int:
    """Fill the database the arguments name; return the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--install", default="")
    parser.add_argument("--upgrade", default="")
    parser.add_argument("--languages", default="")
    parser.add_argument("--demo", action="store_true")
    parser.add_argument("--empty-mail-queue", action="store_true")
    options = parser.parse_args()

    config.parse_config(
        ["-c", options.config, "-d", options.database, "--no-http", "--log-level=info"]
        + (["--with-demo"] if options.demo else []),
        setup_logging=True,
    )
    registry = Registry.new(
        options.database,
        update_module=True,
        install_modules=list(filter(None, options.install.split(","))),
        upgrade_modules=list(filter(None, options.upgrade.split(","))),
        new_db_demo=options.demo,
    )
    failures = registry._assertion_report
    if failures and not failures.wasSuccessful():
        return 1
    with registry.cursor() as cursor:
        env = api.Environment(cursor, SUPERUSER_ID, {})
        if options.languages:
            install_languages(env, options.languages.split(","))
        if options.empty_mail_queue:
            env["mail.mail"].search([("state", "=", "outgoing")]).unlink()
        if options.demo:
            send_mail_every_minute(env)
        leave_out_missing_script(env)
        env["ir.qweb"]._pregenerate_assets_bundles()
    logging.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
