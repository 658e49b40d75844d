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
