import base64

from odoo import fields, models


class GdprRectificationUpload(models.TransientModel):
    """Take the CSV file that a person sent back on whatever way."""

    _name = "gdpr.rectification.upload"
    _description = "Read Corrections From a File"

    request_id = fields.Many2one("gdpr.subject.request", required=True, ondelete="cascade")
    file = fields.Binary(
        "CSV File",
        required=True,
        attachment=False,
        help="The file the person sent back. What stands in its last column is proposed; nothing is changed yet.",
    )
    file_name = fields.Char()

    def action_read(self):
        """List what the file says beside what is on record.

        :raise UserError: it isn't the file that was sent
        """
        self.ensure_one()
        self.request_id.check_access("write")
        request = self.request_id
        request._propose_corrections(request._parse_corrections(base64.b64decode(self.file)))
        return {"type": "ir.actions.act_window_close"}
