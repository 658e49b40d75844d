from ast import literal_eval

from odoo import fields, models
from odoo.exceptions import ValidationError


class GdprCardWizard(models.AbstractModel):
    """A wizard opened from cards of any model."""

    _name = "gdpr.card.wizard"
    _description = "Wizard About Data Subjects"

    res_model = fields.Char(required=True)
    res_ids = fields.Char(required=True)

    def _get_cards(self):
        """Give the cards the wizard is about.

        :raise ValidationError: the model isn't one of cards
        """
        self.ensure_one()
        cards = self.env["gdpr.subject.mixin"]._get_cards(self.res_model, literal_eval(self.res_ids or "[]"))
        if cards is None:
            raise ValidationError(self.env._("This can only be done on a contact or a lead."))
        return cards
