from odoo import fields, models

REASONS = [
    ("not_covered", "Data privacy doesn't apply to the record"),
    ("not_consent", "The legal basis isn't Consent"),
    ("restricted", "The processing is suspended"),
    ("objected", "Objects to any marketing"),
    ("refused_lately", "Said no lately"),
    ("archived", "Archived"),
    ("no_email", "No e-mail address"),
    ("several_emails", "Several e-mail addresses"),
    ("invalid_email", "The e-mail address isn't valid"),
    ("no_form", "No published consent form"),
    ("other_company", "Belongs to another company"),
    ("already_asked", "Asked already"),
    ("in_doubt", "Asked already, but the sending was interrupted"),
    ("already_answered", "Agreed to everything already"),
    ("blacklisted", "The address is blacklisted"),
    ("same_person", "Another record of the same person is asked"),
    ("duplicate", "Another record with the same address is asked"),
]


class GdprConsentCampaignExclusion(models.Model):
    """A record that a campaign leaves out, and why. Written by the campaign, many at once."""

    _name = "gdpr.consent.campaign.exclusion"
    _description = "Record Left Out of a Campaign"
    _order = "id"
    _log_access = False

    campaign_id = fields.Many2one("gdpr.consent.campaign", required=True, readonly=True, index=True, ondelete="cascade")
    res_model = fields.Char(required=True, readonly=True)
    res_id = fields.Many2oneReference("Record", model_field="res_model", required=True, readonly=True)
    reason = fields.Selection(REASONS, required=True, readonly=True)

    _record_index = models.Index("(res_id, res_model)")
