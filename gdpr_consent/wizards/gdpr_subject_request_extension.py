from odoo import fields, models


class GdprSubjectRequestExtension(models.TransientModel):
    """Take two months more to answer, and tell the person why (article 12(3))."""

    _name = "gdpr.subject.request.extension"
    _description = "Extend the Deadline of a Data-Subject Request"

    request_id = fields.Many2one("gdpr.subject.request", required=True, ondelete="cascade")
    email = fields.Char(related="request_id.email")
    reason = fields.Selection(
        [("complexity", "The request is complex"), ("number", "There are many requests")],
        required=True,
        default="complexity",
        help="Why one month isn't enough (article 12(3)). The person is told.",
    )
    note = fields.Text("Why It Takes Longer", required=True, help="The person reads this.")

    def action_extend(self):
        """Extend the deadline and tell the person."""
        self.ensure_one()
        self.request_id._extend(self.reason, self.note)
        return {"type": "ir.actions.act_window_close"}
