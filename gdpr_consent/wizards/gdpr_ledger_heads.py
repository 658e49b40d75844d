import base64
import io

from odoo import fields, models
from odoo.exceptions import UserError


class GdprLedgerHeads(models.TransientModel):
    """Export the signed ends of all histories, and check the ledger against such a file later (law.md R-102)."""

    _name = "gdpr.ledger.heads"
    _description = "Signed Heads of the Ledger"

    file = fields.Binary(
        "Exported File",
        attachment=False,
        help="A file of heads that was exported before: Odoo tells whether the ledger still goes through them.",
    )
    filename = fields.Char()

    def action_export(self):
        """Download the file."""
        self.env["gdpr.subject"]._check_heads_access()
        return {"type": "ir.actions.act_url", "url": "/gdpr/ledger/heads", "target": "download"}

    def action_check(self):
        """Compare the ledger with the file, and show the result, which is kept."""
        self.ensure_one()
        self.env["gdpr.subject"]._check_heads_access()
        if not self.file:
            raise UserError(self.env._("Choose the file that was exported earlier."))
        verification = self.env["gdpr.ledger.verification"]._verify_heads(io.BytesIO(base64.b64decode(self.file)))
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Verification"),
            "res_model": "gdpr.ledger.verification",
            "res_id": verification.id,
            "view_mode": "form",
        }
