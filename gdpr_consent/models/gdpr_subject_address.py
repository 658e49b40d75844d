from collections import defaultdict
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import SQL
from odoo.tools.mail import email_normalize_all

from ..tools.replay import DENIALS
from .gdpr_blacklist_mixin import BLACKLISTS
from .gdpr_subject_mixin_contact import NOES

# So long an address isn't asked anew where nobody can tell whether the last question arrived there.
DOUBT = timedelta(days=30)


class GdprSubject(models.Model):
    """What keeps an address from being asked, whoever else it is written on a record for.

    The one place that knows; who asks, and how, makes no difference (``_gdpr_get_refusal_codes``). A few queries on
    indexes, whatever the number of addresses.
    """

    _inherit = "gdpr.subject"

    @api.model
    def _filter_blacklisted(self, emails):
        """Give those of these normalised addresses that are blacklisted, or at which somebody objects to marketing.

        :rtype: set[str]
        """
        if not emails:
            return set()
        self.env["mail.blacklist"].flush_model(["email", "active"])
        rows = self.env.execute_query(
            SQL("SELECT email FROM mail_blacklist WHERE active AND email = ANY(%s)", list(emails))
        )
        return {row[0] for row in rows} | self._filter_objected_to("mail.blacklist", emails)

    @api.model
    def _filter_refusing(self, addresses, purpose, channel):
        """Give those of these normalised addresses or numbers that marketing may not go to, whoever's they are.

        They are blacklisted, or somebody there said no to this and nobody yes.

        :rtype: set[str]
        """
        if not addresses:
            return set()
        blacklist = self.env[BLACKLISTS[channel.code]].sudo()
        field = blacklist._gdpr_address_field
        refusing = set(blacklist.search([(field, "in", list(addresses))]).mapped(field))
        refusing |= self._filter_objected_to(blacklist._name, addresses)
        rows = self._read_rows_from_cards(
            blacklist._name, ("card.address", "subject.root_id"), SQL("card.address = ANY(%s)", list(addresses))
        )
        for others in (self._find_by_former_addresses(addresses), self._find_by_further_addresses(addresses)):
            rows |= {(address, person_id) for address, found in others.items() for person_id in found}
        people = {}
        for address, person_id in rows:
            people.setdefault(address, set()).add(person_id)
        return refusing | self._find_denied(people, purpose, channel).keys()

    @api.model
    def _find_denied(self, people, purpose, channel):
        """Give why those may get no marketing of whose people somebody said no to it, and nobody yes.

        That a legal basis allows it is no word of the person.

        :param dict[typing.Any, typing.Iterable[int]] people: ids of the persons behind each, by any key
        :return: the code of the reason
        :rtype: dict[typing.Any, str]
        """
        every = self.sudo().browse({person_id for found in people.values() for person_id in found})
        if not every:
            return {}
        reasons = every._get_contact_reasons(purpose, channel)
        agreed = every._filter_given(purpose)
        denied = {}
        for key, found in people.items():
            noes = NOES & {reasons[person_id] for person_id in found}
            if noes and not any(reasons[person_id] == "allowed" and person_id in agreed for person_id in found):
                denied[key] = min(noes)
        return denied

    def _filter_given(self, purpose):
        """Give the ids of those of these people who have given their consent to a purpose."""
        rows = self.env.execute_query(
            SQL(
                "SELECT subject.id FROM gdpr_subject subject"
                " JOIN gdpr_consent consent ON consent.subject_id = subject.root_id"
                " WHERE subject.id = ANY(%s) AND consent.purpose_id = %s AND consent.state = 'given'",
                self.ids,
                purpose.id or None,
            )
        )
        return {row[0] for row in rows}

    @api.model
    def _find_refusing_beside(self, texts, purpose, channel):
        """Give the addresses that marketing may not go to, where a text has several; of the first the card knows.

        :param dict[typing.Any, list[str]] texts: by any key, what is written to whom a message goes
        :rtype: dict[typing.Any, set[str]]
        """
        further = {
            key: {address for text in written if text.count("@") > 1 for address in email_normalize_all(text)[1:]}
            for key, written in texts.items()
        }
        every = set().union(*further.values())
        refusing = self._filter_refusing(every, purpose, channel) if every else set()
        return {key: addresses & refusing for key, addresses in further.items() if addresses & refusing}

    @api.model
    def _find_by_further_addresses(self, emails):
        """Give the ids of the people who said no, on whose record one of these normalised addresses is after another.

        Records with several addresses are few, and have an index.

        :rtype: dict[str, set[int]]
        """
        found = defaultdict(set)
        if not emails or not self._has_anybody_spoken():
            return found
        self.env.flush_all()
        further = []
        for model in sorted(self.env["gdpr.subject.mixin"]._get_card_models()):
            cards = self.env[model]
            written = cards._fields.get(cards._gdpr_email_field)
            if written and written.store:
                further.append(
                    SQL(
                        # Spelled as in the index.
                        "SELECT %(written)s AS written, gdpr_subject_id FROM %(table)s"
                        " WHERE %(written)s LIKE %(several)s AND gdpr_subject_id IS NOT NULL",
                        written=SQL.identifier(written.name),
                        table=SQL.identifier(cards._table),
                        several="%@%@%",
                    )
                )
        rows = self.env.execute_query(
            SQL(
                """
                SELECT card.written, person.id
                  FROM (%(cards)s) card
                  JOIN gdpr_subject subject ON subject.id = card.gdpr_subject_id
                  JOIN gdpr_subject person ON person.id = subject.root_id
                 WHERE person.objected OR person.restricted
                    OR EXISTS (SELECT FROM gdpr_consent consent
                                WHERE consent.subject_id = person.id AND consent.state IN %(denials)s)
                """,
                cards=SQL(" UNION ALL ").join(further),
                denials=tuple(DENIALS),
            )
        )
        for text, person_id in rows:
            for email in set(email_normalize_all(text)[1:]) & set(emails):
                found[email].add(person_id)
        return found

    @api.model
    def _find_denials(self, emails):
        """Give what was denied by the people who have these normalised addresses now, or who said no from there.

        Who said no isn't asked again because the record was made twice, or was deleted and made anew.

        :rtype: dict[str, gdpr.consent]
        """
        if not emails:
            return {}
        self.env["gdpr.consent.request"].flush_model(["email", "subject_id"])
        self.env["gdpr.consent"].flush_model(["subject_id", "state", "event_id"])
        further = [
            (email, person_id)
            for email, found in self._find_by_further_addresses(emails).items()
            for person_id in sorted(found)
        ]
        pairs = SQL(
            "SELECT unnest(%s::varchar[]) AS email, unnest(%s::int[]) AS subject_id",
            [email for email, _person_id in further],
            [person_id for _email, person_id in further],
        )
        owners, is_left = [pairs], [SQL("FALSE")]
        for model in sorted(self.env["gdpr.subject.mixin"]._get_card_models()):
            cards = self.env[model]
            table = SQL.identifier(cards._table)
            cards.flush_model({"gdpr_subject_id", cards._gdpr_email_field, "email_normalized"} & set(cards._fields))
            is_left.append(SQL("EXISTS (SELECT FROM %s WHERE gdpr_subject_id = consent.subject_id)", table))
            if address := cards._gdpr_get_address_sql("mail.blacklist"):
                owners.append(
                    SQL(
                        "SELECT %(address)s, card.gdpr_subject_id FROM %(table)s card"
                        " WHERE card.gdpr_subject_id IS NOT NULL AND %(address)s = ANY(%(emails)s)",
                        address=address,
                        table=table,
                        emails=list(emails),
                    )
                )
        rows = self.env.execute_query(
            SQL(
                """
                SELECT owner.email, consent.id
                  FROM (%(owners)s) owner
                  JOIN gdpr_consent consent ON consent.subject_id = owner.subject_id
                 WHERE consent.state IN %(denials)s
                UNION
                SELECT request.email, consent.id
                  FROM gdpr_consent_request request
                  JOIN gdpr_consent consent ON consent.subject_id = request.subject_id
                  JOIN gdpr_consent_event answer ON answer.id = consent.event_id
                 WHERE request.email = ANY(%(emails)s) AND consent.state IN %(denials)s
                   AND (answer.request_id = request.id OR NOT (%(is_left)s))
                 ORDER BY 1, 2
                """,
                owners=SQL(" UNION ALL ").join(owners),
                denials=tuple(DENIALS),
                emails=list(emails),
                is_left=SQL(" OR ").join(is_left),
            )
        )
        ids = {}
        for email, consent_id in rows:
            ids.setdefault(email, []).append(consent_id)
        # All are read at once.
        consents = self.env["gdpr.consent"].sudo()
        every = tuple({consent_id for _email, consent_id in rows})
        return {email: consents.browse(found).with_prefetch(every) for email, found in ids.items()}

    @api.model
    def _get_address_questions_query(self, emails):
        """Give the query for what is being asked at these normalised addresses, confirmations too.

        It selects the address, the ids of the company, the person and the request, its kind, its state, and the id of
        its campaign.
        """
        return SQL(
            """
            SELECT email, company_id, subject_id, id, kind, state, campaign_id FROM gdpr_consent_request
             WHERE email = ANY(%s)
               AND (state IN ('queued', 'sent') OR state = 'failed' AND is_in_doubt AND write_date > %s)
            """,
            list(emails),
            fields.Datetime.now() - DOUBT,
        )
