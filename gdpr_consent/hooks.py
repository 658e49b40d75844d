from odoo.tools import SQL

from .tools.immutability import FUNCTION_NAME

# What the triggers protect, and what refers to it.
LEDGER_MODELS = (
    "gdpr.consent.event.value",
    "gdpr.consent",
    "gdpr.consent.event",
    "gdpr.consent.form.version",
    "gdpr.ledger.verification",
)


def post_init_hook(env):
    """Publish the default form: only now are its translations loaded, and a published wording is frozen."""
    form = env.ref("gdpr_consent.default_form")
    if not form.version_number:
        form.action_publish()


def uninstall_hook(env):
    """Let go of what the ORM couldn't remove: the function behind the triggers, and the rows they protect."""
    env.cr.execute(SQL("DROP FUNCTION IF EXISTS %s() CASCADE", SQL.identifier(FUNCTION_NAME)))
    tables = [env[model]._table for model in LEDGER_MODELS]
    tables.append(env["gdpr.consent"]._fields["channel_ids"].relation)
    # All at once and without CASCADE, which would reach the contacts.
    env.cr.execute(SQL("TRUNCATE %s", SQL(", ").join(map(SQL.identifier, tables))))
    env["ir.config_parameter"].sudo().search([("key", "=like", "gdpr_consent.%")]).unlink()
    env["gdpr.oca.migration"]._drop_marks()
