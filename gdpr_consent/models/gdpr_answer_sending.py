from datetime import timedelta

from odoo import Command, fields, models
from odoo.exceptions import UserError
from odoo.tools.mail import email_normalize

# What templates hold in place of the links; the links are put into the outgoing copy only.
DOWNLOAD_PLACEHOLDER = "/gdpr/download/personal-link"
CORRECTION_PLACEHOLDER = "/gdpr/rectification/personal-link"
LINK_KINDS = {DOWNLOAD_PLACEHOLDER: "download", CORRECTION_PLACEHOLDER: "rectification"}


class GdprAnswer(models.Model):
    """Sending what is ready, and knowing that it left."""

    _inherit = "gdpr.answer"

    def _check_sendable(self):
        """Refuse to send what isn't ready, or to nobody.

        :raise UserError: so
        """
        if self.state not in ("ready", "sent"):
            raise UserError(self.env._("Prepare the answer, and review it, before you send it."))
        if not email_normalize(self.request_id.email or ""):
            raise UserError(
                self.env._("There is no e-mail address to answer to: download the files and send them by post.")
            )

    def _get_template(self):
        """Give the e-mail template for the kind of answer.

        :raise UserError: it was deleted
        """
        template = self.env.ref(f"gdpr_consent.mail_template_answer_{self.kind}", raise_if_not_found=False)
        if not template:
            raise UserError(self.env._("The e-mail template for this answer was deleted: restore it first."))
        return template

    def _is_attached(self):
        """Tell whether the files go with the message, rather than by a link."""
        return self.company_id.gdpr_answer_delivery == "attachment"

    def _send(self):
        """Send the answer with its template, without a screen."""
        self.ensure_one()
        self._check_sendable()
        template = self._get_template().sudo()
        rendered = template._generate_template(
            self.request_id.ids, ("subject", "body_html", "email_from", "reply_to", "mail_server_id")
        )[self.request_id.id]
        return self._send_mail(rendered)

    def _send_mail(self, values):
        """Send a message whose text is ready, to the address of the request and to no other.

        :param dict values: of the mail
        :raise UserError: the text has no link that leads to the files
        """
        self.ensure_one()
        answer = self.sudo()
        answer._check_sendable()
        if not answer._is_attached() and not any(link in (values["body_html"] or "") for link in LINK_KINDS):
            raise UserError(
                self.env._(
                    "This message has no link to the answer. Put a link to %(placeholder)s into the text.",
                    placeholder=DOWNLOAD_PLACEHOLDER,
                )
            )
        answer.failure_reason = False
        files = [Command.link(file.id) for file in answer.attachment_ids] if answer._is_attached() else []
        mail = (
            self.env["mail.mail"]
            .sudo()
            .create(
                {
                    **{name: value for name, value in values.items() if value},
                    "attachment_ids": [*(values.get("attachment_ids") or []), *files],
                    "body": values["body_html"],
                    "model": "gdpr.subject.request",
                    "res_id": answer.request_id.id,
                    "email_to": answer.request_id.email,
                    "message_type": "email_outgoing",
                    "is_notification": True,
                    "auto_delete": False,
                    "gdpr_answer_id": answer.id,
                }
            )
        )
        mail.send_after_commit()
        return mail

    def _mark_sent(self):
        """Note that the message left: from now on the files wait for the person, and for their end."""
        for answer in self:
            now = fields.Datetime.now()
            answer.write(
                {
                    "state": "sent",
                    "sent_on": now,
                    "expires_on": now + timedelta(days=answer.company_id.gdpr_download_days),
                    "failure_reason": False,
                }
            )
            answer.request_id._log_step("sent", answer.request_id.email)

    def _mark_undelivered(self, reason):
        """Note that the message didn't leave. A request that was closed with it is open again."""
        for answer in self:
            answer.failure_reason = reason
            request = answer.request_id
            if request.state == "done" and not answer.sent_on:
                request.write({"state": "in_progress", "done_on": False, "resolution": False})
                request._log_step("reopened", reason)
                request._schedule_answer()
