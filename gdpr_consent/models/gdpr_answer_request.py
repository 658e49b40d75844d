from odoo import models


class GdprAnswer(models.Model):
    """What an answer owes to its request: an address that is the person's, and the steps of the log."""

    _inherit = "gdpr.answer"

    def action_approve(self):
        """Note who has looked at what goes out."""
        self.filtered(lambda answer: answer.state == "review").request_id._check_gaps()
        reviewed = self.filtered(lambda answer: answer.state == "review" and not answer.undecided_count)
        reviewed.request_id._log_step("reviewed")
        return super().action_approve()

    def _check_sendable(self):
        super()._check_sendable()
        self.request_id._check_gaps()
        self.request_id._check_address()

    def _send_mail(self, values):
        """Note who sends it, and where to; that it left is noted when it did."""
        self.sudo()._check_sendable()
        self.request_id._log_step("dispatched", self.request_id.email)
        return super()._send_mail(values)
