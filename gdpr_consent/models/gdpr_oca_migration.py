from collections import namedtuple
from datetime import timedelta

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL
from odoo.tools.sql import column_exists, create_column, table_exists

from ..tools.oca_consent import Message, OcaConsent

BATCH = 1000
TABLES = ("privacy_activity", "privacy_consent")
# What became of a row, and the form that has an activity's words.
MARKS = (("privacy_consent", "gdpr_outcome", "varchar"), ("privacy_activity", "gdpr_form_id", "int4"))
# Only the messages that asked have the two placeholders; a reply that quotes one has the person's links.
PLACEHOLDER = '%/privacy/consent/accept/"%'
# What becomes of a row, the word kept in its column ``gdpr_outcome``.
OUTCOMES = {
    "given": "consents with proof: they count",
    "unproven": "consents without proof: they don't count",
    "refused": "refusals",
    "asked": "asked, no answer",
    "pending": "not asked yet",
    "known": "left out: what is on record is as recent",
    "other_basis": "left out: unanswered, and the legal basis isn't Consent",
    "archived": "left out: archived before any answer",
    "no_contact": "left out: the contact doesn't exist any more",
    "no_activity": "left out: the activity doesn't exist any more",
}

Settled = namedtuple("Settled", "row outcome reason happened_on acts request", defaults=(None, None, (), None))


class GdprOcaMigration(models.AbstractModel):
    """Brings over what OCA's add-ons privacy and privacy_consent left in the database (law.md R-10, R-19, R-20).

    Their tables stay in an upgraded database though the add-ons aren't there any more. Each row is marked with what
    became of it, in the transaction that brings it over: so what was done isn't done again, and what was interrupted
    goes on where it was.
    """

    _name = "gdpr.oca.migration"
    _description = "Migration from OCA's privacy_consent"

    @api.model
    def _migrate_next(self, last_id=0, purpose_codes=None, company=None, limit=BATCH):
        """Bring over the consents of the next contacts, in one transaction.

        :param int last_id: of the contact before
        :param dict[int, str] purpose_codes: the code of an existing purpose, by id of the activity; for the others
            one is made
        :param res.company company: controller of the activities whose controller isn't a company of the database
        :param int limit: how many contacts
        :return: the id of the last contact (None: there are no more), what became of each row (``Settled``), and the
            activities
        :rtype: tuple[int | None, list[Settled], list[Activity]]
        :raise UserError: the tables aren't there, or an activity or purpose that was named isn't
        """
        self._check_tables()
        self._add_marks()
        activities = self._prepare_activities(purpose_codes or {}, company)
        left_out = [activity.id for activity in activities.values() if not activity.form] or [0]
        people = self.env.execute_query(
            SQL(
                "SELECT DISTINCT partner_id FROM privacy_consent"
                " WHERE gdpr_outcome IS NULL AND partner_id > %s AND activity_id NOT IN %s ORDER BY 1 LIMIT %s",
                last_id,
                tuple(left_out),
                limit,
            )
        )
        settled = []
        if people:
            rows = self._read_rows([person[0] for person in people], left_out)
            settled = self._settle(rows, activities)
            self._record(settled)
        return people[-1][0] if people else None, settled, list(activities.values())

    @api.model
    def _count_done(self):
        """Give how many rows earlier runs have brought over or left out."""
        self._check_tables()
        self._add_marks()
        return self.env.execute_query(SQL("SELECT count(*) FROM privacy_consent WHERE gdpr_outcome IS NOT NULL"))[0][0]

    @api.model
    def _check_tables(self):
        missing = [table for table in TABLES if not table_exists(self.env.cr, table)]
        if missing:
            raise UserError(
                self.env._(
                    "OCA's privacy_consent left nothing in this database: there is no table %(tables)s.",
                    tables=", ".join(missing),
                )
            )

    @api.model
    def _add_marks(self):
        for table, column, column_type in MARKS:
            # Locks the table only where it has to.
            if not column_exists(self.env.cr, table, column):
                create_column(self.env.cr, table, column, column_type)

    @api.model
    def _drop_marks(self):
        """Remove the marks: without the ledger nothing is brought over any more."""
        for table, column, _column_type in MARKS:
            self.env.cr.execute(
                SQL("ALTER TABLE IF EXISTS %s DROP COLUMN IF EXISTS %s", SQL.identifier(table), SQL.identifier(column))
            )

    # ------------------------------------------------------------
    # READING
    # ------------------------------------------------------------

    @api.model
    def _read_rows(self, partner_ids, left_out):
        """Give what these contacts were asked and answered, with the messages kept."""
        found = self.env.execute_query(
            SQL(
                """
                SELECT consent.id, consent.partner_id, consent.activity_id, consent.active IS NOT FALSE,
                       consent.accepted IS TRUE, consent.state, consent.last_metadata,
                       COALESCE(consent.write_date, consent.create_date, %(now)s), partner.id IS NOT NULL
                  FROM privacy_consent consent
                  LEFT JOIN res_partner partner ON partner.id = consent.partner_id
                 WHERE consent.gdpr_outcome IS NULL AND consent.partner_id IN %(people)s
                   AND consent.activity_id NOT IN %(left_out)s
                 ORDER BY consent.id FOR UPDATE OF consent
                """,
                now=fields.Datetime.now(),
                people=tuple(partner_ids),
                left_out=tuple(left_out),
            )
        )
        rows = {row[0]: OcaConsent(*row, messages=[], answers=[]) for row in found}
        messages = self.env.execute_query(
            SQL(
                "SELECT res_id, id, COALESCE(date, create_date), subject, body FROM mail_message"
                " WHERE model = 'privacy.consent' AND res_id IN %s AND body LIKE %s",
                tuple(rows) or (0,),
                PLACEHOLDER,
            )
        )
        for row_id, *message in messages:
            rows[row_id].messages.append(Message(*message))
        for row_id, *answer in self._read_answers(tuple(rows)):
            rows[row_id].answers.append(tuple(answer))
        return list(rows.values())

    @api.model
    def _read_answers(self, row_ids):
        """Give when answers were recorded, as Odoo tracked it: row, moment, whether it changed the answer before.

        What was recorded with an answer is the one text tracked, and the answer the one number without words.
        """
        return self.env.execute_query(
            SQL(
                """
                SELECT message.res_id, COALESCE(message.date, message.create_date),
                       bool_or(tracked.new_value_integer IS NOT NULL AND tracked.new_value_char IS NULL
                               AND tracked.new_value_text IS NULL)
                  FROM mail_message message JOIN mail_tracking_value tracked ON tracked.mail_message_id = message.id
                 WHERE message.model = 'privacy.consent' AND message.res_id IN %s
                 GROUP BY message.id HAVING bool_or(tracked.new_value_text <> '')
                 ORDER BY message.res_id, message.date, message.id
                """,
                row_ids or (0,),
            )
        )

    @api.model
    def _settle(self, rows, activities):
        """Tell what becomes of each row, and prepare the acts; the contacts asked for consent get that basis."""
        settled = []
        usable = []
        for row in rows:
            if not row.has_partner:
                settled.append(Settled(row, "no_contact"))
            elif row.activity_id not in activities:
                settled.append(Settled(row, "no_activity"))
            elif not row.active and row.state != "answered":
                settled.append(Settled(row, "archived"))
            else:
                usable.append(row)
        cards = self.env["res.partner"].browse({row.partner_id for row in usable})
        cards = {card.id: card for card in self._start_with_consent(cards)}
        needing = self.env["res.partner"].browse({row.partner_id for row in usable if row.state == "answered"})
        needing._gdpr_ensure_subjects()
        people = self.env["res.partner"].browse(cards).gdpr_subject_id._lock_people()
        # Of all at once.
        (people.consent_ids.event_id | people.consent_ids.narrowed_by_id).fetch(["occurred_on"])
        reader = self.env["gdpr.import.reader"]._prepare(self.env["res.partner"].browse(cards))
        for row in usable:
            card, activity = cards[row.partner_id], activities[row.activity_id]
            if row.state == "answered" and row.accepted:
                settled.append(self._settle_accepted(row, card, activity, reader))
            elif row.state == "answered":
                settled.append(self._settle_rejected(row, card, activity))
            elif card.gdpr_legal_basis != "consent":
                settled.append(Settled(row, "other_basis"))
            elif row.state == "sent":
                settled.append(self._settle_asked(row, card, activity))
            else:
                settled.append(Settled(row, "pending"))
        return settled

    @api.model
    def _start_with_consent(self, cards):
        """Give those the basis Consent that have none yet and are covered. Give all of them back."""
        starting = self.env["gdpr.scope"]._filter_covered(cards)
        # Empty: written into the table by something else than Odoo.
        starting = starting.filtered(lambda card: card.gdpr_legal_basis in (False, "not_applicable"))
        starting._gdpr_apply_basis("consent", self.env._("Asked for consent by OCA's privacy_consent"), actor="system")
        return cards

    # ------------------------------------------------------------
    # WHAT BECOMES OF A ROW
    # ------------------------------------------------------------

    @api.model
    def _settle_accepted(self, row, card, activity, reader):
        """Count a consent when there are the words, the date and what was recorded with it; else say what lacks."""
        person, happened_on = card.gdpr_subject_id.root_id, row.happened_on
        if self._is_known(person, activity.purpose, happened_on):
            return Settled(row, "known")
        choices = {activity.purpose.id: activity.channel_codes}
        problems = []
        if not row.active:
            problems.append(self.env._("The consent was archived."))
        if row.is_contradicted:
            problems.append(
                self.env._("The opposite was answered less than a minute before: a mail filter may have done both.")
            )
        if not row.dated_on:
            problems.append(self.env._("There is no date, nor anything recorded with the answer."))
        if not row.message:
            problems.append(self.env._("No message with the words, sent before the answer, is kept."))
        if activity.purpose.channel_ids and not activity.channel_codes:
            problems.append(
                self.env._(
                    "People were asked by e-mail, which “%(purpose)s” doesn't use.", purpose=activity.purpose.name
                )
            )
        problems += reader._find_obstacles(card, activity.purpose, choices, row.dated_on)
        if problems:
            reason = " ".join(problems)
            stated = f"{activity.name}\n\n{row.describe()}"
            act = {
                "subject_id": person.id,
                "action": "unproven",
                "purpose_id": activity.purpose.id,
                "source": "import",
                "actor": "system",
                "company_id": activity.form.company_id.id,
                "values": {"reason": reason, "stated": stated},
            }
            return Settled(row, "unproven", reason, happened_on, [act])
        exemption = self.env._("The person answered by the personal link in a message to the person's mailbox.")
        values = {"evidence": row.describe(), "exemption": exemption}
        return Settled(
            row, "given", None, happened_on, self._prepare_answer(row, card, activity, choices, values, happened_on)
        )

    @api.model
    def _settle_rejected(self, row, card, activity):
        happened_on = min(row.happened_on, fields.Datetime.now())
        if self._is_known(card.gdpr_subject_id.root_id, activity.purpose, happened_on):
            return Settled(row, "known")
        acts = self._prepare_answer(row, card, activity, {}, {"evidence": row.describe()}, happened_on)
        return Settled(row, "refused", None, happened_on, acts)

    @api.model
    def _settle_asked(self, row, card, activity):
        """Note the question. As long as nobody asks again after a no, nobody asks again after it (law.md R-18)."""
        now = fields.Datetime.now()
        person = card.gdpr_subject_id.root_id
        asked_on = min(row.happened_on, now)
        is_asked_since = person.requested_on and person.requested_on >= asked_on
        if is_asked_since or self._is_known(person, activity.purpose, asked_on):
            return Settled(row, "known")
        company = activity.form.company_id
        again_from = asked_on + relativedelta(months=company.gdpr_cooldown_months)
        version = activity.form._get_version(card._gdpr_get_lang())
        common = {"subject_id": person.id, "actor": "system", "company_id": company.id}
        acts = [
            {
                **common,
                "action": "asked",
                "source": "import",
                "occurred_on": asked_on,
                "version_id": version.id,
                "values": {"evidence": row.describe()},
            }
        ]
        silent_from = asked_on + timedelta(days=company.gdpr_waiting_days)
        if company.gdpr_waiting_days and silent_from <= now:
            acts.append({**common, "action": "no_response", "occurred_on": silent_from})
        request = {
            "subject_id": person.id,
            "kind": "imported",
            "company_id": company.id,
            "res_model": card._name,
            "res_id": card.id,
            "form_id": activity.form.id,
            "version_number": version.number,
            "lang": card._gdpr_get_lang(),
            "state": "sent" if again_from > now else "expired",
            "sent_on": asked_on,
            "expires_on": again_from,
        }
        return Settled(row, "asked", None, asked_on, acts, request)

    @api.model
    def _is_known(self, person, purpose, moment):
        """Tell whether an answer of that moment or a later one is on record."""
        consents = person.consent_ids.filtered(lambda consent: consent.purpose_id == purpose)
        return any(consent._get_changed_on() >= moment for consent in consents)

    @api.model
    def _prepare_answer(self, row, card, activity, choices, values, happened_on):
        person = card.gdpr_subject_id.root_id
        return person._prepare_answer(
            person,
            activity.form._get_version(card._gdpr_get_lang()),
            choices,
            offered=activity.purpose,
            occurred_on=happened_on,
            source="import",
            actor="system",
            values=values,
        )

    # ------------------------------------------------------------
    # RECORDING
    # ------------------------------------------------------------

    @api.model
    def _record(self, settled):
        """Record what happened in the order in which it happened, and mark the rows."""
        asked = [one for one in settled if one.request]
        requests = self.env["gdpr.consent.request"].create([one.request for one in asked])
        for one, request in zip(asked, requests, strict=True):
            for act in one.acts:
                act["request_id"] = request.id
        acts = [act for one in sorted(filter(lambda one: one.acts, settled), key=_get_moment) for act in one.acts]
        if acts:
            self.env["gdpr.subject"]._record_acts(acts)
        self.env.cr.execute_values(
            "UPDATE privacy_consent SET gdpr_outcome = settled.outcome FROM (VALUES %s) AS settled (id, outcome)"
            " WHERE privacy_consent.id = settled.id",
            [(one.row.id, one.outcome) for one in settled],
            page_size=BATCH,
        )


def _get_moment(settled):
    return settled.happened_on
