from odoo import fields, models


class GdprMailingCheckLine(models.TransientModel):
    """Those who are left out of a mailing for one reason."""

    _name = "gdpr.mailing.check.line"
    _description = "Left Out of a Mailing"
    _order = "count DESC, id"

    check_id = fields.Many2one("gdpr.mailing.check", required=True, readonly=True, ondelete="cascade")
    reason = fields.Char(readonly=True, help="Why these don't get it.")
    count = fields.Integer("Records", readonly=True, help="How many are left out for this reason.")
    card_ids = fields.Json(readonly=True)

    def action_open(self):
        """Open the records."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.reason,
            "res_model": self.check_id.mailing_id.mailing_model_real,
            "view_mode": "list,form",
            "domain": [("id", "in", self.card_ids)],
            "context": {"create": False},
        }
