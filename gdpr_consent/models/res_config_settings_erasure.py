from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    gdpr_erasure_second_officer = fields.Boolean(related="company_id.gdpr_erasure_second_officer", readonly=False)
    gdpr_erasure_delay_days = fields.Integer(related="company_id.gdpr_erasure_delay_days", readonly=False)
