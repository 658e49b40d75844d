from odoo import fields, models


class GdprConsentCampaign(models.Model):
    """What the sending of a campaign tells."""

    _inherit = "gdpr.consent.campaign"

    sending_problem = fields.Text(
        readonly=True, copy=False, help="Why the mail server takes nothing now. It is tried again by itself."
    )
