from odoo import api, fields, models

from ..models.gdpr_subject_request_refusal import GROUNDS, GROUNDS_BY_TYPE, TO_BE_PROVEN


class GdprSubjectRequestRefusal(models.TransientModel):
    """Say why nothing is done (article 12(4))."""

    _name = "gdpr.subject.request.refusal"
    _description = "Refuse a Data-Subject Request"

    request_id = fields.Many2one("gdpr.subject.request", required=True, ondelete="cascade")
    email = fields.Char(related="request_id.email")
    available_grounds = fields.Json(compute="_compute_available_grounds")
    ground = fields.Selection(
        GROUNDS,
        required=True,
        help="The person is told, with the remedies (article 12(4)).",
    )
    must_be_proven = fields.Boolean(compute="_compute_must_be_proven")
    explanation = fields.Text("In Words", required=True, help="The person reads this.")
    evidence = fields.Text(
        "What Proves It",
        help="For you and the supervisory authority; the person doesn't get it.",
    )
    authority = fields.Char(
        compute="_compute_authority", help="Named to the person, who can complain there (article 12(4))."
    )

    @api.depends("request_id")
    def _compute_available_grounds(self):
        for refusal in self:
            grounds = GROUNDS_BY_TYPE.get(refusal.request_id.type, ())
            refusal.available_grounds = [ground for ground, _label in GROUNDS if ground in grounds]

    @api.depends("ground")
    def _compute_must_be_proven(self):
        for refusal in self:
            refusal.must_be_proven = refusal.ground in TO_BE_PROVEN

    @api.depends("request_id")
    def _compute_authority(self):
        for refusal in self:
            company = refusal.request_id.company_id or self.env.company
            refusal.authority = company._gdpr_get_authority()[0]

    def action_refuse(self):
        """Refuse the request, or propose it to a second officer."""
        self.ensure_one()
        self.request_id._propose_refusal(self.ground, self.explanation, self.evidence)
        return {"type": "ir.actions.act_window_close"}
