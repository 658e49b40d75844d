from odoo import api, fields, models
from odoo.exceptions import UserError


class GdprSubjectRequestIdentityCheck(models.TransientModel):
    """Ask the person to confirm, or record how it was made sure who asks (law.md R-46)."""

    _name = "gdpr.subject.request.identity.check"
    _description = "Check Who Makes a Data-Subject Request"

    request_id = fields.Many2one("gdpr.subject.request", required=True, ondelete="cascade")
    way = fields.Selection(
        [("ask", "Ask the person to confirm by e-mail"), ("checked", "I have made sure who asks")],
        string="How",
        required=True,
        default="ask",
        help="Ask for no more than is needed to be sure (article 12(6)).",
    )
    email = fields.Char(
        "Address",
        compute="_compute_email",
        store=True,
        readonly=False,
        help="An address of the person that you know from before; a link is sent there.",
    )
    known_addresses = fields.Char(
        compute="_compute_known_addresses",
        help="Addresses on the person's records. A mail to one of these proves most.",
    )
    method = fields.Char("How Did You Make Sure?", help="In a few words, without data from a document.")
    evidence_count = fields.Integer(compute="_compute_evidence_count")

    @api.depends("request_id")
    def _compute_email(self):
        for check in self:
            known = check._get_known_addresses()
            check.email = check.request_id.email if check.request_id.email in known else (known[0] if known else False)

    @api.depends("request_id")
    def _compute_known_addresses(self):
        for check in self:
            check.known_addresses = ", ".join(check._get_known_addresses())

    @api.depends("request_id")
    def _compute_evidence_count(self):
        for check in self:
            check.evidence_count = len(check.request_id.identity_evidence_ids)

    def _get_known_addresses(self):
        return sorted(self.request_id._get_known_addresses()) if self.request_id else []

    def action_confirm(self):
        """Send the question, or record the check."""
        self.ensure_one()
        if self.way == "ask":
            self.request_id._ask_to_confirm(self.email)
        elif not (self.method or "").strip():
            raise UserError(self.env._("Say how you made sure who asks."))
        else:
            self.request_id._record_identity("officer", self.method.strip())
        return {"type": "ir.actions.act_window_close"}
