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

    def _note_left_out(self, addresses):
        super()._note_left_out(addresses)
        for mail in self.sudo().filtered(lambda mail: addresses.get(mail.id) and mail.mailing_trace_ids):
            mail.mailing_trace_ids.write({"gdpr_reason": "some_addresses", "gdpr_left_out": mail.gdpr_left_out})

    def _stop(self, reason):
        super()._stop(reason)
        traces = self.sudo().mailing_trace_ids
        if reason == "undecided":
            traces.write({"trace_status": "error", "failure_type": "unknown", "gdpr_reason": reason})
        else:
            traces.write({"trace_status": "cancel", "failure_type": "mail_optout", "gdpr_reason": reason})
