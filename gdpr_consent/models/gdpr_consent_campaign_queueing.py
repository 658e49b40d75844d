import logging

from psycopg2 import OperationalError
from psycopg2.extensions import TransactionRollbackError

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from .gdpr_consent_campaign_selection import BATCH

_logger = logging.getLogger(__name__)


class GdprConsentCampaign(models.Model):
    """Queueing the people of the campaigns that run, in batches that commit.

    The job runs in one worker at a time, and each batch notes how far it came in the same transaction: after a crash
    it goes on there, and asks nobody twice.
    """

    _inherit = "gdpr.consent.campaign"

    @api.model
    def _cron_queue(self):
        """Queue whom the running campaigns ask, and start those whose time has come."""
        job = self.env["ir.cron"]
        self._start_scheduled()
        self._close_finished()
        job._commit_progress(0, remaining=self.search_count(self._get_unqueued_domain()))
        # One after the other, so that a campaign sees whom another one asks.
        for campaign in self.search(self._get_unqueued_domain(), order="id"):
            while (processed := campaign._queue_safely()) is not None:
                left = self.search_count(self._get_unqueued_domain())
                if not job._commit_progress(processed, remaining=left):
                    return
        if self._close_finished():
            job._commit_progress(0)

    @api.model
    def _get_unqueued_domain(self):
        return [("state", "=", "running"), ("queued_on", "=", False)]

    @api.model
    def _start_scheduled(self):
        due = self.search([("state", "=", "scheduled"), ("scheduled_on", "<=", fields.Datetime.now())], order="id")
        for campaign in due:
            try:
                with self.env.cr.savepoint():
                    campaign.action_start()
            except UserError as error:
                campaign.write({"state": "paused", "failure_reason": str(error)})

    def _queue_safely(self):
        """Queue the next batch; pause the campaign when that can't be done, with the reason.

        :return: the number of records dealt with; None when nothing is left to do
        """
        try:
            return self._queue_or_pause()
        except TransactionRollbackError:
            # Somebody asks one of them at this moment, or one of them answers: once more, with what is on record now.
            self.env.cr.rollback()
            return 0

    def _queue_or_pause(self):
        if not self.try_lock_for_update():
            return None
        self.invalidate_recordset()
        if self.state != "running" or self.queued_on:
            return None
        try:
            with self.env.cr.savepoint():
                processed = self._queue_batch()
        except OperationalError:
            raise
        except Exception as error:
            self.env.invalidate_all(flush=False)
            reason = str(error)
            if not isinstance(error, UserError):
                _logger.exception("The campaign %s can't go on.", self.id)
                reason = self.env._("Something went wrong: %(error)s", error=reason)
            self.write({"state": "paused", "failure_reason": reason})
            processed = 0
        self.env.invalidate_all()
        return processed

    def _queue_batch(self):
        self._check_startable()
        batch = self._find_batch(self.last_queued_id)
        if not batch:
            self.queued_on = fields.Datetime.now()
            self.env["gdpr.consent.request"]._trigger_senders()
            return 0
        chosen, excluded = self._sort_out(batch)
        self._take_chosen(chosen)
        self._insert_exclusions(excluded)
        self._insert_requests(batch, self._requeue(batch, chosen))
        self.last_queued_id = batch.ids[-1]
        return len(batch)

    @api.model
    def _take_chosen(self, chosen):
        self.env["gdpr.subject"].browse(candidate.person_id for candidate in chosen)._take_to_ask()

    def _requeue(self, batch, chosen):
        """Queue again those whom the campaign couldn't reach before; give the others."""
        people = {candidate.person_id: candidate for candidate in chosen}
        if not people:
            return []
        unreached = self.env["gdpr.consent.request"].search(
            [
                ("campaign_id", "=", self.id),
                ("kind", "=", "first"),
                ("state", "in", ["failed", "cancelled"]),
                ("subject_id", "in", list(people)),
            ]
        )
        # What of a mail is left must not leave as well.
        unreached.mail_mail_ids.filtered(lambda mail: mail.state in ("outgoing", "exception")).write(
            {"state": "cancel"}
        )
        unreached.mail_mail_ids.write({"gdpr_request_id": False})
        number = self.form_id.version_number
        for request in unreached:
            candidate = people.pop(request.subject_id.id, None)
            if candidate:
                request.write(
                    {
                        "state": "queued",
                        "res_id": candidate.card_id,
                        "email": candidate.email,
                        "lang": batch.browse(candidate.card_id).sudo()._gdpr_get_lang(),
                        "version_number": number,
                        "failure_reason": False,
                        "is_in_doubt": False,
                        "sent_on": False,
                        "expires_on": False,
                        "attempt_count": 0,
                        "next_attempt_on": False,
                    }
                )
        return [candidate for candidate in chosen if candidate.person_id in people]

    def _ask_again(self, requests):
        """Queue failed requests again, as a user wants who has looked at them.

        :return: how many can be asked
        :rtype: int
        :raise UserError: the campaign was cancelled, or something is missing or wrong
        """
        self._lock_for_action()
        if self.state not in ("running", "paused", "done"):
            raise UserError(self._describe_state())
        self._check_startable()
        campaign = self.sudo()
        requests = requests.sudo()
        doubtful = requests.filtered("is_in_doubt")
        doubtful.is_in_doubt = False
        cards = self._get_records().browse(requests.mapped("res_id")).exists()._filtered_access("read")
        chosen = campaign._sort_out(cards)[0] if cards else []
        campaign._take_chosen(chosen)
        campaign._requeue(cards, chosen)
        doubtful.filtered(lambda request: request.state == "failed").is_in_doubt = True
        if chosen and campaign.state == "done":
            campaign.state = "running"
        self.env["gdpr.consent.request"]._trigger_senders()
        return len(chosen)

    def _insert_requests(self, batch, chosen):
        """Write the requests behind the ORM's back: there may be a hundred thousand."""
        if not chosen:
            return
        cards = batch.sudo()
        now = fields.Datetime.now()
        common = (
            self.id,
            "first",
            "queued",
            self.company_id.id,
            self.model,
            self.form_id.id,
            self.form_id.version_number,
            self.template_id.id,
            self.user_id.id,
            self.user_id.id,
            self.user_id.id,
            now,
            now,
        )
        self.env.cr.execute_values(
            "INSERT INTO gdpr_consent_request (campaign_id, kind, state, company_id, res_model, form_id,"
            " version_number, template_id, user_id, create_uid, write_uid, create_date, write_date, subject_id, res_id,"
            " email, lang) VALUES %s",
            [
                (
                    *common,
                    candidate.person_id,
                    candidate.card_id,
                    candidate.email,
                    cards.browse(candidate.card_id)._gdpr_get_lang(),
                )
                for candidate in chosen
            ],
            page_size=BATCH,
        )

    @api.model
    def _close_finished(self):
        """Let the campaigns be done of which everybody is queued and nobody waits in the queue any more.

        :return: those
        """
        self.env["gdpr.consent.request"].flush_model(["campaign_id", "kind", "state"])
        self.flush_model(["state", "queued_on"])
        rows = self.env.execute_query(
            SQL(
                """
                SELECT campaign.id FROM gdpr_consent_campaign campaign
                 WHERE campaign.state = 'running' AND campaign.queued_on IS NOT NULL
                   AND NOT EXISTS (SELECT 1 FROM gdpr_consent_request request
                                    WHERE request.campaign_id = campaign.id AND request.state = 'queued'
                                      AND request.kind = 'first')
                """
            )
        )
        finished = self.sudo().browse(row[0] for row in rows).try_lock_for_update()
        finished.write({"state": "done"})
        return finished

    def _cancel_queued(self):
        """Let nobody who is still queued be asked, but for those whose message is just being sent."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                UPDATE mail_mail SET state = 'cancel'
                  FROM gdpr_consent_request request
                 WHERE request.id = mail_mail.gdpr_request_id AND request.campaign_id IN %(campaigns)s
                   AND request.state = 'queued' AND mail_mail.state IN ('outgoing', 'exception')
                """,
                campaigns=tuple(self.ids),
            )
        )
        self.env.cr.execute(
            SQL(
                """
                UPDATE gdpr_consent_request request SET state = 'cancelled', write_date = %(now)s
                 WHERE campaign_id IN %(campaigns)s AND state = 'queued'
                   AND NOT EXISTS (SELECT 1 FROM gdpr_consent_delivery delivery
                                    WHERE delivery.request_id = request.id)
                """,
                campaigns=tuple(self.ids),
                now=fields.Datetime.now(),
            )
        )
        self.env.invalidate_all()
