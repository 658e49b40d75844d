from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    gdpr_answer_delivery = fields.Selection(
        [("link", "By a link that expires"), ("attachment", "Attached to the message")],
        string="Files of an Answer",
        required=True,
        default="link",
    )
    gdpr_download_days = fields.Integer("Files Kept For (Days)", default=14)
    gdpr_download_limit = fields.Integer("Downloads of a Link", default=10)

    _gdpr_downloads_positive = models.Constraint(
        "CHECK (gdpr_download_days > 0 AND gdpr_download_limit > 0)",
        "The files of an answer can be downloaded for a day and once at least.",
    )
