"""What tells mail programs how to treat a mail says nothing of the person."""

from odoo import SUPERUSER_ID, Command, api

SHIPPED = "headers, failure_reason, state, scheduled_date"
HEADERS = {"names": "headers", "origin": "none", "erasure": "keep", "reason": "How it is sent."}


def migrate(cr, version):
    """Take the headers out of what answers give, where the line is as it was shipped."""
    if not version:
        return
    env = api.Environment(cr, SUPERUSER_ID, {})
    place = env.ref("gdpr_consent.data_map_mail_mail", raise_if_not_found=False)
    if line := place and place.field_ids.filtered(lambda line: line.names == SHIPPED):
        line.names = SHIPPED.removeprefix("headers, ")
        place.field_ids = [Command.create(HEADERS)]
