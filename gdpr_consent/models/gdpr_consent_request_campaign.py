from odoo import models
from odoo.exceptions import UserError


class GdprConsentRequest(models.Model):
    """Failed requests of campaigns, in the hands of a user."""

    _inherit = "gdpr.consent.request"

    def action_ask_again(self):
        """Queue failed requests of campaigns again, those too of which it isn't known whether they arrived.

        :raise UserError: one hasn't failed, or is of no campaign; or the campaign can't ask
        """
        if any(request.state != "failed" or request.kind != "first" or not request.campaign_id for request in self):
            raise UserError(self.env._("Only failed requests of a campaign can be sent again."))
        queued = sum(campaign._ask_again(requests) for campaign, requests in self.grouped("campaign_id").items())
        if not queued:
            raise UserError(self.env._("None of them can be asked now. Their campaign tells why when you check again."))
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._(
                    "%(queued)s of %(count)s are queued again; the others can't be asked now.",
                    queued=queued,
                    count=len(self),
                )
                if queued < len(self)
                else self.env._("All are queued again."),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }
