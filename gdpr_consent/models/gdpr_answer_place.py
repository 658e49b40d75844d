from odoo import api, fields, models
from odoo.fields import Domain

from ..tools.cells import make_cell
from .gdpr_answer import ORIGINS


class GdprAnswerPlace(models.Model):
    """What one place of the data map holds of a person, as it was found: frozen, so that reading it can go on."""

    _name = "gdpr.answer.place"
    _description = "Place in an Answer"
    _order = "sequence, id"

    answer_id = fields.Many2one("gdpr.answer", required=True, index=True, ondelete="cascade")
    map_id = fields.Many2one("gdpr.data.map", ondelete="set null")
    sequence = fields.Integer()
    name = fields.Char(required=True, help="In the language of the person.")
    model = fields.Char(required=True)
    is_card = fields.Boolean()
    columns = fields.Json(help="What is read of each record: see gdpr.data.map._get_columns.")
    left_out = fields.Json(help="Labels of the fields that aren't given out, by why.")
    record_ids = fields.Json(help="Ids of what was found.")
    doubtful_ids = fields.Json(help="Those that only an address of several people leads to.")
    done_count = fields.Integer()
    redaction_count = fields.Integer(help="How often somebody else was taken out of what nobody needs to look at.")
    part_ids = fields.One2many("gdpr.answer.part", "place_id")

    @api.depends("name", "map_id")
    @api.depends_context("lang")
    def _compute_display_name(self):
        """Name a place in the language of who reads it; what goes out has its name in that of the person."""
        for place in self:
            place.display_name = place.map_id.sudo().name or place.name

    def _get_shown_labels(self):
        """Give the labels of the fields in the language of the context, by those in the person's.

        :rtype: dict[str, str]
        """
        self.ensure_one()
        kind, source = self.answer_id.kind, self.sudo().map_id
        columns = source._get_columns(ORIGINS[kind])[0] if source and source._get_records() is not None else []
        shown = {column["name"]: column["label"] for column in columns}
        return {column["label"]: shown.get(column["name"], column["label"]) for column in self.columns or ()}

    def _get_held_categories(self):
        """Give the categories of the fields in which something of the person is held, in the order of the columns.

        What nobody has said is the person's doesn't count, nor does a zero, which Odoo writes by itself; what is held
        and not given out does.

        :rtype: list[str]
        """
        self.ensure_one()
        items = self.env["gdpr.answer.item"].search([("place_id", "=", self.id)])
        withheld = set(
            items.filtered(lambda item: item.kind == "record" and item.decision != "include").mapped("res_id")
        )
        held = {item.field for item in items if item.field and item.res_id not in withheld}
        for part_id in self.part_ids.ids:
            part = self.env["gdpr.answer.part"].browse(part_id)
            for row in part.rows or []:
                if row["id"] not in withheld:
                    held |= {name for name, value in row["values"].items() if value}
            part.invalidate_recordset()
        columns = [column for column in self.columns or () if column["name"] in held and column["category"]]
        return list(dict.fromkeys(column["category"] for column in columns))

    def _count_rows(self):
        """Give how many records go out."""
        self.ensure_one()
        left_out = Domain("kind", "=", "record") & Domain("decision", "!=", "include")
        return len(self.record_ids) - self.env["gdpr.answer.item"].search_count(
            Domain("place_id", "=", self.id) & left_out
        )

    def _iterate_rows(self):
        """Yield the records of this place as they go out, a batch in memory at a time.

        :return: what ``gdpr.data.map._read_records`` gave, with what was decided about texts and files
        """
        self.ensure_one()
        names = [column["name"] for column in self.columns or ()]
        for part_id in self.part_ids.ids:
            part = self.env["gdpr.answer.part"].browse(part_id)
            rows = part.rows or []
            items = self.env["gdpr.answer.item"].search(
                [("place_id", "=", self.id), ("res_id", "in", [row["id"] for row in rows])]
            )
            by_place = {(item.res_id, item.field): item for item in items}
            withheld = self._find_withheld(rows)
            for row in rows:
                whole = by_place.get((row["id"], False))
                if whole and whole.decision != "include":
                    continue
                self._withhold(row, withheld)
                values = {}
                # In the order of the columns: the database has an order of its own.
                for name in names:
                    item = by_place.get((row["id"], name))
                    values[name] = item._get_outgoing() if item else row["values"][name]
                yield {**row, "values": values}
            part.invalidate_recordset()
            items.invalidate_recordset()

    def _find_withheld(self, rows):
        """Give what goes out as the name of the linked records that the review changed, or left out.

        :return: the words, by model and id
        :rtype: dict[tuple[str, int], str]
        """
        linked = {tuple(link) for row in rows for links in row.get("links", {}).values() for link in links}
        items = self.env["gdpr.answer.item"].search(
            [
                ("answer_id", "=", self.answer_id.id),
                ("res_id", "in", [res_id for _model, res_id in linked]),
                ("decision", "!=", "include"),
            ]
        )
        withheld, mark = {}, self.answer_id.mark
        for item in items:
            record = (item.place_id.model, item.res_id)
            if record not in linked:
                continue
            if item.kind != "text":
                withheld[record] = mark
            elif item.field == self.env[record[0]]._rec_name:
                withheld.setdefault(record, item._get_outgoing() or mark)
        return withheld

    @api.model
    def _withhold(self, row, withheld):
        """Let nothing that was taken out of a record go out as its name, where another record links to it."""
        for name, links in row.get("links", {}).items():
            value = row["values"][name]
            names = [
                withheld.get(tuple(link), shown)
                for link, shown in zip(links, value if isinstance(value, list) else [value], strict=True)
            ]
            row["values"][name] = names if isinstance(value, list) else names[0]

    def _iterate_csv(self):
        """Yield the rows of the CSV of this place: the labels, then each record."""
        self.ensure_one()
        answer = self.answer_id
        sources = answer._get_sources()
        truth = {"True": self.env._("Yes"), "False": self.env._("No")}
        yield [self.env._("Recorded On"), self.env._("Source"), *(column["label"] for column in self.columns or ())]
        for row in self._iterate_rows():
            cells = [
                truth[str(row["values"][column["name"]])]
                if row.get("kinds", {}).get(column["name"]) == "boolean"
                else make_cell(row["values"][column["name"]])
                for column in self.columns or ()
            ]
            yield [row["recorded_on"] or "", sources[row["source"]], *cells]
