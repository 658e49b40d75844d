from odoo import api, fields, models


class GdprConsentWithdrawal(models.TransientModel):
    """Record that a person took consent back, or wants no marketing at all, on the phone or by letter."""

    _name = "gdpr.consent.withdrawal"
    _inherit = ["gdpr.card.wizard"]
    _description = "Record a Withdrawal"

    is_objection = fields.Boolean(
        "No marketing at all",
        help="The person objects to any marketing, whatever the legal basis (article 21 GDPR). Nobody can override it"
        " but the person, by agreeing to marketing later.",
    )
    available_purpose_ids = fields.Many2many("gdpr.purpose", compute="_compute_available_purpose_ids")
    purpose_ids = fields.Many2many("gdpr.purpose", string="Purposes", help="Empty: everything the person agreed to.")
    source = fields.Selection(
        [
            ("phone", "On the phone"),
            ("meeting", "In a meeting"),
            ("paper", "By letter"),
            ("email", "By e-mail"),
        ],
        string="How",
        required=True,
        default="phone",
        help="How the person told you. It stands in the history.",
    )
    note = fields.Text("Note From the Person", help="The person's own words. No reason is needed.")

    @api.depends("res_model", "res_ids")
    def _compute_available_purpose_ids(self):
        for withdrawal in self:
            withdrawal.available_purpose_ids = withdrawal._get_cards().gdpr_purpose_ids

    def action_withdraw(self):
        """Record the withdrawal, or the objection, and close."""
        self.ensure_one()
        cards = self._get_cards()
        if self.is_objection:
            cards.gdpr_record_objection(source=self.source, note=self.note)
        else:
            cards.gdpr_withdraw_consent(self.purpose_ids or None, source=self.source, note=self.note)
        return {"type": "ir.actions.act_window_close"}
