import logging

from psycopg2.errors import SerializationFailure

from odoo import api, fields, models
from odoo.tools import SQL
from odoo.tools.misc import split_every

from ..tools.server_context import RequestOptions

_logger = logging.getLogger(__name__)

BATCH = 1000
# Looked up at once; when there are more, the scheduler calls again.
FOUND_AT_ONCE = 100_000


class GdprSubject(models.Model):
    """What happens by time alone: consents and links that lapse, silence, reminders, renewals.

    Each step looks up those that are due by one query on an index, so that the job is cheap when nothing is.
    """

    _inherit = "gdpr.subject"

    renewal_asked_on = fields.Datetime(readonly=True, help="When the last request for renewal was made.")

    _waiting_index = models.Index("(requested_on) WHERE consent_state = 'waiting'")

    @api.model
    def _cron_life_cycle(self, limit=BATCH):
        """Do what is due by time.

        Rows that another worker has are left to it, and each is looked at again once it is locked, so that nobody
        is written to twice. A person for whom something fails is logged and doesn't stop the others. Done in
        batches that commit: after a crash the rest follows at the next run.

        :param int limit: number of people a batch
        """
        job = self.env["ir.cron"]
        for records, find, act in self._get_life_cycle_steps():
            found = find()
            left = len(found)
            for ids in split_every(limit, found, list):
                self._act_safely(records.browse(ids), find, act)
                left -= len(ids)
                if not job._commit_progress(len(ids), remaining=left or int(len(found) == FOUND_AT_ONCE)):
                    return
        job._commit_progress(0)

    @api.model
    def _get_life_cycle_steps(self):
        """Give, in order, the records concerned, how those due are found, and what is done with them."""
        requests = self.env["gdpr.consent.request"].sudo()
        steps = [
            (self.env["gdpr.consent"].sudo(), self._find_ended, self._expire),
            (self.env["gdpr.consent"].sudo(), self._find_outdated, self._record_outdated),
            (requests, self._find_unconfirmed, lambda requests: requests._lapse_unconfirmed()),
            (self.sudo(), self._find_silent, self._record_silence),
            (requests, self._find_lapsed_links, lambda requests: requests.write({"state": "expired"})),
        ]
        if self.env["gdpr.scope"]._is_enabled():
            # Switched off, the add-on writes to nobody.
            steps += [
                (requests, self._find_to_remind, lambda requests: requests._remind()),
                (self.sudo(), self._find_to_renew, lambda subjects: subjects._ask_for_renewal()),
            ]
        return steps

    @api.model
    def _act_safely(self, records, find, act):
        """Act on those of the records that are free and still due; one by one where it fails for all together."""
        try:
            with self.env.cr.savepoint():
                free = records.try_lock_for_update()
                due = free.browse(find(free.ids)) if free else free
                if due:
                    act(due)
        except Exception as error:
            if len(records) > 1:
                for record in records:
                    self._act_safely(record, find, act)
            elif isinstance(error, SerializationFailure):
                _logger.info("%s is in the hands of another worker.", records)
            else:
                _logger.exception("The life cycle of %s can't go on.", records)

    # ------------------------------------------------------------
    # WHO IS DUE
    # ------------------------------------------------------------

    @api.model
    def _read_due(self, query, ids, **values):
        """Give the ids a query finds.

        :param str query: selects ids of ``due``; ``%(now)s`` is the present
        :param list[int] ids: look among these only; default all
        """
        self.env.flush_all()
        among = SQL("AND due.id IN %s", tuple(ids)) if ids is not None else SQL()
        rows = self.env.execute_query(
            SQL(query + " LIMIT %(limit)s", now=fields.Datetime.now(), among=among, limit=FOUND_AT_ONCE, **values)
        )
        return [row[0] for row in rows]

    @api.model
    def _find_ended(self, ids=None):
        return self._read_due(
            "SELECT due.id FROM gdpr_consent due WHERE due.state = 'given' AND due.expires_on <= %(now)s %(among)s", ids
        )

    @api.model
    def _find_outdated(self, ids=None):
        """Find the consents to earlier words that came in while a material change of them was being published.

        The publication couldn't see them, nor they the publication. Looks at the changes of the last two days.
        """
        return self._read_due(
            """
            SELECT due.id FROM gdpr_consent_form form
              JOIN gdpr_consent_form_version version
                ON version.form_id = form.id AND version.number < form.material_version_number
              JOIN gdpr_consent_event answer ON answer.version_id = version.id
              JOIN gdpr_consent due ON due.event_id = answer.id
             WHERE due.state = 'given' AND due.renewal_due IS NOT TRUE
               AND EXISTS (SELECT 1 FROM gdpr_consent_form_version change
                            WHERE change.form_id = form.id AND change.number = form.material_version_number
                              AND change.published_on > %(now)s - INTERVAL '2 days') %(among)s
            """,
            ids,
        )

    @api.model
    def _find_lapsed_links(self, ids=None):
        return self._read_due(
            """
            SELECT due.id FROM gdpr_consent_request due
             WHERE due.state = 'sent' AND due.expires_on <= %(now)s AND due.kind != 'confirmation' %(among)s
            """,
            ids,
        )

    @api.model
    def _find_unconfirmed(self, ids=None):
        """Find the confirmations that nobody gave in time, and what of superseded ones is still kept."""
        return self._read_due(
            """
            SELECT due.id FROM gdpr_consent_request due
             WHERE due.kind = 'confirmation' AND due.state != 'answered' AND due.email IS NOT NULL
               AND due.expires_on <= %(now)s %(among)s
            """,
            ids,
        )

    @api.model
    def _find_silent(self, ids=None):
        """Find the people whose waiting period, that of the company that asked last, is over."""
        return self._read_due(
            """
            SELECT due.id FROM gdpr_subject due
              JOIN LATERAL (SELECT company_id, kind FROM gdpr_consent_request
                             WHERE subject_id = due.id AND sent_on IS NOT NULL
                             ORDER BY sent_on DESC, id DESC LIMIT 1) last ON TRUE
              JOIN res_company company ON company.id = last.company_id
             WHERE due.consent_state = 'waiting' AND due.root_id = due.id
               AND due.requested_on <= %(now)s - (SELECT min(gdpr_waiting_days) FROM res_company
                                                   WHERE gdpr_waiting_days > 0) * INTERVAL '1 day'
               AND company.gdpr_waiting_days > 0
               AND due.requested_on <= %(now)s - company.gdpr_waiting_days * INTERVAL '1 day'
               AND last.kind != 'confirmation' %(among)s
            """,
            ids,
        )

    @api.model
    def _find_to_remind(self, ids=None):
        """Find the requests that weren't answered, and whose company still reminds of them.

        A reminder that failed is tried again after as many days as there are between two.
        """
        return self._read_due(
            """
            SELECT due.id FROM res_company company
              JOIN gdpr_consent_request due
                ON due.company_id = company.id AND due.state = 'sent'
               AND due.sent_on <= %(now)s - company.gdpr_reminder_days * INTERVAL '1 day'
              JOIN gdpr_subject person ON person.id = due.subject_id
             WHERE due.kind IN ('first', 'reminder') AND COALESCE(due.reminder_number, 0) < company.gdpr_reminder_count
               AND person.consent_state = 'waiting' AND person.restricted IS NOT TRUE AND person.objected IS NOT TRUE
               AND (due.reminder_queued_on IS NULL
                    OR due.reminder_queued_on <= %(now)s - company.gdpr_reminder_days * INTERVAL '1 day')
               AND NOT EXISTS (SELECT 1 FROM gdpr_consent_request newer
                                WHERE newer.subject_id = due.subject_id AND newer.id > due.id
                                  AND newer.state IN ('queued', 'sent'))
               %(among)s
            """,
            ids,
        )

    @api.model
    def _find_to_renew(self, ids=None):
        """Find the people with a consent that ends soon or was changed materially, whom nobody has asked since.

        A request that failed is tried again after as many days as there are between two reminders.
        """
        return self._read_due(
            """
            SELECT due.id
              FROM (SELECT consent.subject_id, consent.event_id, consent.expires_on, NULL AS changed_on
                      FROM gdpr_consent consent
                     WHERE consent.state = 'given' AND consent.expires_on > %(now)s
                       AND consent.expires_on <= %(now)s + (SELECT max(gdpr_renewal_days) FROM res_company)
                                                           * INTERVAL '1 day'
                    UNION ALL
                    SELECT consent.subject_id, consent.event_id, NULL,
                           (SELECT max(event.recorded_on) FROM gdpr_consent_event event
                              JOIN gdpr_subject member ON member.id = event.subject_id
                             WHERE member.root_id = consent.subject_id AND event.purpose_id = consent.purpose_id
                               AND event.action = 'renewal_due')
                      FROM gdpr_consent consent
                     WHERE consent.renewal_due AND consent.state = 'given'
                       AND (consent.expires_on IS NULL OR consent.expires_on > %(now)s)
                   ) ending
              JOIN gdpr_consent_event answer ON answer.id = ending.event_id
              JOIN gdpr_consent_form_version version ON version.id = answer.version_id
              JOIN gdpr_consent_form form ON form.id = version.form_id
              JOIN res_company company ON company.id = form.company_id
              JOIN gdpr_subject due ON due.id = ending.subject_id
              LEFT JOIN LATERAL (SELECT state FROM gdpr_consent_request
                                  WHERE subject_id = due.id AND kind = 'renewal' ORDER BY id DESC LIMIT 1) last ON TRUE
             WHERE company.gdpr_renewal_days > 0 AND form.active
               AND due.legal_basis = 'consent' AND due.restricted IS NOT TRUE AND due.objected IS NOT TRUE
               AND (ending.changed_on IS NOT NULL
                    OR ending.expires_on <= %(now)s + company.gdpr_renewal_days * INTERVAL '1 day')
               AND (due.renewal_asked_on IS NULL
                    OR due.renewal_asked_on < COALESCE(
                           ending.changed_on, ending.expires_on - company.gdpr_renewal_days * INTERVAL '1 day')
                    OR last.state = 'failed'
                       AND due.renewal_asked_on <= %(now)s - company.gdpr_reminder_days * INTERVAL '1 day')
               AND NOT EXISTS (SELECT 1 FROM gdpr_consent_request
                                WHERE subject_id = due.id AND state IN ('queued', 'sent'))
               %(among)s
             GROUP BY due.id
            """,
            ids,
        )

    # ------------------------------------------------------------
    # WHAT IS DONE
    # ------------------------------------------------------------

    @api.model
    def _expire(self, consents):
        self._record_acts(
            [
                {
                    "subject_id": consent.subject_id.id,
                    "action": "expired",
                    "actor": "system",
                    "purpose_id": consent.purpose_id.id,
                }
                for consent in consents
            ]
        )

    @api.model
    def _record_outdated(self, consents):
        for form, outdated in consents.grouped(lambda consent: consent.version_id.form_id).items():
            form._record_renewals_due(outdated, actor="system")

    @api.model
    def _record_silence(self, subjects):
        self._record_acts(
            [{"subject_id": subject.id, "action": "no_response", "actor": "system"} for subject in subjects]
        )

    def _ask_for_renewal(self):
        """Ask these people to renew what ends, by the form they agreed to.

        Of a person with several cards the one asked last is written to, else the first that can be.
        """
        vals_list = []
        for form, subjects in self.grouped(lambda subject: subject._get_form_to_renew()).items():
            cards = subjects._choose_cards(form)
            vals_list += [
                {
                    "subject_id": subject.id,
                    "company_id": form.company_id.id,
                    "res_model": card._name,
                    "res_id": card.id,
                    "form_id": form.id,
                    "version_number": form.version_number,
                    "email": card._gdpr_get_email(),
                    "lang": card._gdpr_get_lang(),
                }
                for subject, card in cards.items()
            ]
        if vals_list:
            self.env["gdpr.consent.request"]._queue_messages("renewal", vals_list)
            # Also keeps two workers apart: the second one can't write what the first has written.
            self.browse(vals["subject_id"] for vals in vals_list).write({"renewal_asked_on": fields.Datetime.now()})

    def _get_form_to_renew(self):
        """Give the form of the consent that ends first."""
        self.ensure_one()
        given = self.consent_ids.filtered(lambda consent: consent.state == "given" and consent.version_id)
        first = given.sorted(lambda consent: (not consent.renewal_due, consent.expires_on or fields.Datetime.now()))
        return first[:1].version_id.form_id

    def _choose_cards(self, form):
        """Give the card to write to of each of these people; none of who has none that can be asked.

        :rtype: dict[gdpr.subject, record]
        """
        options = RequestOptions({"kind": "renewal", "form_id": form.id})
        askable = []
        for cards in self._get_all_cards():
            cards = cards.with_company(form.company_id).with_context(gdpr_request_options=options)
            askable += cards.sorted("id")._gdpr_filter_askable()
        asked_last = {}
        for request in self.request_ids.sorted("id"):
            asked_last[request.subject_id] = (request.res_model, request.res_id)
        chosen = {}
        # Contacts before leads.
        for card in sorted(askable, key=lambda card: card._name != "res.partner"):
            subject = card.gdpr_subject_id.root_id
            if (card._name, card.id) == asked_last.get(subject):
                chosen[subject] = card
            else:
                chosen.setdefault(subject, card)
        return chosen
