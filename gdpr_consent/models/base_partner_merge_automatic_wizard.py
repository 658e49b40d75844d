from odoo import api, models


class BasePartnerMergeAutomaticWizard(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    @api.model
    def _update_foreign_keys(self, src_partners, dst_partner):
        """Let a no that a merged contact said not be lost with the contact."""
        dst_partner.sudo()._gdpr_take_over(src_partners.sudo())
        return super()._update_foreign_keys(src_partners, dst_partner)
