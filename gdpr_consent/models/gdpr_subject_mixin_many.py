from odoo import api, models
from odoo.fields import Domain


class GdprSubjectMixin(models.AbstractModel):
    """Acts on many cards at once, chosen in a list."""

    _inherit = "gdpr.subject.mixin"

    def action_gdpr_set_legal_basis(self):
        """Open the wizard that shows what setting the basis of these cards changes, and sets it."""
        self._gdpr_check_group("gdpr_consent.group_officer")
        return self._gdpr_open_wizard_on_selection("gdpr.legal.basis.setting", self.env._("Set legal basis"))

    def _gdpr_open_wizard_on_selection(self, model, name, **values):
        """Open a wizard about what is selected in a list. It is made here: a hundred thousand ids don't travel."""
        wizard = self.env[model]
        return self._gdpr_reopen_wizard(wizard.create({**wizard._prepare_selection(self), **values}), name)

    @api.model
    def _gdpr_reopen_wizard(self, wizard, name):
        """Open a wizard that was made before."""
        return {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": wizard._name,
            "res_id": wizard.id,
            "view_mode": "form",
            "target": "new",
        }

    def _gdpr_filter_writable(self):
        """Give those of these cards that the user may change, in one query.

        As ``_filtered_access``, which would read all of them.
        """
        if self.env.su or not self:
            return self
        if not self.browse().has_access("write"):
            return self.browse()
        rules = Domain(self.env["ir.rule"]._compute_domain(self._name, "write"))
        cards = self.sudo().with_context(active_test=False)
        return self.browse(cards.search(Domain("id", "in", self.ids) & rules).ids)

    def _gdpr_filter_changing(self, basis, reason):
        """Give those of these cards on which setting a basis, for a reason, changes something."""
        reason = (reason or "").strip()
        reasons = self._gdpr_read_last_values("reason", ["basis_changed"]) if reason else {}
        return self.browse(
            card_id
            for card_id, (subject_id, present) in self._gdpr_read_bases().items()
            if present != basis or (reason and reasons.get(subject_id) != reason)
        )
