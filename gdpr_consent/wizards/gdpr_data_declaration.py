from psycopg2.errors import ForeignKeyViolation

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..models.gdpr_data_map import ERASURES as PLACE_ERASURES
from ..models.gdpr_data_map_field import ERASURES, ORIGINS


class GdprDataDeclaration(models.TransientModel):
    """Saying what fields are that nobody declared: in the row of their model, or in a new one."""

    _name = "gdpr.data.declaration"
    _description = "Declaration of Data"

    gap_ids = fields.Many2many(
        "gdpr.data.gap",
        string="Fields",
        required=True,
        help="The fields that the new row covers. Take out what doesn't belong to the person.",
    )
    decision = fields.Selection(
        [
            ("path", "It leads to the person"),
            ("field", "It is about the person"),
            ("other_person", "It is about somebody else"),
            ("none", "It isn't personal"),
        ],
        string="The Field",
        required=True,
        default="path",
        help="What leads to a person finds the records of that person: their contact, their address.\n"
        "Somebody else is for example the colleague in charge.",
    )
    category_id = fields.Many2one(
        "gdpr.data.category",
        string="Kind of Data",
        help="What kind of data it is: access and export tell the person.",
    )
    origin = fields.Selection(
        [origin for origin in ORIGINS if origin[0] not in ("other_person", "none")],
        string="Where It Comes From",
        default="provided",
        help="Export takes what the person gave and what was observed; access all that is about the person.",
    )
    field_erasure = fields.Selection(
        ERASURES,
        string="On Anonymising",
        default="empty",
        help="Whether it is emptied when the record is anonymised.",
    )
    reason = fields.Text("Why", help="Kept with the row: whoever checks the map reads it.")
    has_new_row = fields.Boolean(compute="_compute_has_new_row")
    consequence = fields.Char(
        "What Follows", compute="_compute_consequence", help="What becomes of the records that a field leads from."
    )
    erasure = fields.Selection(
        [erasure for erasure in PLACE_ERASURES if erasure[0] != "keep"],
        string="On Erasure",
        default="anonymise",
        help="What becomes of the records when the person is erased. To keep them, say why in the row.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        try:
            with self.env.cr.savepoint():
                return super().create(vals_list)
        except ForeignKeyViolation as error:
            raise UserError(
                self.env._("It is declared already, perhaps in another tab. Open Undeclared Data once more.")
            ) from error

    @api.depends("gap_ids", "decision")
    def _compute_has_new_row(self):
        for declaration in self:
            is_needed = declaration.decision in ("path", "field")
            declaration.has_new_row = is_needed and not all(gap.map_id for gap in declaration.gap_ids)

    @api.depends("gap_ids", "decision")
    @api.depends_context("lang")
    def _compute_consequence(self):
        """Say what a path brings about where the row is there already: nothing else on the form tells it."""
        erasures = dict(self.env["gdpr.data.map"]._fields["erasure"]._description_selection(self.env))
        for declaration in self:
            rows = declaration.gap_ids.map_id if declaration.decision == "path" else declaration.gap_ids.map_id.browse()
            declaration.consequence = bool(rows) and self.env._(
                "The records that it leads from become the person's, and an erasure treats them so: %(rows)s.",
                rows=", ".join(f"{row.name} – {erasures[row.erasure]}" for row in rows),
            )

    def action_apply(self):
        """Write it into the map."""
        self.ensure_one()
        if self.decision == "none" and not self.reason:
            raise UserError(self.env._("Say why it isn't personal."))
        for model, gaps in self.gap_ids.grouped("model").items():
            # What is said of one field says nothing of the others of its model.
            is_said_of_field = self.decision == "none" or (self.decision != "path" and self._is_settled(model))
            if is_said_of_field and not gaps.map_id:
                self._flag(gaps)
                continue
            self._add_to_row(gaps.map_id[:1] or self._make_row(model, gaps), gaps)
        self.gap_ids.unlink()
        return {"type": "ir.actions.act_window_close"}

    @api.model
    def _is_settled(self, model):
        """Tell whether a row says that a model holds nothing personal, as it was before fields were added here."""
        return bool(
            self.env["gdpr.data.map"].search_count([("model", "=", model), ("is_personal", "=", False)], limit=1)
        )

    def _flag(self, gaps):
        """Say it on the fields themselves."""
        is_personal = self.decision != "none"
        is_about_person = self.decision == "field"
        values = {
            "gdpr_personal": "yes" if is_personal else "no",
            "gdpr_category_id": self.category_id.id if is_about_person else False,
            "gdpr_origin": (self.origin if is_about_person else self.decision) if is_personal else False,
            "gdpr_erasure": self.field_erasure if is_about_person else False,
            "gdpr_reason": self.reason,
        }
        flagged = self.env["ir.model.fields"].sudo()
        for gap in gaps:
            flagged |= flagged._get(gap.model, gap.field)
        flagged.write(values)

    def _make_row(self, model, gaps):
        """Make a row for a model that has none."""
        values = {
            "name": gaps[0].model_name,
            "model": model,
            "reason": self.reason,
            "erasure": self.erasure if self.has_new_row else "anonymise",
        }
        maps = self.env["gdpr.data.map"]
        # A path leads to what is found before: the parts of a record come after it.
        leading = [self.env[model]._fields[gap.field].comodel_name for gap in gaps if gap.kind in ("link", "part")]
        last = maps.search([("model", "in", leading), ("is_personal", "=", True)], order="sequence DESC", limit=1)
        if last:
            values["sequence"] = max(last.sequence + 1, maps.default_get(["sequence"])["sequence"])
        return maps.create(values)

    def _add_to_row(self, row, gaps):
        lines = gaps
        if self.decision == "path":
            for name, kinds in (
                ("path", ("link", "part")),
                ("email_fields", ("email",)),
                ("phone_fields", ("phone",)),
            ):
                found = gaps.filtered(lambda gap, kinds=kinds: gap.kind in kinds)
                if found:
                    row[name] = ", ".join(filter(None, [row[name], *found.mapped("field")]))
                    lines -= found
            for gap in gaps.filtered(lambda gap: gap.kind == "reference"):
                field = self.env[row.model]._fields[gap.field]
                if field.type == "many2one_reference" and not row.document_fields:
                    row.document_fields = f"{field.model_field}, {field.name}"
                    lines -= gap
        if lines:
            is_about_person = self.decision in ("path", "field")
            row.field_ids = [
                (
                    0,
                    0,
                    {
                        "names": ", ".join(lines.mapped("field")),
                        "category_id": self.category_id.id if is_about_person else False,
                        "origin": self.origin if is_about_person else self.decision,
                        "erasure": self.field_erasure if is_about_person else "keep",
                        "reason": self.reason,
                    },
                )
            ]
