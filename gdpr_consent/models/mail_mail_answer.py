from odoo import fields, models
from odoo.tools.mail import email_normalize, html2plaintext

from .gdpr_answer_sending import LINK_KINDS
from .mail_mail import put_links


class MailMail(models.Model):
    """Answers to data-subject requests: the link to the files is in the copy of the person, and nowhere else."""

    _inherit = "mail.mail"

    gdpr_answer_id = fields.Many2one("gdpr.answer", index="btree_not_null", ondelete="set null", copy=False)

    def _prepare_outgoing_list(self, mail_server=False, doc_to_followers=None):
        emails = super()._prepare_outgoing_list(mail_server=mail_server, doc_to_followers=doc_to_followers)
        answer = self.sudo().gdpr_answer_id
        address = answer and email_normalize(answer.request_id.email or "")
        for email in emails if address else ():
            if self._is_personal_copy(email, address):
                self._insert_answer_links(email, answer, address)
        return emails

    def _insert_answer_links(self, email, answer, address):
        body = str(email["body"])
        base_url = answer.company_id.get_base_url()
        for placeholder, kind in LINK_KINDS.items():
            if placeholder in body:
                token = self.env["gdpr.link"]._issue_for_answer(kind, answer, address)
                body = put_links(body, {placeholder: f"{base_url}/gdpr/{kind}/{token}"})
        email["body"] = email["body"].__class__(body)
        email["body_alternative"] = html2plaintext(body)

    def _postprocess_sent_message(self, success_pids, success_emails, failure_reason=False, failure_type=None):
        for mail in self.sudo().filtered("gdpr_answer_id"):
            answer = mail.gdpr_answer_id
            reached = {email_normalize(email) for email in success_emails}
            if email_normalize(answer.request_id.email or "") in reached:
                answer._mark_sent()
            else:
                answer._mark_undelivered(
                    failure_reason or mail.failure_reason or self.env._("The message could not be delivered.")
                )
        return super()._postprocess_sent_message(
            success_pids, success_emails, failure_reason=failure_reason, failure_type=failure_type
        )
