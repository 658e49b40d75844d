from odoo import fields, models

from ..models.gdpr_subject_request import REQUEST_TYPES


class GdprSubjectRequestEntry(models.TransientModel):
    """Hand on what a person asks on the phone, in a meeting or by letter. Who types it needn't see the desk."""

    _name = "gdpr.subject.request.entry"
    _inherit = ["gdpr.card.wizard"]
    _description = "Record a Data-Subject Request"

    type = fields.Selection(
        REQUEST_TYPES,
        string="What the Person Asks",
        required=True,
        help="It can be told later too; the time to answer runs all the same.",
    )
    received_on = fields.Datetime(
        required=True,
        default=fields.Datetime.now,
        help="When it reached the company. The time to answer runs from here.",
    )
    note = fields.Text(
        "What the Person Said",
        help="In the person's own words, as far as you have them.",
    )
    scan = fields.Binary(
        "Scan of the Letter",
        attachment=False,
        help="Kept with the request.",
    )
    scan_name = fields.Char()

    def action_record(self):
        """Make the request and say its number; the one that is open already where there is one."""
        self.ensure_one()
        card = self._get_cards().ensure_one()
        request = card._gdpr_receive_request(self.type, received_on=self.received_on, note=self.note)
        if self.scan:
            request._attach_scan(self.scan_name or self.env._("Scan"), self.scan)
        return request._notify_handed_on({"type": "ir.actions.act_window_close"})
