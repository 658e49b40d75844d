from ast import literal_eval

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain

# How many records Odoo's list hands over at most when all that match are selected, unless set otherwise.
ACTIVE_IDS_LIMIT = 20_000


class GdprCardWizard(models.AbstractModel):
    """A wizard opened from cards of any model: those selected in a list, or all that the filter of the list finds."""

    _name = "gdpr.card.wizard"
    _description = "Wizard About Data Subjects"

    res_model = fields.Char(required=True)
    res_ids = fields.Char(required=True)
    res_domain = fields.Char(help="The filter of the list.")
    whom = fields.Selection(
        [("selected", "The records selected"), ("all", "All that match the filter of the list")],
        string="For",
        required=True,
        default="selected",
        help="The records you ticked, or all that match the search.",
    )
    selected_count = fields.Integer("Selected", compute="_compute_counts", help="Records you ticked.")
    matching_count = fields.Integer(
        "Matching", compute="_compute_counts", help="Records that match the filter of the list."
    )

    @api.depends("res_model", "res_ids", "res_domain")
    def _compute_counts(self):
        for wizard in self:
            wizard.selected_count = len(literal_eval(wizard.res_ids or "[]"))
            wizard.matching_count = self.env[wizard.res_model].search_count(wizard._get_filter())

    def _get_cards(self):
        """Give the cards the wizard is about.

        :raise ValidationError: the model isn't one of cards
        """
        self.ensure_one()
        cards = self.env["gdpr.subject.mixin"]._get_cards(self.res_model, literal_eval(self.res_ids or "[]"))
        if cards is None:
            raise ValidationError(self.env._("This can only be done on a contact or a lead."))
        return cards.search(self._get_filter()) if self.whom == "all" else cards

    def _get_filter(self):
        return Domain(literal_eval(self.res_domain)) if self.res_domain else Domain.FALSE

    @api.model
    def _prepare_selection(self, cards):
        """Give the values of a wizard about what is selected in a list.

        When all that match are selected, Odoo's list hands over the first of them, up to a limit, and the filter.
        """
        domain = self.env.context.get("active_domain")
        limit = int(self.env["ir.config_parameter"].sudo().get_param("web.active_ids_limit", ACTIVE_IDS_LIMIT))
        return {
            "res_model": cards._name,
            "res_ids": str(cards.ids),
            "res_domain": str(domain) if domain is not None else False,
            "whom": "all" if domain is not None and len(cards) >= limit else "selected",
        }
