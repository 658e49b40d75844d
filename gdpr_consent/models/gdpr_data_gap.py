from odoo import api, fields, models
from odoo.exceptions import UserError


class GdprDataGap(models.TransientModel):
    """A field that looks personal and that nobody declared, as the screen lists it. Made anew when it is opened."""

    _name = "gdpr.data.gap"
    _description = "Undeclared Data"
    _order = "kind, app, model, field"
    _rec_name = "field"

    app = fields.Char(readonly=True)
    model = fields.Char(readonly=True, required=True)
    model_name = fields.Char("Records", readonly=True)
    field = fields.Char(readonly=True, required=True)
    field_label = fields.Char("Label", readonly=True)
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
    )
    map_id = fields.Many2one("gdpr.data.map", string="Row", readonly=True, ondelete="cascade")

    @api.model
    def action_open(self):
        """Look for what nobody declared, and open the list of it."""
        self.check_access("read")
        self.search([("create_uid", "=", self.env.uid)]).unlink()
        maps = self.env["gdpr.data.map"].sudo()
        rows = {place.model: place for place in reversed(maps.search([("is_personal", "=", True)]))}
        apps = {}
        vals_list = []
        for model, name, kind, place in maps._find_gaps():
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
                    "map_id": (place or rows.get(model, place)).id,
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
        self.create(vals_list)
        return self.env["ir.actions.act_window"]._for_xml_id("gdpr_consent.gdpr_data_gap_action")

    def action_declare(self):
        """Ask what these fields are; of one that was declared and doesn't exist, open the row."""
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
