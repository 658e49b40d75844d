from odoo import models
from odoo.tools import SQL


class GdprSubject(models.Model):
    """One question at a time, whoever asks: a campaign, the job for new records, a user, a reminder.

    Two that ask in the same moment don't see what the other one hasn't committed yet. So whoever makes a request takes
    the person first.
    """

    _inherit = "gdpr.subject"

    def _take_to_ask(self):
        """Keep others from asking these people until the transaction ends.

        Waits for whoever asks them now, or records what they say. What this transaction has found out about them holds
        then. Their rows are written, though nothing changes in them: the database refuses whoever has looked before
        and comes to write after.

        :raise psycopg2.errors.SerializationFailure: something has happened to one of them since the transaction began
        """
        ids = tuple(self.root_id.ids)
        if ids:
            for query in (
                SQL("SELECT FROM gdpr_subject WHERE id IN %s ORDER BY id FOR NO KEY UPDATE", ids),
                SQL("UPDATE gdpr_subject SET root_id = root_id WHERE id IN %s", ids),
            ):
                self.env.cr.execute(query, log_exceptions=False)

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
        requests = self.env["gdpr.consent.request"].sudo()
        queued = requests.search(
            [("subject_id", "in", self.ids), ("state", "=", "queued"), ("kind", "!=", "confirmation")]
        )
        leaving = queued._lock_against_senders()
        cancelled = queued - leaving
        cancelled._cancel()
        cancelled.failure_reason = self.env._("Before it was sent, the person was asked in another way.")
        return leaving.subject_id
