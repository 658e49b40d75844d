from odoo import fields, models


class GdprSubjectSplitting(models.TransientModel):
    """Tell that records describe somebody else than the other records of their person."""

    _name = "gdpr.subject.splitting"
    _inherit = ["gdpr.card.wizard"]
    _description = "Not the Same Person"

    reason = fields.Text("How You Know", required=True, help="It goes into the ledger of both.")

    def action_split(self):
        """Record that it is somebody else and close."""
        self.ensure_one()
        self._get_cards().gdpr_split(self.reason)
        return {"type": "ir.actions.act_window_close"}
