"""What is remembered of deleted records is a list now, with an index of its own kind."""


def migrate(cr, version):
    """Drop the index that Odoo would keep: a long list doesn't fit into it."""
    if version:
        cr.execute("DROP INDEX IF EXISTS gdpr_subject__former_address_index")
