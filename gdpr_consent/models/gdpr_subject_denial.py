from dataclasses import dataclass
from datetime import datetime

from odoo import api, models
from odoo.tools import SQL, format_date

# Purposes for which people are contacted, where none says through which channels.
CONTACTING = ("DirectMarketing", "Marketing")


@dataclass(frozen=True)
class Denial:
    """Why nothing but service messages may reach a person through a channel.

    ``reason`` is a code of the door out, ``since`` when the person said so (UTC), ``purpose`` the name of what was
    denied; the last two may be missing. ``is_others``: of somebody else with the address or number.
    """

    reason: str
    since: datetime | None = None
    purpose: str | None = None
    is_others: bool = False


class GdprSubject(models.Model):
    """The door out for a message to one person, which has no purpose yet: which channels has the person closed?

    Who has decided nothing has closed none: the law allows to answer, to serve and to fulfil a contract.
    """

    _inherit = "gdpr.subject"

    def _get_denials(self, codes):
        """Give what these people said no to, by id of each and code of the channel, where they did.

        One query, whatever the number of people. A channel isn't closed while one purpose allows it.

        :param codes: of the channels
        :rtype: dict[int, dict[str, Denial]]
        """
        if not self:
            return {}
        self.env.flush_all()
        denials, answers = {}, {}
        for subject_id, restricted, objected, objected_on, *answer in self._read_answers():
            if restricted or objected:
                denial = Denial("restricted") if restricted else Denial("objected", objected_on)
                denials[subject_id] = dict.fromkeys(codes, denial)
            elif answer[0]:
                answers.setdefault(subject_id, []).append(answer)
        for subject_id, given in answers.items():
            closed = {code: self._find_denial(given, code) for code in codes}
            if closed := {code: denial for code, denial in closed.items() if denial}:
                denials[subject_id] = closed
        return denials

    def _filter_agreed(self, code):
        """Give those of these people who have agreed to marketing through a channel themselves.

        :param str code: of the channel
        """
        return self.filtered(
            lambda subject: any(
                consent.state == "given"
                and consent.purpose_id._is_marketing()
                and consent.purpose_id.company_id <= self.env.company
                and (code in consent.channel_ids.mapped("code") or not consent.purpose_id.channel_ids)
                for consent in subject.root_id.consent_ids
            )
        )

    def _read_answers(self):
        """Read what these people say now to marketing: a row for each answer, at least one for each person."""
        return self.env.execute_query(
            SQL(
                """
                SELECT subject.id, person.restricted, person.objected,
                       CASE WHEN person.objected
                            THEN (SELECT MAX(event.occurred_on) FROM gdpr_consent_event event
                                    JOIN gdpr_subject member ON member.id = event.subject_id
                                   WHERE member.root_id = person.id AND event.action = 'objected')
                       END,
                       answer.state, answer.since, answer.purpose, answer.offered, answer.allowed
                  FROM gdpr_subject subject
                  JOIN gdpr_subject person ON person.id = subject.root_id
                  LEFT JOIN LATERAL (
                       SELECT consent.state, COALESCE(narrowing.occurred_on, event.occurred_on) AS since,
                              %(name)s AS purpose,
                              ARRAY(SELECT channel.code FROM %(offered)s offered
                                      JOIN gdpr_channel channel ON channel.id = offered.gdpr_channel_id
                                     WHERE offered.gdpr_purpose_id = purpose.id) AS offered,
                              ARRAY(SELECT channel.code FROM %(allowed)s allowed
                                      JOIN gdpr_channel channel ON channel.id = allowed.gdpr_channel_id
                                     WHERE allowed.gdpr_consent_id = consent.id) AS allowed
                         FROM gdpr_consent consent
                         JOIN gdpr_purpose purpose ON purpose.id = consent.purpose_id
                         JOIN gdpr_consent_event event ON event.id = consent.event_id
                         LEFT JOIN gdpr_consent_event narrowing
                           ON narrowing.id = consent.narrowed_by_id AND narrowing.action = 'channels_withdrawn'
                        WHERE consent.subject_id = person.id AND consent.state IN ('given', 'refused', 'withdrawn')
                          AND purpose.message_class = 'marketing'
                          AND (purpose.company_id IS NULL OR purpose.company_id = %(company)s)
                          AND (purpose.dpv_purpose IN %(contacting)s
                               OR EXISTS (SELECT FROM %(offered)s offered WHERE offered.gdpr_purpose_id = purpose.id))
                       ) answer ON TRUE
                 WHERE subject.id IN %(people)s
                """,
                name=self.env["gdpr.purpose"]._field_to_sql("purpose", "name"),
                offered=SQL.identifier(self.env["gdpr.purpose"]._fields["channel_ids"].relation),
                allowed=SQL.identifier(self.env["gdpr.consent"]._fields["channel_ids"].relation),
                company=self.env.company.id,
                contacting=CONTACTING,
                people=tuple(self.ids),
            )
        )

    @api.model
    def _find_denial(self, answers, code):
        """Give the last no to a channel, or None when there is none, or another purpose allows it."""
        denial = None
        for state, since, purpose, offered, allowed in answers:
            if offered and code not in offered:
                continue
            if state == "given" and (code in allowed or not offered):
                return None
            if denial is None or since > denial.since:
                denial = Denial("channel_not_allowed" if state == "given" else state, since, purpose)
        return denial

    @api.model
    def _explain_denial(self, name, denial):
        """Give a denial in words.

        :param str name: the person's
        """
        if denial.is_others:
            name = self.env._("Somebody with the same address or number")
        sentence = {
            "restricted": self.env._("The processing of the data of %(name)s is suspended", name=name),
            "objected": self.env._("%(name)s objects to any marketing", name=name),
            "refused": self.env._("%(name)s refused “%(purpose)s”", name=name, purpose=denial.purpose),
            "withdrawn": self.env._(
                "%(name)s took back the consent to “%(purpose)s”", name=name, purpose=denial.purpose
            ),
            "channel_not_allowed": self.env._(
                "%(name)s agreed to “%(purpose)s”, but not through this channel", name=name, purpose=denial.purpose
            ),
        }[denial.reason]
        if not denial.since:
            return f"{sentence}."
        return self.env._(
            "%(sentence)s (%(date)s).", sentence=sentence, date=format_date(self.env, denial.since, date_format="long")
        )

    @api.model
    def _record_messages_in_spite(self, subject_ids, code, is_declared):
        """Record that the user has written to people who had closed the channel; nothing of what was written.

        :param subject_ids: ids of the people
        :param str code: of the channel
        :param bool is_declared: the user was warned, and says that it is a service message
        """
        people = self.browse(subject_ids).root_id
        declared = self.env._("A service message: about an order, a contract or a question of the person")
        values = {"stated": declared} if is_declared else {}
        return self._record_acts(
            [
                {"subject_id": person_id, "action": "written_to", "channel_codes": [code], "values": values}
                for person_id in sorted(people.ids)
            ]
        )
