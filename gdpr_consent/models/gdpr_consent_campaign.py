from odoo import fields, models


class GdprConsentCampaign(models.Model):
    """Asking many for consent. States, and who sets them:

    * draft: set when it is made; nobody has been asked yet;
    * running: set when it is started, or goes on after a pause: people are queued, and the queue is sent;
    * paused: set by a user: what is queued waits;
    * done: set by the job when nobody is left to be asked;
    * cancelled: set by a user: what is queued won't be sent.
    """

    _name = "gdpr.consent.campaign"
    _description = "Consent Campaign"
    _order = "id DESC"

    name = fields.Char(required=True)
    model = fields.Char("Kind of Records", required=True, default="res.partner")
    domain = fields.Char(required=True, default="[]")
    form_id = fields.Many2one("gdpr.consent.form", string="Consent Form", ondelete="restrict")
    template_id = fields.Many2one("mail.template", string="E-mail Template", ondelete="restrict")
    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    user_id = fields.Many2one("res.users", string="Responsible", default=lambda self: self.env.user)
    scheduled_on = fields.Datetime("Start At")
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("running", "Running"),
            ("paused", "Paused"),
            ("done", "Done"),
            ("cancelled", "Cancelled"),
        ],
        required=True,
        readonly=True,
        default="draft",
        copy=False,
    )
    request_ids = fields.One2many("gdpr.consent.request", "campaign_id", readonly=True)
