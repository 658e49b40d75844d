from zlib import crc32

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

# Addresses are taken by locks of the database, of which there aren't as many as there are addresses.
LOCKS, LOCK_COUNT = 1_196_445_778, 1024


class GdprSubject(models.Model):
    """One question at a time, whoever asks: a campaign, the job for new records, a user, a reminder.

    Two that ask in the same moment don't see what the other one hasn't committed yet. So whoever makes a request takes
    the person first, and the address.
    """

    _inherit = "gdpr.subject"

    def _take_to_ask(self, addresses=()):
        """Keep others from asking these people, and at these addresses, until the transaction ends.

        Waits for whoever asks them now, or records what they say. What this transaction has found out about them holds
        then. Their rows are written, though nothing changes in them: the database refuses whoever has looked before
        and comes to write after.

        :param addresses: pairs of the id of the company that asks and the normalised address
        :return: those of the addresses at which others have begun to be asked since the transaction began
        :rtype: set[tuple[int, str]]
        :raise psycopg2.errors.SerializationFailure: something has happened to one of them since the transaction began
        """
        ids = tuple(self.root_id.ids)
        if ids:
            for query in (
                SQL("SELECT FROM gdpr_subject WHERE id IN %s ORDER BY id FOR NO KEY UPDATE", ids),
                SQL("UPDATE gdpr_subject SET root_id = root_id WHERE id IN %s", ids),
            ):
                self.env.cr.execute(query, log_exceptions=False)
        emails = {email for _company_id, email in addresses if email}
        if not emails:
            return set()
        numbers = sorted({crc32(email.encode()) % LOCK_COUNT for email in emails})
        self.env.cr.execute(SQL("SELECT pg_advisory_xact_lock(%s, number) FROM unnest(%s) AS number", LOCKS, numbers))
        self.env["gdpr.consent.request"].flush_model(["email", "company_id", "subject_id", "state", "is_in_doubt"])
        query = self._get_address_questions_query(emails)
        seen = {row[3] for row in self.env.execute_query(query)}
        present = self.env["gdpr.consent.delivery"]._execute_now(query)
        people = set(self.root_id.ids)
        return {
            (company_id, email)
            for email, company_id, person_id, request_id, *_details in present
            if request_id not in seen and person_id not in people and (company_id, email) in addresses
        }

    @api.model
    def _start_again(self):
        """End the transaction so that it is begun anew: what was found out in it doesn't hold any more.

        :raise psycopg2.errors.SerializationFailure: always
        """
        self.env.cr.execute(
            "DO $$BEGIN RAISE 'Somebody else has begun to ask at the same address.' USING ERRCODE = '40001'; END$$",
            log_exceptions=False,
        )

    def _get_open_questions_query(self):
        """Give the query for what these people are being asked: id of the person, of the request, and its state."""
        return SQL(
            "SELECT subject_id, id, state FROM gdpr_consent_request"
            " WHERE subject_id IN %s AND state IN ('queued', 'sent') AND kind != 'confirmation'",
            tuple(self.ids) or (0,),
        )

    def _find_asked_meanwhile(self):
        """Give those of these people whom somebody else has begun to ask since this transaction began."""
        query = self._get_open_questions_query()
        seen = self.env.execute_query(query)
        present = self.env["gdpr.consent.delivery"]._execute_now(query)
        return self.browse(row[0] for row in sorted(set(present) - set(seen)))

    def _cancel_queued_questions(self):
        """Let nothing be sent any more that waits to be sent to these people: they are asked anew.

        :return: the people whose message a sender has in its hands, so that it can't be stopped
        :rtype: gdpr.subject
        """
        queued = self._find_queued_questions(Domain("subject_id", "in", self.ids))
        return self._cancel_unsent(queued, self.env._("Before it was sent, the person was asked in another way."))

    def _cancel_automatic_questions(self, addresses):
        """Let no question be sent that a rule or a job has queued for these people, or for these addresses.

        They get another message: the one by which they confirm what was typed, as in a form of the web site.

        :param addresses: pairs of the id of the company and the normalised address
        """
        emails = [email for _company_id, email in addresses]
        queued = self._find_queued_questions(
            (Domain("subject_id", "in", self.ids) | Domain("email", "in", emails))
            & Domain("is_automatic", "=", True)
            & Domain("campaign_id", "=", False)
        )
        queued = queued.filtered(
            lambda request: request.subject_id in self or (request.company_id.id, request.email) in addresses
        )
        self._cancel_unsent(queued, self.env._("Before it was sent, the person was asked to confirm what was typed."))

    @api.model
    def _find_queued_questions(self, domain):
        requests = self.env["gdpr.consent.request"].sudo()
        return requests.search(domain & Domain("state", "=", "queued") & Domain("kind", "!=", "confirmation"))

    @api.model
    def _cancel_unsent(self, queued, reason):
        """Cancel these requests; give the people whose message a sender has in its hands."""
        leaving = queued._lock_against_senders()
        cancelled = queued - leaving
        cancelled._cancel()
        cancelled.failure_reason = reason
        return leaving.subject_id
