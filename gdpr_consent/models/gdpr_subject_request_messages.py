from odoo import models


class GdprSubjectRequest(models.Model):
    """What a request itself holds of the person."""

    _inherit = "gdpr.subject.request"

    def _forget_messages(self):
        """Remove the messages and files of these requests, and the notes of their logs, which may name the person."""
        requests = self.sudo()
        requests.erasure_mail_id.unlink()
        messages = self.env["mail.message"].sudo()
        messages.search([("model", "=", self._name), ("res_id", "in", self.ids)]).unlink()
        mails = self.env["mail.mail"].sudo()
        mails.search([("model", "=", self._name), ("res_id", "in", self.ids)]).unlink()
        files = self.env["ir.attachment"].sudo()
        files.search([("res_model", "=", self._name), ("res_id", "in", self.ids)]).unlink()
        requests.step_ids._forget_notes()

    def _forget_what_hangs_on(self):
        """Remove the answers, corrections and notices that these requests led to, or what they tell of the person."""
        files = self.env["ir.attachment"].sudo()
        for model in ("gdpr.answer", "gdpr.rectification.line"):
            records = self.env[model].sudo().search([("request_id", "in", self.ids)])
            files.search([("res_model", "=", model), ("res_id", "in", records.ids)]).unlink()
            records.unlink()
        messages = self.env["mail.message"].sudo()
        for model in self.env["gdpr.notice.mixin"]._get_notice_models():
            notices = self.env[model].sudo().search([("request_id", "in", self.ids)])
            messages.search([("model", "=", model), ("res_id", "in", notices.ids)]).unlink()
            if model != "gdpr.recipient.notice":
                names = ("email", "reason", "statement", "failure_reason")
                notices._gdpr_anonymise([name for name in names if name in notices._fields])
