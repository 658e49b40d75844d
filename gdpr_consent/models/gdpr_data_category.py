import re

from odoo import api, fields, models
from odoo.exceptions import ValidationError


class GdprDataCategory(models.Model):
    """A kind of personal data: what a purpose uses and a person reads."""

    _name = "gdpr.data.category"
    _description = "Kind of Personal Data"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True, help="As the person reads it: “We use: name, e-mail address.”")
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    dpv_term = fields.Char(
        "Standard Term",
        required=True,
        default="PersonalData",
        help="What it is called in the machine-readable proof: a term of the W3C vocabulary of personal data (pd),"
        " e.g. EmailAddress.",
    )

    @api.constrains("dpv_term")
    def _check_dpv_term(self):
        for category in self:
            if not re.fullmatch(r"[A-Z][A-Za-z]*", category.dpv_term):
                raise ValidationError(
                    self.env._(
                        "“%(term)s” isn't a term of the vocabulary of personal data: those are written in letters"
                        " alone, like EmailAddress.",
                        term=category.dpv_term,
                    )
                )
