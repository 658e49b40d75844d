from odoo import models
from odoo.tools.mail import email_normalize, html2plaintext

from .gdpr_subject_request_declaration import REQUEST_PLACEHOLDER
from .gdpr_subject_request_identity import IDENTITY_PLACEHOLDER
from .mail_mail import put_links


class MailMail(models.Model):
    """The link by which a mailbox confirms a data-subject request is in the copy that leaves, and nowhere else."""

    _inherit = "mail.mail"

    def _prepare_outgoing_list(self, mail_server=False, doc_to_followers=None):
        emails = super()._prepare_outgoing_list(mail_server=mail_server, doc_to_followers=doc_to_followers)
        links = self.env["gdpr.link"]
        mail = self.sudo()
        if mail.model == "gdpr.subject.request.declaration":
            declaration = self.env[mail.model].sudo().browse(mail.res_id).exists()
            self._insert_request_link(
                emails, declaration.email, declaration, REQUEST_PLACEHOLDER, links._issue_for_declaration
            )
        elif mail.model == "gdpr.subject.request" and IDENTITY_PLACEHOLDER in (mail.body_html or ""):
            request = self.env[mail.model].sudo().browse(mail.res_id).exists()
            self._insert_request_link(
                emails, request.identity_email, request, IDENTITY_PLACEHOLDER, links._issue_for_identity
            )
        return emails

    def _insert_request_link(self, emails, address, record, placeholder, issue):
        """Put a link into the copies that go to one address.

        :param function issue: makes the token for the record
        """
        for email in emails:
            if record and self._is_personal_copy(email, email_normalize(address or "")):
                path = placeholder.rpartition("/")[0]
                url = f"{record.company_id.get_base_url()}{path}/{issue(record)}"
                email["body"] = put_links(email["body"], {placeholder: url})
                email["body_alternative"] = html2plaintext(email["body"])
