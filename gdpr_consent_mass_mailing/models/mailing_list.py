from odoo import fields, models


class MailingList(models.Model):
    _inherit = "mailing.list"

    gdpr_purpose_id = fields.Many2one(
        "gdpr.purpose",
        string="Purpose",
        default=lambda self: self.env.ref("gdpr_consent.purpose_marketing", raise_if_not_found=False),
        domain="[('message_class', '=', 'marketing')]",
        ondelete="set null",
        help="What the list is for. Who leaves the list takes back the consent to this purpose, unless another list of"
        " the same purpose is kept.",
    )
