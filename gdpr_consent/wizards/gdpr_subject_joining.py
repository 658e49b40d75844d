from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..tools.replay import Projection


class GdprSubjectJoining(models.TransientModel):
    """Tell that records describe the same person; see first what that changes."""

    _name = "gdpr.subject.joining"
    _inherit = ["gdpr.card.wizard"]
    _description = "Same Person"

    other = fields.Reference(
        selection="_selection_card_models", string="Other Record", help="The record that describes the same person."
    )
    asks_for_other = fields.Boolean(compute="_compute_asks_for_other")
    reason = fields.Text("How You Know", required=True, help="It goes into the ledger of both.")
    outcome = fields.Html(
        compute="_compute_outcome",
        sanitize=False,
        help="What the person's history says once the records are joined. The stricter answer counts.",
    )

    @api.model
    def _selection_card_models(self):
        models_by_name = self.env["ir.model"].sudo()
        names = sorted(self.env["gdpr.subject.mixin"]._get_card_models())
        return [(name, models_by_name._get(name).name) for name in names]

    @api.depends("res_ids")
    def _compute_asks_for_other(self):
        for wizard in self:
            wizard.asks_for_other = len(wizard._get_cards()) < 2

    @api.depends("other", "res_model", "res_ids")
    def _compute_outcome(self):
        for wizard in self:
            wizard.outcome = self.env["ir.qweb"]._render(
                "gdpr_consent.joining_outcome", {"rows": wizard._describe_outcome()}, raise_if_not_found=False
            )

    def _describe_outcome(self):
        """Give a row for each record and one for the person they become: name, basis, state, what is agreed to."""
        records = [record for cards in (self._get_cards(), self.other) if cards for record in cards]
        projections = []
        rows = []
        for record in records:
            subject = record.sudo().gdpr_subject_id.root_id
            projections.append(subject._replay()[subject.id] if subject else Projection())
            rows.append((record.display_name, projections[-1]))
        if len(rows) > 1:
            combined = projections[0]
            for projection in projections[1:]:
                combined = combined.combine(projection)
            rows.append((self.env._("Together"), combined))
        return [self._describe(name, projection) for name, projection in rows]

    def _describe(self, name, projection):
        subject = self.env["gdpr.subject"]
        bases = dict(subject._fields["legal_basis"]._description_selection(self.env))
        states = dict(self.env["gdpr.consent"]._fields["state"]._description_selection(self.env))
        answers = []
        for purpose in self.env["gdpr.purpose"].sudo().with_context(active_test=False).browse(projection.answers):
            answer = projection.answers[purpose.id]
            channels = self.env["gdpr.channel"]._get_by_codes(answer.channels).mapped("name")
            said = f"{purpose.name}: {states[answer.state]}"
            answers.append(f"{said} ({', '.join(channels)})" if channels and answer.state == "given" else said)
        if projection.objected:
            answers.append(self.env._("No marketing at all"))
        if projection.restricted:
            answers.append(self.env._("Processing suspended"))
        return {"name": name, "basis": bases[projection.legal_basis], "answers": answers}

    def action_join(self):
        """Record that it is the same person and close."""
        self.ensure_one()
        cards = self._get_cards()
        if len(cards) < 2 and not self.other:
            raise ValidationError(self.env._("Choose the other record."))
        cards.gdpr_join(self.other or cards.browse(), self.reason)
        return {"type": "ir.actions.act_window_close"}
