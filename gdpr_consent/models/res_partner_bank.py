from odoo import models


class ResPartnerBank(models.Model):
    _inherit = "res.partner.bank"

    def _gdpr_is_unique(self, field):
        # The database knows the number without its spaces.
        return field.name == "acc_number" or super()._gdpr_is_unique(field)
