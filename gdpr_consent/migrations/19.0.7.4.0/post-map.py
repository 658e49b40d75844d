"""Addresses that a message didn't go to are the person's data as those it went to."""

from odoo import SUPERUSER_ID, api

CHANGES = {
    "data_map_mail_mail": ("email_to, email_cc", "email_to, email_cc, gdpr_left_out"),
    "data_map_mailing_trace": ("email", "email, gdpr_left_out?"),
}


def migrate(cr, version):
    """Add them to the lines that are as they were shipped."""
    if not version:
        return
    env = api.Environment(cr, SUPERUSER_ID, {})
    for xml_id, (shipped, now) in CHANGES.items():
        place = env.ref(f"gdpr_consent.{xml_id}", raise_if_not_found=False)
        if place:
            place.field_ids.filtered(lambda line, shipped=shipped: line.names == shipped).names = now
