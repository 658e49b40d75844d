from odoo import fields, models
from odoo.exceptions import UserError

# More were marked with "select all": as many as fit on a page can be ticked by hand.
PAGE = 80


class GdprSubjectMixin(models.AbstractModel):
    """Asking many: what a list hands to a campaign."""

    _inherit = "gdpr.subject.mixin"

    gdpr_campaign_exclusion_ids = fields.One2many(
        "gdpr.consent.campaign.exclusion",
        "res_id",
        string="Left Out of Campaigns",
        groups="gdpr_consent.group_user",
    )

    def _gdpr_open_new_campaign(self):
        """Open a new campaign about these cards.

        About all that match the list's filter, where the user has selected those: the web client hands over no
        more than the first of very many.
        """
        if not self:
            raise UserError(self.env._("Choose whom you want to ask."))
        self.env["gdpr.consent.campaign"].check_access("create")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("New Campaign"),
            "res_model": "gdpr.consent.campaign",
            "view_mode": "form",
            "views": [(False, "form")],
            "context": {"default_model": self._name, "default_domain": repr(self._gdpr_get_selection_domain())},
        }

    def _gdpr_get_selection_domain(self):
        domain = self.env.context.get("active_domain")
        if domain is not None and len(self) > PAGE:
            limit = int(self.env["ir.config_parameter"].sudo().get_param("web.active_ids_limit", 20_000))
            if len(self) >= limit or self.search_count(domain) == len(self):
                return domain
        return [("id", "in", self.ids)]
