from odoo.tools import SQL

from .tools.immutability import FUNCTION_NAME


def uninstall_hook(env):
    """Remove what the ORM doesn't know of: the function behind the triggers.

    The triggers go with their tables, but the function would stay.
    """
    env.cr.execute(SQL("DROP FUNCTION IF EXISTS %s() CASCADE", SQL.identifier(FUNCTION_NAME)))
    env["ir.config_parameter"].sudo().search([("key", "=like", "gdpr_consent.%")]).unlink()
