from odoo import api, fields, models, tools

from .gdpr_data_map_field import ERASURES, ORIGINS

FLAGS = frozenset(
    {"gdpr_personal", "gdpr_category_id", "gdpr_origin", "gdpr_erasure", "gdpr_is_free_text", "gdpr_reason"}
)


class IrModelFields(models.Model):
    """What an administrator says of a field: whether it is personal, and what becomes of it (law.md R-54)."""

    _inherit = "ir.model.fields"

    gdpr_personal = fields.Selection(
        [("yes", "Personal Data"), ("no", "Not Personal")],
        string="Data Privacy",
        help="What is said here comes before the data map. Empty: as the data map says.",
    )
    gdpr_category_id = fields.Many2one("gdpr.data.category", string="Kind of Data", ondelete="restrict")
    gdpr_origin = fields.Selection(
        [origin for origin in ORIGINS if origin[0] != "none"],
        string="Where It Comes From",
        help="Export takes what the person gave and what was observed; access all that is about the person.",
    )
    gdpr_erasure = fields.Selection(
        ERASURES, string="On Anonymising", help="What becomes of the value when the record stays. Empty: emptied."
    )
    gdpr_is_free_text = fields.Boolean(
        "Free Text", help="It may name other people: somebody looks before it is given out."
    )
    gdpr_reason = fields.Char("Why", help="Why it isn't personal, or why it is kept.")

    _gdpr_none_explained = models.Constraint(
        "CHECK (gdpr_personal IS DISTINCT FROM 'no' OR gdpr_reason IS NOT NULL)", "Say why the field isn't personal."
    )

    def write(self, vals):
        """Let what is said about data privacy be written on every field, Odoo's own too: the field stays as it is."""
        flags = {name: value for name, value in vals.items() if name in FLAGS}
        if not flags:
            return super().write(vals)
        self.check_access("write")
        # Past Odoo's refusal to change a field of its own, and past its rebuilding of the tables.
        models.Model.write(self, flags)
        self.env.registry.clear_cache()
        self._gdpr_make_places()
        others = {name: value for name, value in vals.items() if name not in FLAGS}
        return super().write(others) if others else True

    @api.model_create_multi
    def create(self, vals_list):
        created = super().create(vals_list)
        self.env.registry.clear_cache()
        created._gdpr_make_places()
        return created

    def _gdpr_make_places(self):
        """See that what is said to be personal is found."""
        personal = self.filtered(lambda field: field.gdpr_personal == "yes" and field.gdpr_origin != "other_person")
        if personal:
            self.env["gdpr.data.map"]._make_flagged_places(personal)

    @api.model
    @tools.ormcache()
    def _get_gdpr_flags(self):
        """Give what is said on fields: ``(name, category id, origin, erasure, is_free_text, reason)``, by model."""
        flags = {}
        for field in self.search([("gdpr_personal", "!=", False)]):
            origin = (field.gdpr_origin or "provided") if field.gdpr_personal == "yes" else "none"
            flags.setdefault(field.model, []).append(
                (
                    field.name,
                    field.gdpr_category_id.id,
                    origin,
                    field.gdpr_erasure or "empty",
                    field.gdpr_is_free_text,
                    field.gdpr_reason or "",
                )
            )
        return flags
