from odoo import models


class MailMail(models.Model):
    _inherit = "mail.mail"

    def _prepare_outgoing_list(self, mail_server=False, doc_to_followers=None):
        """Let the one click of a mailing take back its purpose, and no more; that of a mailing list leaves the list."""
        emails = super()._prepare_outgoing_list(mail_server=mail_server, doc_to_followers=doc_to_followers)
        mailing = self.sudo().mailing_id
        if not mailing or mailing.mailing_on_mailing_list:
            return emails
        for email in emails:
            if "/gdpr/unsubscribe/" not in email["headers"].get("List-Unsubscribe", ""):
                address = self._gdpr_get_unsubscribe(email)
                if address:
                    email["headers"] = {**email["headers"], "List-Unsubscribe": f"<{address}>"}
        return emails

    def _gdpr_get_unsubscribe(self, email):
        if self.sudo().mailing_id.mailing_on_mailing_list:
            return None
        return super()._gdpr_get_unsubscribe(email)

    def _gdpr_get_company(self):
        return self.mailing_id.user_id.company_id or super()._gdpr_get_company()

    def _postprocess_sent_message(self, success_pids, success_emails, failure_reason=False, failure_type=None):
        """Note on the traces of those that left whom they didn't go to: the mail may be deleted now."""
        left = self.browse() if failure_type else self.sudo().filtered("mailing_id").filtered("gdpr_left_out")
        for mail in left:
            mail.mailing_trace_ids.write({"gdpr_reason": "some_addresses", "gdpr_left_out": mail.gdpr_left_out})
        return super()._postprocess_sent_message(
            success_pids, success_emails, failure_reason=failure_reason, failure_type=failure_type
        )

    def _leave_out(self, partner_ids, addresses):
        left_out = super()._leave_out(partner_ids, addresses)
        if self.state == "cancel":
            self.sudo().mailing_trace_ids.write(
                {"trace_status": "cancel", "failure_type": "mail_optout", "gdpr_reason": "restricted"}
            )
        return left_out

    def _stop(self, reason):
        super()._stop(reason)
        traces = self.sudo().mailing_trace_ids
        if reason == "undecided":
            traces.write({"trace_status": "error", "failure_type": "unknown", "gdpr_reason": reason})
        else:
            traces.write({"trace_status": "cancel", "failure_type": "mail_optout", "gdpr_reason": reason})
