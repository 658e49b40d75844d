from odoo import models


class MailMail(models.Model):
    """What becomes of the messages the law demands is on record with the notices."""

    _inherit = "mail.mail"

    def _postprocess_sent_message(self, success_pids, success_emails, failure_reason=False, failure_type=None):
        reached = bool(success_pids or success_emails)
        self._settle_notices(reached, failure_reason)
        return super()._postprocess_sent_message(
            success_pids, success_emails, failure_reason=failure_reason, failure_type=failure_type
        )

    def _settle_notices(self, reached=False, failure_reason=None):
        models_of_notices = self.env["gdpr.notice.mixin"]._get_notice_models()
        for mail in self.sudo().filtered(lambda mail: mail.model in models_of_notices):
            notice = self.env[mail.model].sudo().browse(mail.res_id).exists()
            notice = notice.filtered(lambda notice: notice.state in ("queued", "failed"))
            if reached:
                notice._mark_sent(mail.message_id)
            else:
                reason = failure_reason or mail.failure_reason
                notice._mark_failed(reason or self.env._("The message couldn't be sent."))
