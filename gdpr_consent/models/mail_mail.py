import re
from contextlib import suppress

from odoo import api, fields, models, modules
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import html2plaintext
from odoo.tools.mail import email_normalize, email_normalize_all

from odoo.addons.base.models.ir_mail_server import RFC5322_IDENTIFICATION_HEADERS

from .gdpr_consent_delivery import MAIL_QUEUE

# What templates hold in place of the personal links. The links themselves are put into the outgoing
# copy only, so that neither the chatter nor the queue ever holds one.
CONSENT_PLACEHOLDER = "/gdpr/consent/personal-link"
PREFERENCES_PLACEHOLDER = "/gdpr/preferences/personal-link"

# States of a request whose message has left.
ARRIVED = ("sent", "answered")

# Kept in one line as it is: Python encodes an address that is longer than a line, and mail programs don't decode it
# (RFC 2369, RFC 8058).
RFC5322_IDENTIFICATION_HEADERS.add("list-unsubscribe")


def put_links(body, addresses):
    """Give a text with addresses in place of what stands for them.

    :param body: text or markup; what it holds may have been made absolute by Odoo
    :param dict addresses: the absolute address by placeholder
    :rtype: as the body
    """
    text = str(body)
    for placeholder, address in addresses.items():
        text = re.sub(rf"(?:https?://[^\s\"'<>]*?)?{re.escape(placeholder)}", lambda _found, to=address: to, text)
    return body.__class__(text)


class MailMail(models.Model):
    _inherit = "mail.mail"

    gdpr_request_id = fields.Many2one("gdpr.consent.request", index="btree_not_null", ondelete="set null", copy=False)

    @api.model_create_multi
    def create(self, vals_list):
        mails = super().create(vals_list)
        asking = mails.filtered(
            lambda mail: (
                mail.state == "outgoing" and not mail.gdpr_request_id and CONSENT_PLACEHOLDER in (mail.body_html or "")
            )
        )
        if asking:
            self.env["gdpr.consent.request"]._attach_to_mails(asking)
        return mails

    def send_after_commit(self):
        """Let the messages leave once the transaction is committed, without a harm to who waits for its end.

        Where another transaction is in the way this is tried again; what couldn't be sent is left to Odoo's queue.
        """
        own = self.filtered(lambda mail: mail.sudo().gdpr_request_id or mail._is_of_request())
        others = self - own
        if others:
            super(MailMail, others).send_after_commit()
        if own and modules.module.current_test:
            own.send()
        elif own:
            ids, context = own.ids, self.env.context
            deliveries = self.env["gdpr.consent.delivery"]
            self.env.cr.postcommit.add(
                lambda: deliveries._act_apart(
                    lambda env: env["mail.mail"].with_context(**context).browse(ids).exists().send()
                )
            )

    def _is_of_request(self):
        """Tell whether the mail is about what somebody has asked of us, or about another record of the add-on."""
        self.ensure_one()
        return (self.sudo().model or "").startswith("gdpr.")

    def send(self, auto_commit=False, raise_exception=False, post_send_callback=None):
        """Leave out what has left before, although that isn't on record yet."""
        gone = self._settle_gone()
        if gone and post_send_callback:
            post_send_callback(gone.ids)
        if gone and gone == self:
            return True
        return super(MailMail, self - gone).send(
            auto_commit=auto_commit, raise_exception=raise_exception, post_send_callback=post_send_callback
        )

    def _settle_gone(self):
        """Put on record which of these mails the mail server took before; give those.

        Whoever settles the queue at this moment may have done so for the requests, and not for the mails yet.
        """
        asking = self.filtered(lambda mail: mail.state == "outgoing" and mail.sudo().gdpr_request_id)
        requests = asking.sudo().gdpr_request_id
        deliveries = self.env["gdpr.consent.delivery"].sudo()
        taken = requests and deliveries.search(
            [("request_id", "in", requests.ids), ("sender", "=", MAIL_QUEUE), ("state", "=", "sent")]
        )
        message_ids = {
            request.id: request.message_id for request in requests if request.state in ARRIVED and request.sent_on
        }
        message_ids |= {delivery.request_id.id: delivery.message_id for delivery in taken or ()}
        gone = asking.filtered(lambda mail: mail.sudo().gdpr_request_id.id in message_ids)
        for mail in gone:
            mail.write({"state": "sent", "message_id": message_ids[mail.sudo().gdpr_request_id.id] or mail.message_id})
        if taken:
            # A savepoint, for somebody else may be putting the same on record.
            with suppress(*PG_CONCURRENCY_EXCEPTIONS_TO_RETRY), self.env.cr.savepoint():
                requests._settle_mail_queue(taken.request_id.ids)
        return gone

    @api.model
    def process_email_queue(self, email_ids=None, batch_size=1000):
        self.env["gdpr.consent.delivery"]._act_apart(lambda env: env["gdpr.consent.request"]._settle_mail_queue())
        return super().process_email_queue(email_ids=email_ids, batch_size=batch_size)

    def _prepare_outgoing_list(self, mail_server=False, doc_to_followers=None):
        """Put the personal links into the copy that goes to the person, and into no other."""
        if self._is_of_request():
            # Hold the mail before it leaves: of two processes that send it, Odoo stops the second one only afterwards,
            # and the link in the second copy stands for nothing.
            self.flush_recordset()
        emails = super()._prepare_outgoing_list(mail_server=mail_server, doc_to_followers=doc_to_followers)
        request = self.sudo().gdpr_request_id
        tokens = None
        for email in emails:
            mail = self
            if self._is_personal_copy(email, request.email):
                tokens = tokens or self._gdpr_get_tokens() or request._begin_sending()
                self._insert_links(email, request, tokens)
                mail = self.with_context(gdpr_tokens={request.id: tokens})
            unsubscribe_url = mail._gdpr_get_unsubscribe(email)
            if unsubscribe_url:
                # The copies of one mail share their headers.
                email["headers"] = {
                    **email["headers"],
                    "List-Unsubscribe": f"<{unsubscribe_url}>",
                    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                }
        return emails

    @api.model
    def _is_personal_copy(self, email, address):
        """Tell whether an outgoing copy goes to this normalised address, and to no other."""
        return bool(address) and email["email_to_normalized"] == [address] and not email["email_cc"]

    def _gdpr_get_unsubscribe(self, email):
        """Give the address that unsubscribes who gets this copy by one click (RFC 8058, law.md R-77).

        :param dict email: an outgoing copy, as ``_prepare_outgoing_list`` gives it
        :return: an absolute address, or None where there is nothing to unsubscribe from
        """
        self.ensure_one()
        request = self.sudo().gdpr_request_id
        if not self._is_personal_copy(email, request.email):
            return None
        tokens = self._gdpr_get_tokens()
        if tokens:
            return f"{request.get_base_url()}/gdpr/unsubscribe/{tokens['unsubscribe']}"
        return self.env["gdpr.link"]._issue_unsubscribe(request.subject_id, request.email, request=request)

    def _gdpr_get_tokens(self):
        """Give the links that were made for the message."""
        return self.env.context.get("gdpr_tokens", {}).get(self.sudo().gdpr_request_id.id)

    def _get_addressees(self):
        """Give the normalised addresses the mail goes to."""
        self.ensure_one()
        addresses = [self.email_to or "", *self.recipient_ids.mapped("email")]
        return {address for text in addresses for address in email_normalize_all(text or "")}

    def _insert_links(self, email, request, tokens):
        base_url = request.get_base_url()
        email["body"] = put_links(
            email["body"],
            {
                CONSENT_PLACEHOLDER: f"{base_url}/gdpr/consent/{tokens['grant']}",
                PREFERENCES_PLACEHOLDER: f"{base_url}/gdpr/preferences/{tokens['preferences']}",
            },
        )
        email["body_alternative"] = html2plaintext(email["body"])

    def _has_reached_person(self, success_pids, success_emails):
        """Tell whether a copy with the personal link left, whatever became of the other copies."""
        self.ensure_one()
        request = self.gdpr_request_id
        reached = {email_normalize(email) for email in success_emails}
        reached.update(partner.email_normalized for partner in success_pids)
        return request.email in reached and (
            "grant" in request.link_ids.mapped("kind")
            or bool(self.env["gdpr.consent.delivery"].sudo()._find_in_hands(request.ids))
        )

    def _postprocess_sent_message(self, success_pids, success_emails, failure_reason=False, failure_type=None):
        for mail in self.sudo().filtered(lambda mail: mail.gdpr_request_id.state in ("queued", "failed")):
            if mail._has_reached_person(success_pids, success_emails):
                mail.gdpr_request_id._record_outcome("sent", message_id=mail.message_id)
            elif not mail.gdpr_request_id.is_in_doubt:
                mail.gdpr_request_id._record_outcome(
                    "failed",
                    reason=failure_reason
                    or mail.failure_reason
                    or self.env._("The message went to several addresses at once, so it carried no personal link."),
                )
        return super()._postprocess_sent_message(
            success_pids, success_emails, failure_reason=failure_reason, failure_type=failure_type
        )
