from odoo import models


class ResPartner(models.Model):
    _name = "res.partner"
    _inherit = ["res.partner", "gdpr.subject.mixin"]

    def _gdpr_get_name(self):
        self.ensure_one()
        return self.name or self.display_name

    def _gdpr_get_lang(self):
        return self.lang or super()._gdpr_get_lang()

    def _gdpr_get_default_basis(self, vals):
        # A company isn't a natural person.
        if vals.get("is_company") or vals.get("company_type") == "company":
            return ("not_applicable", None)
        return super()._gdpr_get_default_basis(vals)
