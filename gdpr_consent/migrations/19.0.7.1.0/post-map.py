"""Lines of requests for quotation aren't orders, which the law makes us keep."""

from odoo.addons.gdpr_consent.tools.map_migration import bring_up_to_date

CHANGES = {
    "data_map_purchase_order_line": {
        "domain": ("[('order_id.state', '!=', 'cancel')]", "[('order_id.state', 'in', ('purchase', 'to approve'))]")
    }
}


def migrate(cr, version):
    """Bring up to date what is as it was shipped."""
    if version:
        bring_up_to_date(cr, CHANGES)
