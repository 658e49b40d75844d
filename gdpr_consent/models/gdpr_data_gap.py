from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

# So long the lines of a list are used for the next one.
FRESH = timedelta(minutes=30)


class GdprDataGap(models.TransientModel):
    """A field that looks personal and that nobody declared, as the screen lists it. Made anew when it is opened."""

    _name = "gdpr.data.gap"
    _description = "Undeclared Data"
    _order = "kind, app, model, field"
    _rec_name = "field"

    app = fields.Char(readonly=True, help="The app that the field comes with.")
    model = fields.Char(readonly=True, required=True, help="The technical name of the model.")
    model_name = fields.Char("Records", readonly=True, help="The kind of records the field is on.")
    field = fields.Char(readonly=True, required=True, help="The technical name of the field.")
    field_label = fields.Char("Label", readonly=True, help="What users call the field.")
    kind = fields.Selection(
        [
            ("missing", "Declared, but there is no such field"),
            ("link", "Link to a person"),
            ("reference", "Link to any record"),
            ("email", "E-mail address"),
            ("phone", "Phone number"),
            ("network", "Network address"),
            ("part", "Part of a declared record"),
            ("properties", "Properties"),
        ],
        string="Looks Like",
        readonly=True,
        required=True,
        help="What makes the field look as if it held personal data.",
    )
    map_id = fields.Many2one(
        "gdpr.data.map",
        string="Row",
        readonly=True,
        ondelete="cascade",
        help="The row of the data map that could take the field up.",
    )

    @api.model
    def action_open(self):
        """Look for what nobody declared, and open the list of it."""
        self.check_access("read")
        # What another tab shows stays, so that it can go on from there.
        own = self.search([("create_uid", "=", self.env.uid)])
        fresh = own.filtered(lambda gap: gap.create_date > fields.Datetime.now() - FRESH)
        shown = {(gap.model, gap.field, gap.kind): gap for gap in fresh}
        maps = self.env["gdpr.data.map"].sudo()
        rows = {place.model: place for place in reversed(maps.search([("is_personal", "=", True)]))}
        apps = {}
        vals_list = []
        left = self.browse()
        for model, name, kind, place in maps._find_gaps():
            row = place or rows.get(model, place)
            if gap := shown.get((model, name, kind)):
                gap.map_id = row
                left |= gap
                continue
            records = self.env[model]
            field = records._fields.get(name)
            module = records._original_module
            apps.setdefault(module, None)
            vals_list.append(
                {
                    "app": module,
                    "model": model,
                    "model_name": records._description,
                    "field": name,
                    "field_label": field.string if field is not None else False,
                    "kind": kind,
                    "map_id": row.id,
                }
            )
        names = {
            module.name: module.shortdesc
            for module in self.env["ir.module.module"]
            .sudo()
            .search_fetch([("name", "in", list(apps))], ["name", "shortdesc"])
        }
        for vals in vals_list:
            vals["app"] = names.get(vals["app"]) or vals["app"]
        (own - left).unlink()
        self.create(vals_list)
        action = self.env["ir.actions.act_window"]._for_xml_id("gdpr_consent.gdpr_data_gap_action")
        # Without its number, so that whoever loads the page again comes here: an old list would say that all is well.
        return {name: value for name, value in action.items() if name not in ("id", "xml_id", "path")}

    def action_declare(self):
        """Ask what these fields are; of one that was declared and doesn't exist, open the row.

        :raise UserError: one of them was declared since
        """
        if self.exists() != self:
            raise UserError(
                self.env._("It is declared already, perhaps in another tab. Open Undeclared Data once more.")
            )
        wrong = self.filtered(lambda gap: gap.kind == "missing")
        if len(self) == 1 and wrong:
            return self.action_open_row()
        if wrong:
            raise UserError(
                self.env._("What is declared and doesn't exist is corrected in its row: open them one by one.")
            )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("What Is It?"),
            "res_model": "gdpr.data.declaration",
            "views": [[False, "form"]],
            "target": "new",
            "context": {"default_gap_ids": self.ids},
        }

    def action_open_row(self):
        """Open the row that the model has in the map."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.map_id.name,
            "res_model": "gdpr.data.map",
            "res_id": self.map_id.id,
            "views": [[False, "form"]],
        }
