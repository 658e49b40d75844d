from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError


class GdprAnswerItem(models.Model):
    """A text, a file or a record that somebody looks at before it goes out (law.md R-53)."""

    _name = "gdpr.answer.item"
    _description = "Text or File to Review"
    # What nobody has decided about comes first, then what is redacted.
    _order = "decision DESC, id"
    _rec_name = "title"

    answer_id = fields.Many2one("gdpr.answer", required=True, readonly=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="answer_id.company_id", store=True)
    place_id = fields.Many2one("gdpr.answer.place", required=True, readonly=True, index=True, ondelete="cascade")
    place = fields.Char("Kind of Record", related="place_id.display_name", help="The kind of records it is from.")
    res_id = fields.Integer("Record", required=True, readonly=True)
    field = fields.Char(readonly=True, help="Empty: the whole record.")
    kind = fields.Selection(
        [("text", "Text"), ("file", "File"), ("record", "Record")],
        required=True,
        readonly=True,
        help="What it is: a text of the conversation, a change of a record, or a file.",
    )
    title = fields.Char("What", readonly=True, help="In the language of the person.")
    original_text = fields.Text("Found", readonly=True)
    shown_title = fields.Char("What It Is", compute="_compute_shown", help="In the language of who looks at it.")
    shown_text = fields.Text(
        "Text Found", compute="_compute_shown", help="What it says, with the places that name somebody else marked."
    )
    outgoing_text = fields.Text(
        "Given Out",
        compute="_compute_outgoing_text",
        store=True,
        readonly=False,
        help="What the person gets of this text. Black out what is about somebody else; the record"
        " itself isn't changed.",
    )
    proposed_text = fields.Text(readonly=True)
    outgoing_name = fields.Char(readonly=True, help="Where the file is in the archive.")
    redaction_count = fields.Integer(
        "Redacted",
        compute="_compute_redaction_count",
        store=True,
        help="Places that are blacked out in what the person gets of it.",
    )
    decision = fields.Selection(
        [("include", "Include"), ("redact", "Redact"), ("leave_out", "Leave out")],
        help="Redact: the text goes out as you see it, without what tells who somebody else is.",
    )
    state = fields.Selection(related="answer_id.state")
    undecided_count = fields.Integer(
        related="answer_id.undecided_count",
        string="Still to Decide",
        help="Texts and files of this answer that nobody has decided about. It can't be approved before.",
    )

    @api.depends("decision")
    def _compute_outgoing_text(self):
        for item in self:
            if item.decision == "redact":
                item.outgoing_text = item.proposed_text or item.outgoing_text or item.original_text
            else:
                item.outgoing_text = item.original_text if item.decision == "include" else False

    @api.depends("outgoing_text")
    def _compute_redaction_count(self):
        for item in self:
            item.redaction_count = (item.outgoing_text or "").count(item.answer_id.mark)

    @api.depends("title", "original_text", "kind", "field", "place_id")
    @api.depends_context("lang")
    def _compute_shown(self):
        """Give the labels in the language of who reads them; what goes out has them in that of the person."""
        for place, items in self.grouped("place_id").items():
            labels = place._get_shown_labels()
            for item in items:
                item.shown_title = item._show_title(labels)
                item.shown_text = item._show_text(labels)

    def _show_title(self, labels):
        """Give the title with the names of the place and the field in the language of the context."""
        title, place = self.title or "", self.place_id
        if title == place.name or title.startswith(f"{place.name} · "):
            title = place.display_name + title.removeprefix(place.name)
        start, dot, label = title.rpartition(" · ")
        return f"{start}{dot}{labels[label]}" if dot and label in labels else title

    def _show_text(self, labels):
        """Give what was found; of a record with the labels of its fields in the language of the context."""
        if self.kind != "record":
            return self.original_text
        lines = []
        for line in (self.original_text or "").split("\n"):
            label, colon, cell = line.partition(": ")
            lines.append(f"{labels[label]}{colon}{cell}" if colon and label in labels else line)
        return "\n".join(lines)

    @api.constrains("decision")
    def _check_decision(self):
        if self.filtered(lambda item: item.decision == "redact" and item.kind != "text"):
            raise UserError(self.env._("Only a text can be redacted: include a file, or leave it out."))

    def write(self, vals):
        """Refuse what comes too late: what is written already can't change any more, and is deleted here."""
        self._check_is_there()
        if not self.env.su and vals.keys() - {"decision", "outgoing_text"}:
            raise AccessError(self.env._("What was found isn't changed: decide on it, or redact what goes out."))
        if {"decision", "outgoing_text"} & vals.keys() and self.filtered(lambda item: item.state != "review"):
            self._refuse_late()
        return super().write(vals)

    def _check_is_there(self):
        """Refuse what comes after the files were written: nothing is left to decide then.

        :raise UserError: so
        """
        if self.exists() != self:
            self._refuse_late()

    def _refuse_late(self):
        raise UserError(self.env._("The review is over. Prepare the answer again to change what goes out."))

    def action_include(self):
        """Let these texts and files go out as they are."""
        self.decision = "include"

    def action_leave_out(self):
        """Give these texts and files to nobody."""
        self.decision = "leave_out"

    def action_redact(self):
        """Let these texts go out without other people."""
        self._check_is_there()
        self.filtered(lambda item: item.kind == "text").decision = "redact"

    def action_open_record(self):
        """Open what the text or file belongs to, with the user's own rights."""
        self.ensure_one()
        self._check_is_there()
        return {
            "type": "ir.actions.act_window",
            "res_model": self.place_id.model,
            "res_id": self.res_id,
            "view_mode": "form",
            "target": "new",
        }

    def _get_outgoing(self):
        """Give what of this goes out: a text, or where the file is; None for nothing."""
        self.ensure_one()
        if self.decision not in ("include", "redact"):
            return None
        return self.outgoing_name or None if self.kind == "file" else self.outgoing_text

    def _get_outgoing_title(self):
        """Give how a file is called as it goes out: as its name was reviewed, or by its number."""
        self.ensure_one()
        reviewed = self.search(
            [
                ("place_id", "=", self.place_id.id),
                ("res_id", "=", self.res_id),
                ("kind", "=", "text"),
                ("field", "=", "name"),
            ],
            limit=1,
        )
        if not reviewed:
            return self.title
        _name, dot, ending = self.title.rpartition(".")
        return reviewed._get_outgoing() or (f"{self.res_id}.{ending}" if dot else str(self.res_id))
