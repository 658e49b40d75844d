"""What the commands of the add-on have in common."""

import sys
from contextlib import contextmanager

from odoo import api
from odoo.modules.registry import Registry
from odoo.tools import config


@contextmanager
def open_database(args):
    """Give an environment of the superuser on the one database that the arguments name.

    Ends the process, with a message, when they name none or several (status 1), or the add-on isn't installed there
    (status 2).

    :param list[str] args: arguments of Odoo's server (``-c``, ``-d``)
    """
    config.parse_config(args, setup_logging=True)
    databases = config["db_name"]
    if len(databases) != 1:
        sys.exit("Name one database with -d.")
    registry = Registry(databases[0])
    if "gdpr.subject" not in registry:
        sys.stderr.write("The add-on gdpr_consent isn't installed in this database.\n")
        sys.exit(2)
    with registry.cursor() as cr:
        yield api.Environment(cr, api.SUPERUSER_ID, {})
