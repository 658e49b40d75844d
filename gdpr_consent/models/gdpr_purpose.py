from dateutil.relativedelta import relativedelta

from odoo import fields, models
from odoo.exceptions import UserError

LEGAL_BASES = [
    ("consent", "Consent"),
    ("contract", "Contract"),
    ("legal_obligation", "Legal obligation"),
    ("vital_interests", "Vital interests"),
    ("public_interest", "Public interest"),
    ("legitimate_interests", "Legitimate interests"),
]


class GdprPurpose(models.Model):
    """Why the company uses personal data: one purpose, one choice (law.md R-01)."""

    _name = "gdpr.purpose"
    _description = "Purpose of Processing"
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True, help="Technical name, used by forms, imports and the API.")
    description = fields.Text(
        translate=True,
        help="What the person reads next to the choice: what you will do, in plain words.",
    )
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    legal_basis = fields.Selection(LEGAL_BASES, required=True, default="consent")
    channel_ids = fields.Many2many(
        "gdpr.channel", string="Channels", help="The ways of contact the person can choose among."
    )
    validity_months = fields.Integer(
        default=24, help="How long a consent stays valid, in months. 0: until it is withdrawn."
    )
    company_id = fields.Many2one("res.company", help="Empty: shared by all companies.")

    _code_company_uniq = models.UniqueIndex("(code, COALESCE(company_id, 0))", "Two purposes can't have the same code.")
    _code_format = models.Constraint(
        "CHECK (code ~ '^[a-z0-9_]+$')",
        "The code of a purpose is made of lower-case letters, digits and underscores.",
    )
    _validity_positive = models.Constraint(
        "CHECK (validity_months >= 0)", "The validity of a consent can't be negative."
    )

    def write(self, vals):
        """Refuse to swap the legal basis or the code once people have answered (law.md R-15)."""
        frozen = {
            field
            for field in ("legal_basis", "code")
            if field in vals and any(purpose[field] != vals[field] for purpose in self)
        }
        if frozen and self._has_events():
            raise UserError(
                self.env._(
                    "People have already answered about this purpose, so its code and legal"
                    " basis are part of the proof. Archive it and create a new purpose instead."
                )
            )
        return super().write(vals)

    def _get_expiry(self, given_on):
        """Give when a consent given at a time (UTC) lapses, or None when it doesn't."""
        self.ensure_one()
        return given_on + relativedelta(months=self.validity_months) if self.validity_months else None

    def _has_events(self):
        events = self.env["gdpr.consent.event"].sudo()
        return bool(events.search_count([("purpose_id", "in", self.ids)], limit=1))

    def _get_by_codes(self, codes):
        """Give the purposes that bear the codes, of the present company or shared."""
        return self.search([("code", "in", list(codes)), ("company_id", "in", [False, self.env.company.id])])
