"""Bank lines by the person's accounts, what an entry made of one shows, and the field of a tracked value."""

from odoo.addons.gdpr_consent.tools.map_migration import bring_up_to_date

# What was shipped, and what is now, by row and field.
CHANGES = {
    "data_map_account_bank_statement_line": {
        "sequence": (321, 299),
        "path": ("partner_id, move_id", "partner_id, move_id.partner_id, move_id.commercial_partner_id"),
        "account_fields": (None, "account_number, transaction_details"),
    },
    "data_map_account_move_entry": {
        "path": (
            "partner_id, partner_shipping_id, commercial_partner_id",
            "partner_id, partner_shipping_id, commercial_partner_id, statement_line_id",
        ),
    },
}
# Earlier values say which field they are of.
EARLIER_VALUES = (
    "old_value_char, old_value_text, old_value_datetime, old_value_integer, old_value_float, new_value_char,"
    " new_value_text, new_value_datetime, new_value_integer, new_value_float"
)


def migrate(cr, version):
    """Bring up to date what is as it was shipped."""
    if not version:
        return
    bring_up_to_date(cr, CHANGES)
    cr.execute(
        """
        UPDATE gdpr_data_map_field field SET names = 'field_id, ' || names
          FROM ir_model_data known
         WHERE known.module = 'gdpr_consent' AND known.name = 'data_map_mail_tracking_value'
           AND field.map_id = known.res_id AND field.names = %s
           AND NOT EXISTS (SELECT FROM gdpr_data_map_field other
                            WHERE other.map_id = field.map_id AND other.names LIKE '%%field_id%%')
        """,
        [EARLIER_VALUES],
    )
