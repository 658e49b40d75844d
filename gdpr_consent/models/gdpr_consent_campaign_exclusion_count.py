from odoo import fields, models, tools

from .gdpr_consent_campaign_exclusion import REASONS


class GdprConsentCampaignExclusionCount(models.Model):
    """How many records a campaign leaves out for each reason."""

    _name = "gdpr.consent.campaign.exclusion.count"
    _description = "Records Left Out of a Campaign, by Reason"
    _auto = False
    _order = "record_count DESC, reason"

    campaign_id = fields.Many2one("gdpr.consent.campaign", readonly=True)
    reason = fields.Selection(REASONS, readonly=True, help="Why these aren't asked.")
    record_count = fields.Integer("Records", readonly=True, help="How many records aren't asked for this reason.")

    def init(self):
        tools.drop_view_if_exists(self.env.cr, self._table)
        self.env.cr.execute(
            """
            CREATE VIEW gdpr_consent_campaign_exclusion_count AS
            SELECT min(id) AS id, campaign_id, reason, count(*) AS record_count
              FROM gdpr_consent_campaign_exclusion
             GROUP BY campaign_id, reason
            """
        )

    def action_show_records(self):
        """Open the list of these records."""
        self.ensure_one()
        return self.campaign_id._open_records(
            self._fields["reason"].convert_to_export(self.reason, self),
            [
                (
                    "gdpr_campaign_exclusion_ids",
                    "any",
                    [("campaign_id", "=", self.campaign_id.id), ("reason", "=", self.reason)],
                )
            ],
            active_test=False,
        )
