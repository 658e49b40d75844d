from odoo import fields, models


class GdprChannel(models.Model):
    """A way to reach a person: e-mail, phone, SMS, post."""

    _name = "gdpr.channel"
    _description = "Communication Channel"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True, help="Technical name, used by forms, imports and the API.")
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)

    _code_uniq = models.Constraint("UNIQUE(code)", "Two channels can't have the same code.")
    _code_format = models.Constraint(
        "CHECK (code ~ '^[a-z0-9_]+$')",
        "The code of a channel is made of lower-case letters, digits and underscores.",
    )

    def _get_by_codes(self, codes):
        """Give the channels that bear the codes, archived ones too."""
        return self.with_context(active_test=False).search([("code", "in", list(codes))])
