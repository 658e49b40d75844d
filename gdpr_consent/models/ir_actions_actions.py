from odoo import api, models


class IrActionsActions(models.Model):
    _inherit = "ir.actions.actions"

    @api.model
    def get_bindings(self, model_name):
        """Leave the add-on's actions out of the lists of records that aren't covered."""
        bindings = super().get_bindings(model_name)
        is_card = model_name in self.env["gdpr.subject.mixin"]._get_card_models()
        if not is_card or model_name in self.env["gdpr.scope"]._get_covered_models():
            return bindings
        owned = self.env["ir.model.data"].sudo()
        owned = owned.search([("module", "=like", "gdpr_consent%"), ("model", "=like", "ir.actions.%")])
        ids = set(owned.mapped("res_id"))
        return {kind: [action for action in actions if action["id"] not in ids] for kind, actions in bindings.items()}
