"""Bank lines that say nothing of the payer but the name."""

from odoo.addons.gdpr_consent.tools.map_migration import bring_up_to_date

CHANGES = {"data_map_account_bank_statement_line": {"name_fields": (None, "partner_name")}}


def migrate(cr, version):
    """Bring up to date what is as it was shipped."""
    if version:
        bring_up_to_date(cr, CHANGES)
