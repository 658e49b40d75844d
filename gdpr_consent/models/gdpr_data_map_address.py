from odoo import api, models, tools


class GdprDataMap(models.Model):
    """Which records bear an address of their own, for those who must know it without asking for a person."""

    _inherit = "gdpr.data.map"

    @api.model
    @tools.ormcache()
    def _get_address_fields(self):
        """Give, by model, the fields with an address that the map declares.

        :rtype: dict[str, tuple[str]]
        """
        found = {}
        for place in self.sudo().search([("is_personal", "=", True), ("is_installed", "=", True)]):
            names = [name for name in place._get_email_fields() if "." not in name]
            if names:
                found[place.model] = tuple(dict.fromkeys((*found.get(place.model, ()), *names)))
        return found

    @api.model_create_multi
    def create(self, vals_list):
        self.env.registry.clear_cache()
        return super().create(vals_list)

    def write(self, vals):
        self.env.registry.clear_cache()
        return super().write(vals)

    def unlink(self):
        self.env.registry.clear_cache()
        return super().unlink()
