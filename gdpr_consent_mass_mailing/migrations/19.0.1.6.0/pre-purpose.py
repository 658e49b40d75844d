"""A mailing list could be for nothing, and whoever had left it was brought back by anybody who typed the address."""


def migrate(cr, version):
    """Let lists that are for nothing be for marketing, as new ones are."""
    if version:
        cr.execute(
            "UPDATE mailing_list SET gdpr_purpose_id = shipped.res_id FROM ir_model_data shipped"
            " WHERE gdpr_purpose_id IS NULL AND module = 'gdpr_consent' AND shipped.name = 'purpose_marketing'"
        )
