import logging
import smtplib
from datetime import timedelta

from psycopg2.errors import SerializationFailure

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL
from odoo.tools.mail import formataddr
from odoo.tools.misc import split_every

from .gdpr_consent_request_message import RENDERED_FIELDS
from .ir_qweb import COMPILED
from .mail_mail import CONSENT_PLACEHOLDER

_logger = logging.getLogger(__name__)

# Messages made at once; a campaign that is paused stops after as many.
BATCH = 100
SENDERS = (1, 2)
MOST_ATTEMPTS = 10
# After each attempt it takes so much longer until the next.
BETWEEN_ATTEMPTS = timedelta(minutes=10)


class MailServerGoneError(Exception):
    """The mail server can't be reached, or went away: what is queued waits for it."""


class GdprConsentRequest(models.Model):
    """Sending what campaigns have queued.

    Each sender is a scheduled action of its own, so that Odoo runs it in one worker of one server at a time. It works
    in batches of three transactions: take requests and make their links; make the messages and hand them to the mail
    server; record the outcome. What is in its hands is noted meanwhile (``gdpr.consent.delivery``), so that after a
    crash each request is sent once: it is free again, or is recorded as sent, or, where the mail server was just being
    given the text, as failed, for a human to look at.
    """

    _inherit = "gdpr.consent.request"

    attempt_count = fields.Integer(readonly=True, copy=False, help="How often the mail server couldn't take it.")
    next_attempt_on = fields.Datetime(readonly=True, copy=False)

    _campaign_queue_index = models.Index("(campaign_id, id) WHERE state = 'queued' AND campaign_id IS NOT NULL")

    @api.model
    def _trigger_senders(self):
        """Wake the scheduled actions that send what is queued."""
        for sender in SENDERS:
            self._get_sender_job(sender)._trigger()

    @api.model
    def _get_sender_job(self, sender):
        job = self.env.ref(f"gdpr_consent.ir_cron_campaign_sender_{sender}", raise_if_not_found=False)
        return job.sudo() if job else self.env["ir.cron"].sudo()

    @api.model
    def _cron_send(self, sender):
        """Send what running campaigns have queued, a batch of each in turn, until nothing is left or the time is over.

        :param int sender: number of the sender; runs once at a time
        """
        job = self.env["ir.cron"]
        self._recover(sender)
        if not self.env["gdpr.scope"]._is_enabled():
            # Switched off, the add-on writes to nobody.
            return
        delivery = self.env["gdpr.consent.delivery"]
        # What the mail server doesn't take, or another sender has just taken.
        passed = set()
        while campaign_ids := delivery._find_campaigns_to_send(passed):
            for campaign in self.env["gdpr.consent.campaign"].browse(campaign_ids):
                ids = self._claim(sender, campaign)
                if not ids or not self._send_batch(sender, campaign, ids):
                    passed.add(campaign.id)
                remaining = bool(delivery._find_campaigns_to_send(passed))
                if not job._commit_progress(len(ids), remaining=int(remaining)):
                    return
        self.env["gdpr.consent.campaign"]._close_finished()
        job._commit_progress(0)

    @api.model
    def _claim(self, sender, campaign):
        delivery = self.env["gdpr.consent.delivery"]
        while True:
            try:
                return delivery._claim(sender, campaign, BATCH)
            except SerializationFailure:
                # Another sender was quicker: what is left for this one is found out anew.
                continue

    @api.model
    def _send_batch(self, sender, campaign, ids):
        """Send requests that are claimed and put the outcome on record.

        :return: whether the mail server took them, or said of each why not
        :rtype: bool
        """
        problem = False
        try:
            self.browse(ids)._send_claimed()
        except MailServerGoneError as error:
            self.env.cr.rollback()
            problem = str(error)
            _logger.warning("The mail server can't take the requests of %s now: %s", campaign, problem)
        except SerializationFailure:
            # Somebody changed the same records; what hasn't left is free again.
            self.env.cr.rollback()
        except Exception:
            self.env.cr.rollback()
            self._settle(sender)
            raise
        self._settle(sender)
        if campaign.sending_problem != problem:
            campaign.sending_problem = problem
        return not problem

    # ------------------------------------------------------------
    # ONE BATCH
    # ------------------------------------------------------------

    def _send_claimed(self):
        """Send these requests, which are claimed, by Odoo's own mail messages.

        :raise MailServerGoneError: it can't be reached, or went away
        """
        due = self._drop_refused()
        for template, requests in due.grouped("template_id").items():
            tokens = requests._issue_links_at_once()
            # A link works before its message arrives.
            self.env.cr.commit()  # pylint: disable=invalid-commit
            mails = requests._make_mails_safely(template)
            try:
                mails._gdpr_deliver(tokens)
            finally:
                # What the server took before it went away is in the chatter.
                self.env.cr.commit()  # pylint: disable=invalid-commit

    def _drop_refused(self):
        """Cancel those who can't be asked any more; give the others, with the address they have now."""
        queued = self.filtered(lambda request: request.state == "queued")
        refused = queued._get_refused()
        open_requests = self.search(
            [
                ("subject_id", "in", queued.subject_id.ids),
                ("state", "in", ("queued", "sent")),
                ("kind", "!=", "confirmation"),
            ]
        )
        # Of several that wait for one person the one that was sent counts, else the oldest.
        chosen = {}
        for request in open_requests.sorted(lambda request: (request.state == "queued", request.id)):
            chosen.setdefault(request.subject_id, request)
        dropped = queued.filtered(
            lambda request: request.id in refused or chosen.get(request.subject_id, request) != request
        )
        dropped.write(
            {
                "state": "cancelled",
                "failure_reason": self.env._("When it was to be sent, the person couldn't be asked any more."),
            }
        )
        due = queued - dropped
        cards = due._get_cards_by_request()
        for request in due:
            email, lang = cards[request]._gdpr_get_email(), cards[request]._gdpr_get_lang()
            if (request.email, request.lang) != (email, lang):
                request.write({"email": email, "lang": lang})
        return due

    def _get_cards_by_request(self):
        """Give the record each person is asked from, read at once."""
        cards = {}
        for model, requests in self.grouped("res_model").items():
            found = self.env[model].sudo().with_context(active_test=False).browse(requests.mapped("res_id"))
            cards |= dict(zip(requests, found, strict=True))
        return cards

    def _issue_links_at_once(self):
        """Make the links of many outgoing messages.

        :return: the tokens by kind, by id of the request
        :rtype: dict[int, dict[str, str]]
        """
        self.link_ids.sudo().filtered(lambda link: link.kind == "grant").unlink()
        return self.env["gdpr.link"]._issue_for_requests(self)

    def _make_mails_safely(self, template):
        """Make the messages; one that can't be made is noted as failed and doesn't stop the others."""
        try:
            with self.env.cr.savepoint():
                return self._make_mails(template)
        except Exception as error:
            if len(self) > 1:
                return self.env["mail.mail"].union(*(request._make_mails_safely(template) for request in self))
            _logger.exception("The message of %s can't be made.", self)
            self.env["gdpr.consent.delivery"]._note([(self.id, "failed", None, str(error))])
            return self.env["mail.mail"].sudo()

    def _make_mails(self, template):
        """Make the messages, as the user who asks would; they are in nobody else's sight until they have left."""
        mails = self.env["mail.mail"].sudo()
        cards = self._get_cards_by_request()
        for (_model, user, company), requests in self.grouped(
            lambda request: (request.res_model, request.user_id, request.company_id)
        ).items():
            speaking = template.with_user(user).with_company(company).sudo().with_context(**{COMPILED: {}})
            rendered = speaking._generate_template(requests.mapped("res_id"), RENDERED_FIELDS)
            mails += mails.create(
                [request._prepare_campaign_mail(rendered[request.res_id], cards[request]) for request in requests]
            )
        return mails

    def _prepare_campaign_mail(self, values, card):
        self.ensure_one()
        if CONSENT_PLACEHOLDER not in (values["body_html"] or ""):
            # As where the link is in a part that isn't shown to everybody.
            raise UserError(self.env._("The message has no consent link."))
        values.pop("email_layout_xmlid", None)
        if not values.get("email_from"):
            values.pop("email_from", None)
        return {
            **values,
            "body": values["body_html"],
            "model": self.res_model,
            "res_id": self.res_id,
            "email_to": formataddr((card._gdpr_get_name() or "", self.email)),
            "message_type": "email_outgoing",
            # Stays in the record's chatter, without the links.
            "is_notification": True,
            "author_id": self.user_id.partner_id.id,
            "gdpr_request_id": self.id,
        }

    # ------------------------------------------------------------
    # THE OUTCOME
    # ------------------------------------------------------------

    @api.model
    def _recover(self, sender):
        """Put on record what this sender, or another that was stopped, left in its hands."""
        self._settle(sender, and_dead=True)

    @api.model
    def _settle(self, sender, and_dead=False):
        """Put on record what became of what is in a sender's hands, in a transaction of its own.

        :param bool and_dead: also what other senders that don't run have left
        """
        for _attempt in range(5):
            try:
                # Each time anew: only until the transaction ends can the others not start.
                senders = [sender, *(self._lock_dead_senders(sender) if and_dead else ())]
                left = self.env["gdpr.consent.delivery"]._find_left_by(senders)
                for chunk in split_every(1000, left, list):
                    self._settle_rows(chunk)
                self.env.cr.commit()  # pylint: disable=invalid-commit
                return
            except SerializationFailure:
                # A person acted at the same moment.
                self.env.cr.rollback()
        _logger.warning("The outcome of messages of sender %s is put on record by its next run.", sender)

    @api.model
    def _lock_dead_senders(self, sender):
        """Give the numbers of the other senders that don't run; none of them can start meanwhile."""
        dead = []
        for other in set(SENDERS) - {sender}:
            job = self._get_sender_job(other)
            # Odoo keeps the row of a job locked while it runs, in whatever server.
            if not job or job.try_lock_for_update():
                dead.append(other)
        return dead

    @api.model
    def _settle_rows(self, rows):
        requests = self.sudo().browse(row[0] for row in rows).exists()
        # Waits for answers that come at this moment.
        requests.subject_id._lock_heads()
        requests.invalidate_recordset()
        open_ids = set(requests.filtered(lambda request: request.state == "queued").ids)
        message_ids, failures, later, doubtful_ids = {}, {}, [], []
        for request_id, state, message_id, reason in rows:
            if request_id not in open_ids:
                if state == "sent" and not self.browse(request_id).message_id:
                    # The person has answered already.
                    self.browse(request_id).message_id = message_id
            elif state == "sent":
                message_ids[request_id] = message_id
            elif state == "later":
                later.append((request_id, reason))
            elif state == "failed":
                failures.setdefault(reason, []).append(request_id)
            elif state == "handed":
                doubtful_ids.append(request_id)
        self.browse(message_ids)._mark_sent(message_ids)
        for request_id, reason in later:
            request = self.browse(request_id)
            attempts = request.attempt_count + 1
            if attempts >= MOST_ATTEMPTS:
                failures.setdefault(reason, []).append(request_id)
            else:
                next_attempt = fields.Datetime.now() + attempts * BETWEEN_ATTEMPTS
                request.write({"attempt_count": attempts, "next_attempt_on": next_attempt})
        for reason, ids in failures.items():
            self.browse(ids)._mark_failed(reason)
        self.browse(doubtful_ids)._mark_failed(self._explain_doubt(), is_in_doubt=True)
        # Their campaign was cancelled while they were in a sender's hands.
        left = requests.filtered(lambda request: request.state == "queued" and request.campaign_id.state == "cancelled")
        left.write({"state": "cancelled"})
        self.env.flush_all()
        self.env.cr.execute(
            SQL("DELETE FROM gdpr_consent_delivery WHERE request_id IN %s", tuple(row[0] for row in rows))
        )

    def _explain_doubt(self):
        return self.env._(
            "The sending was interrupted while the mail server was being given this message, so it may have arrived or"
            " not. It isn't sent again by itself, so that nobody is asked twice."
        )

    def _lock_against_senders(self):
        """Let no sender take these requests until the transaction ends.

        :return: those that one has taken already
        :rtype: gdpr.consent.request
        """
        if not self:
            return self
        self.env.execute_query(
            SQL("SELECT id FROM gdpr_consent_request WHERE id IN %s ORDER BY id FOR UPDATE", tuple(self.ids))
        )
        return self.browse(sorted(self.env["gdpr.consent.delivery"]._find_in_hands(self.ids)))

    def _is_on_its_way(self):
        """Tell whether the message has left already, although that isn't on record yet."""
        self.ensure_one()
        deliveries = self.env["gdpr.consent.delivery"].sudo()
        return self.state == "queued" and bool(
            deliveries.search_count([("request_id", "=", self.id), ("state", "in", ("handed", "sent"))])
        )


def is_temporary(error):
    """Tell whether a mail server says that it can't take a message now, but may later."""
    cause = error
    while cause:
        if isinstance(cause, smtplib.SMTPRecipientsRefused):
            return all(400 <= code < 500 for code, _text in cause.recipients.values())
        if isinstance(cause, smtplib.SMTPResponseException):
            return 400 <= cause.smtp_code < 500
        cause = cause.__cause__ or cause.__context__
    return False
