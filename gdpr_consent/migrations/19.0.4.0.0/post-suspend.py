"""Requests to stop, and objections, take effect when they arrive; those that are open do so now."""

from odoo import SUPERUSER_ID, api
from odoo.tools import SQL


def migrate(cr, version):
    """Suspend for the open requests, and give the basis to the cards that never got one."""
    if not version:
        return
    env = api.Environment(cr, SUPERUSER_ID, {})
    for model in env["gdpr.subject.mixin"]._get_card_models():
        table = SQL.identifier(env[model]._table)
        cr.execute(
            SQL(
                "UPDATE %s SET (gdpr_legal_basis, gdpr_consent_state) = ('not_applicable', 'not_applicable')"
                " WHERE gdpr_legal_basis IS NULL AND gdpr_subject_id IS NULL",
                table,
            )
        )
    requests = env["gdpr.subject.request"].search(
        [("type", "in", ("restriction", "objection")), ("state", "in", ("new", "verifying", "in_progress"))]
    )
    requests._take_effect()
