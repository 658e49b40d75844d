from odoo import api, fields, models


class GdprSubjectRequestIdentification(models.TransientModel):
    """Say whose a request is that came with an address alone: of nobody known, or shared by several."""

    _name = "gdpr.subject.request.identification"
    _description = "Whose Data-Subject Request Is It"

    request_id = fields.Many2one("gdpr.subject.request", required=True, ondelete="cascade")
    candidate_ids = fields.Many2many(related="request_id.candidate_ids")
    applicant_name = fields.Char(related="request_id.applicant_name")
    email = fields.Char(related="request_id.email")
    subject_id = fields.Many2one(
        "gdpr.subject",
        string="Person",
        compute="_compute_subject_id",
        store=True,
        readonly=False,
        required=True,
        help="Who has asked. The request shows on the cards of this person from now on.",
    )
    reason = fields.Char(
        "How Do You Know?",
        required=True,
        help="Kept in the log of the request.",
    )

    @api.depends("request_id")
    def _compute_subject_id(self):
        for identification in self:
            candidates = identification.request_id.candidate_ids
            identification.subject_id = candidates if len(candidates) == 1 else False

    def action_confirm(self):
        """Let the request be this person's: what the unknown one has said becomes part of the person's history."""
        self.ensure_one()
        self.request_id._identify(self.subject_id, self.reason)
        return {"type": "ir.actions.act_window_close"}
