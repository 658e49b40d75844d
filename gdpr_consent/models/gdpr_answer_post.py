from odoo import fields, models
from odoo.exceptions import UserError


class GdprSubjectRequest(models.Model):
    """Answers that go by paper: they count as sent, and their files end, as those that go by e-mail."""

    _inherit = "gdpr.subject.request"

    answer_redacted_count = fields.Integer(related="answer_id.redacted_count", string="Redaction Proposed")
    answer_undeclared = fields.Text(related="answer_id.undeclared", string="Not Declared")

    def action_sent_by_post(self):
        """Note that the files were printed and posted, and close the request.

        :raise UserError: there are no files yet
        """
        self.ensure_one()
        self.check_access("write")
        answer = self.sudo().answer_id
        if self.state != "in_progress" or answer.state != "ready":
            raise UserError(self.env._("Prepare the answer, and review it, before you send it."))
        self._check_gaps()
        answer.with_user(self.env.user).sudo()._mark_sent()
        if not (self.resolution or "").strip():
            speaking = self.with_context(lang=self.lang or self.env.lang)
            date = self.env["ir.qweb.field.date"].with_context(lang=speaking.env.lang)
            today = date.value_to_html(fields.Date.context_today(self), {})
            self.resolution = speaking.env._("We sent you the answer by post on %(date)s.", date=today)
        return self.action_fulfil()
