"""From one hard-wired form to joined histories and purposes that say more."""

from odoo import SUPERUSER_ID, api

# What the shipped purposes use, as a new database has it.
DATA_CATEGORIES = {
    "purpose_marketing": ("name", "email", "phone", "address"),
    "purpose_profiling": ("name", "purchases"),
    "purpose_third_parties": ("name", "email", "phone", "address"),
}


def migrate(cr, version):
    """Make each person the end of their own history; let requests say their end, and purposes what they use."""
    if not version:
        return
    cr.execute("UPDATE gdpr_subject SET root_id = id WHERE root_id IS NULL")
    # What is answered by a link ends with it.
    cr.execute(
        """
        UPDATE gdpr_consent_request SET expires_on = link.expires_on FROM gdpr_link link
         WHERE link.request_id = gdpr_consent_request.id AND link.kind = 'grant'
           AND gdpr_consent_request.state = 'sent' AND gdpr_consent_request.expires_on IS NULL
        """
    )
    env = api.Environment(cr, SUPERUSER_ID, {})
    for purpose_name, names in DATA_CATEGORIES.items():
        purpose = env.ref(f"gdpr_consent.{purpose_name}", raise_if_not_found=False)
        categories = [env.ref(f"gdpr_consent.data_category_{name}", raise_if_not_found=False) for name in names]
        if purpose and not purpose.data_category_ids:
            purpose.data_category_ids = [category.id for category in categories if category]
