from odoo import api, fields, models


class ResConfigSettings(models.TransientModel):
    """How data-subject requests are answered."""

    _inherit = "res.config.settings"

    gdpr_request_pause_days = fields.Integer(related="company_id.gdpr_request_pause_days", readonly=False)
    gdpr_request_target_days = fields.Integer(related="company_id.gdpr_request_target_days", readonly=False)
    gdpr_request_retention_months = fields.Integer(related="company_id.gdpr_request_retention_months", readonly=False)
    gdpr_authority_name = fields.Char(related="company_id.gdpr_authority_name", readonly=False)
    gdpr_authority_url = fields.Char(related="company_id.gdpr_authority_url", readonly=False)
    gdpr_request_alias_name = fields.Char("Alias for Requests")
    gdpr_request_alias_domain_id = fields.Many2one("mail.alias.domain", string="Alias Domain for Requests")

    @api.model
    def get_values(self):
        values = super().get_values()
        alias = self.env.company.sudo().gdpr_request_alias_id
        values["gdpr_request_alias_name"] = alias.alias_name
        values["gdpr_request_alias_domain_id"] = (alias.alias_domain_id or self.env.company.alias_domain_id).id
        return values

    def set_values(self):
        super().set_values()
        alias = self.company_id.sudo().gdpr_request_alias_id
        name, domain = self.gdpr_request_alias_name or "", self.gdpr_request_alias_domain_id
        if name != (alias.alias_name or "") or (name and domain != alias.alias_domain_id):
            self.company_id._gdpr_set_request_alias(name, domain)
