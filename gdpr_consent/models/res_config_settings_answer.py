from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    gdpr_answer_delivery = fields.Selection(related="company_id.gdpr_answer_delivery", readonly=False, required=True)
    gdpr_download_days = fields.Integer(related="company_id.gdpr_download_days", readonly=False)
    gdpr_download_limit = fields.Integer(related="company_id.gdpr_download_limit", readonly=False)
