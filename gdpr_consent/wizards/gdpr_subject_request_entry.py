from odoo import fields, models

from ..models.gdpr_subject_request import REQUEST_TYPES


class GdprSubjectRequestEntry(models.TransientModel):
    """Hand on what a person asks on the phone, in a meeting or by letter. Who types it needn't see the desk."""

    _name = "gdpr.subject.request.entry"
    _inherit = ["gdpr.card.wizard"]
    _description = "Record a Data-Subject Request"

    type = fields.Selection(REQUEST_TYPES, string="What the Person Asks", required=True)
    received_on = fields.Datetime(
        required=True,
        default=fields.Datetime.now,
        help="When it reached the company. The time to answer runs from here.",
    )
    note = fields.Text("What the Person Said")

    def action_record(self):
        """Make the request and say its number; the one that is open already where there is one."""
        self.ensure_one()
        card = self._get_cards().ensure_one()
        request = card._gdpr_receive_request(self.type, received_on=self.received_on, note=self.note)
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._(
                    "The privacy officer has the request: %(number)s, to be answered by %(day)s.",
                    number=request.name,
                    day=fields.Date.to_string(request.due_on),
                ),
                "next": {"type": "ir.actions.act_window_close"},
            },
        }
