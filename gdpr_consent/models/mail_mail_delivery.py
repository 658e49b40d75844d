import smtplib

from odoo import models
from odoo.tools.mail import email_split_and_format_normalize

from .gdpr_consent_request_sending import MailServerGoneError, is_temporary


class MailMail(models.Model):
    """Handing the messages of a campaign to the mail server, one after the other, with a note of how far it is."""

    _inherit = "mail.mail"

    def _gdpr_deliver(self, tokens):
        """Send these messages; each outcome is noted before the next leaves.

        What was sent isn't kept but in the chatter. Odoo's own sending commits after each message and reads all of
        it anew for the next; these are read at once.

        :param dict[int, dict[str, str]] tokens: the links, by id of the request
        :raise MailServerGoneError: it can't be reached, or went away; what hasn't left is still claimed
        """
        servers = self.env["ir.mail_server"]
        mails = self.with_context(gdpr_tokens=tokens)
        delivery = Delivery(self.env["gdpr.consent.delivery"])
        try:
            for server_id, alias_domain_id, smtp_from, ids in mails._split_by_mail_configuration():
                try:
                    session = servers._connect__(mail_server_id=server_id, smtp_from=smtp_from)
                except Exception as error:
                    raise MailServerGoneError(str(error)) from error
                delivery.watch(session)
                try:
                    for mail in mails.browse(ids):
                        mail._gdpr_deliver_one(servers.browse(server_id), alias_domain_id, session, delivery)
                finally:
                    close(session)
        finally:
            delivery.flush()
            left = mails.filtered(lambda mail: mail.gdpr_request_id.id in delivery.sent_ids)
            # The chatter tells of what was sent only.
            (mails - left).mail_message_id.unlink()
            left.unlink()

    def _gdpr_deliver_one(self, server, alias_domain_id, session, delivery):
        self.ensure_one()
        delivery.begin(self.gdpr_request_id.id)
        try:
            message_id = self._gdpr_hand_over(server, alias_domain_id, session)
        except (smtplib.SMTPServerDisconnected, ConnectionError, TimeoutError) as error:
            # What was being handed over is in doubt; the rest is free again.
            raise MailServerGoneError(str(error)) from error
        except Exception as error:
            if delivery.is_broken:
                raise
            delivery.end("later" if is_temporary(error) else "failed", reason=str(error))
        else:
            delivery.end("sent", message_id=message_id)

    def _gdpr_hand_over(self, server, alias_domain_id, session):
        (email,) = self._prepare_outgoing_list(mail_server=server)
        addresses = email.pop("email_to_normalized")
        servers = self.env["ir.mail_server"].with_context(send_validated_to=addresses)
        if alias_domain_id:
            domain = self.env["mail.alias.domain"].sudo().browse(alias_domain_id)
            servers = servers.with_context(
                domain_notifications_email=domain.default_from_email,
                domain_bounce_address=email["headers"].get("Return-Path") or domain.bounce_email,
            )
        senders = email_split_and_format_normalize(self.email_from)
        message = servers._build_email__(
            email_from=senders[0] if senders else self.email_from,
            email_to=email["email_to"],
            subject=email["subject"],
            body=email["body"],
            body_alternative=email["body_alternative"],
            email_cc=email["email_cc"],
            reply_to=email["reply_to"],
            attachments=email["attachments"],
            message_id=email["message_id"],
            references=email["references"],
            object_id=email["object_id"],
            subtype="html",
            subtype_alternative="plain",
            headers=email["headers"],
        )
        return servers.send_email(message, mail_server_id=server.id, smtp_session=session)


class Delivery:
    """Notes how far the messages are. One commit a message: the outcome of one is noted with the start of the next."""

    def __init__(self, model):
        self._model = model
        self._request_id = None
        self._outcomes = []
        self.sent_ids = set()
        self.is_broken = False

    def watch(self, session):
        """Have it noted just before a message's text is given to the mail server of a session (``smtplib.SMTP``)."""
        if session is None:
            return
        give_text = session.data

        def data(message):
            self._outcomes.append((self._request_id, "handed", None, None))
            self.flush()
            return give_text(message)

        session.data = data

    def begin(self, request_id):
        """Turn to the message of a request."""
        self._request_id = request_id

    def end(self, state, message_id=None, reason=None):
        """Note the outcome of the message."""
        self._outcomes.append((self._request_id, state, message_id, reason))
        if state == "sent":
            self.sent_ids.add(self._request_id)

    def flush(self):
        """Make what was noted last.

        :raise psycopg2.Error: the database can't be reached; nothing is handed over any more then
        """
        if self._outcomes:
            self.is_broken = True
            self._model._note(self._outcomes)
            self.is_broken = False
            self._outcomes = []


def close(session):
    """End a session with a mail server, whatever state it is in."""
    try:
        if session is not None:
            session.quit()
    except (smtplib.SMTPException, OSError):
        # It has gone already.
        return
