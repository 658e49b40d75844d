import logging
from dataclasses import dataclass

from odoo import api, fields, models
from odoo.tools import SQL, html2plaintext
from odoo.tools.mail import email_normalize

from .gdpr_blacklist_mixin import BLACKLISTS

_logger = logging.getLogger(__name__)

# Messages on these records answer the person the record is about (``subject_id``), at its address (``email``).
ANSWERING_MODELS = ("gdpr.subject.request", "gdpr.subject.request.declaration", "gdpr.lifting.notice")


@dataclass(frozen=True)
class Outgoing:
    """A message that is about to leave, whatever it is: to contacts (ids), and to addresses or numbers (normalised)."""

    partner_ids: frozenset = frozenset()
    addresses: frozenset = frozenset()
    model: str | None = None
    res_id: int | None = None
    is_confirmed: bool = False


def get_words(text):
    """Give the words of a text, whatever its markup: an editor writes it anew."""
    return html2plaintext(text or "").split()


class GdprSubject(models.Model):
    """The one door out: may we contact this person, for this purpose, through this channel, now?"""

    _inherit = "gdpr.subject"

    def _get_contact_reasons(self, purpose, channel):
        """Give, by id of each person, ``allowed`` or the code of why not (law.md R-28, R-30, R-33, R-38, R-61).

        One query, whatever the number of people. Fails closed: whatever goes wrong, nobody is ``allowed``.

        :param gdpr.purpose purpose: empty: nobody is allowed
        :param gdpr.channel channel: how
        :rtype: dict[int, str]
        """
        if not self:
            return {}
        people = SQL(
            "SELECT id, id AS subject_id, %s AS blacklisted FROM gdpr_subject subject WHERE id IN %s",
            self._get_blacklisted_sql(purpose, channel),
            tuple(self.ids),
        )
        return self._judge(people, self.ids, purpose, channel)

    @api.model
    def _get_blacklisted_sql(self, purpose, channel):
        """Give the SQL that tells whether a card of the ``subject`` has a blacklisted address."""
        conditions = []
        for model in sorted(self.env["gdpr.subject.mixin"]._get_card_models()):
            cards = self.env[model]
            blacklisted = cards._gdpr_get_blacklisted_sql(purpose, channel)
            if blacklisted:
                conditions.append(
                    SQL(
                        "EXISTS (SELECT 1 FROM %s card WHERE card.gdpr_subject_id = subject.root_id AND %s)",
                        SQL.identifier(cards._table),
                        blacklisted,
                    )
                )
        return SQL("(%s)", SQL(" OR ").join(conditions)) if conditions else SQL("FALSE")

    @api.model
    def _judge(self, contacts, ids, purpose, channel):
        """Give the reason for each contact, ``undecided`` for all when something goes wrong.

        :param SQL contacts: selects ``id``, ``subject_id`` (null: never looked at) and ``blacklisted``
        :param ids: the ids it selects
        """
        self.env.flush_all()
        try:
            # So that an error leaves the transaction usable.
            with self.env.cr.savepoint(flush=False):
                reasons = dict(self._read_contact_reasons(contacts, purpose, channel))
        except Exception:
            _logger.exception("It couldn't be decided who may be contacted: nobody is.")
            reasons = {}
        return {contact_id: reasons.get(contact_id, "undecided") for contact_id in ids}

    @api.model
    def _read_contact_reasons(self, contacts, purpose, channel):
        """Read the reason for each contact. What the person denied comes first, then what the purpose lacks."""
        is_offered = channel.active and (not purpose.channel_ids or channel in purpose.channel_ids)
        return self.env.execute_query(
            SQL(
                """
                SELECT contact.id,
                       CASE
                           WHEN person.restricted THEN 'restricted'
                           WHEN person.objected AND %(is_marketing)s THEN 'objected'
                           WHEN consent.state IN ('refused', 'withdrawn') THEN consent.state
                           WHEN contact.blacklisted THEN 'blacklisted'
                           WHEN NOT %(is_active)s THEN 'purpose_archived'
                           WHEN person.company_id <> %(company)s THEN 'other_company'
                           WHEN NOT %(is_offered)s THEN 'channel_not_offered'
                           WHEN consent.state = 'expired' OR consent.expires_on <= %(now)s THEN 'expired'
                           WHEN consent.state = 'given'
                                AND answer.company_id <> COALESCE(%(company)s, person.company_id, %(asking)s)
                               THEN 'other_company'
                           WHEN consent.state = 'given' AND consent.renewal_due THEN 'renewal_due'
                           WHEN consent.state = 'given' AND channel.gdpr_channel_id IS NULL THEN 'channel_not_allowed'
                           WHEN consent.state = 'given' THEN 'allowed'
                           WHEN %(basis)s = 'consent' THEN 'no_consent'
                           WHEN person.legal_basis = %(basis)s THEN 'allowed'
                           ELSE 'other_basis'
                       END
                  FROM (%(contacts)s) contact
                  LEFT JOIN gdpr_subject subject ON subject.id = contact.subject_id
                  LEFT JOIN gdpr_subject person ON person.id = subject.root_id
                  LEFT JOIN gdpr_consent consent
                    ON consent.subject_id = person.id AND consent.purpose_id = %(purpose)s
                  LEFT JOIN gdpr_consent_event answer ON answer.id = consent.event_id
                  LEFT JOIN %(channels)s channel
                    ON channel.gdpr_consent_id = consent.id AND channel.gdpr_channel_id = %(channel)s
                """,
                is_marketing=purpose._is_marketing(),
                is_active=bool(purpose.active),
                company=purpose.company_id.id or None,
                asking=self.env.company.id,
                is_offered=bool(is_offered),
                now=fields.Datetime.now(),
                basis=purpose.legal_basis or None,
                contacts=contacts,
                purpose=purpose.id or None,
                channels=SQL.identifier(self.env["gdpr.consent"]._fields["channel_ids"].relation),
                channel=channel.id or None,
            )
        )

    @api.model
    def _get_restricted_addressees(self, messages):
        """Give whom messages may not go to now, for the processing is suspended (law.md R-61).

        Asked when a message leaves, whoever sends it and whatever for. An address is stopped even where a restricted
        person shares it with somebody else. Sent all the same: the answers to a case of that person (article 12(3)),
        the notice before the suspension ends (18(3)), messages about the person's own user account, the work mail of
        colleagues, and what an officer has confirmed that it must go out (18(2)).

        :param dict[typing.Any, Outgoing] messages: by any key
        :return: contacts (ids) and addresses by key; only of messages that have such addressees
        :rtype: dict[typing.Any, tuple[frozenset, frozenset]]
        """
        messages = {key: message for key, message in messages.items() if not message.is_confirmed}
        if not messages or not self.env["gdpr.scope"]._get_covered_models() or not self._is_anybody_restricted():
            return {}
        partner_ids = self._filter_restricted_contacts(frozenset().union(*(m.partner_ids for m in messages.values())))
        addresses = self._filter_restricted_addresses(frozenset().union(*(m.addresses for m in messages.values())))
        found = {
            key: (message.partner_ids & partner_ids, message.addresses & addresses) for key, message in messages.items()
        }
        found = {key: addressees for key, addressees in found.items() if any(addressees)}
        exempt = self._get_exempt_addressees({(messages[key].model, messages[key].res_id) for key in found})
        for key, addressees in found.items():
            record = (messages[key].model, messages[key].res_id)
            if record in exempt:
                found[key] = tuple(those - others for those, others in zip(addressees, exempt[record], strict=True))
        return {key: addressees for key, addressees in found.items() if any(addressees)}

    @api.model
    def _filter_restricted_contacts(self, partner_ids):
        """Give those of the contacts whose processing is suspended; a colleague is written to as one."""
        if not partner_ids or "res.partner" not in self.env["gdpr.scope"]._get_covered_models():
            return frozenset()
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                "SELECT card.id FROM res_partner card JOIN gdpr_subject subject ON subject.id = card.gdpr_subject_id"
                " WHERE card.id IN %s AND subject.restricted AND card.partner_share IS NOT FALSE",
                tuple(partner_ids),
            )
        )
        return frozenset(row[0] for row in rows)

    @api.model
    def _filter_restricted_addresses(self, addresses):
        """Give those of the addresses and numbers that a restricted person has, and no colleague."""
        found = set()
        if addresses:
            condition = SQL("subject.restricted AND card.address = ANY(%s)", list(addresses))
            covered = self.env["gdpr.scope"]._get_covered_models()
            for blacklist in dict.fromkeys(BLACKLISTS.values()):
                found |= self._read_from_cards(blacklist, "card.address", condition, covered)
            found |= self._filter_formerly_restricted(addresses)
        if found:
            colleagues = self.env["res.partner"].sudo()
            for field in ("email_normalized", "phone_sanitized"):
                known = colleagues.search([("partner_share", "=", False), (field, "in", list(found))])
                found.difference_update(known.mapped(field))
        return frozenset(found)

    @api.model
    def _filter_formerly_restricted(self, addresses):
        """Give those of the addresses and numbers that a restricted person had on a record that was deleted, merged or
        changed, and may have been made anew; not those that somebody else has by now, whose legal basis is set.
        """
        former = {
            address: self.sudo().browse(people_ids).root_id.filtered("restricted")
            for address, people_ids in self._find_by_former_addresses(addresses).items()
        }
        former = {address: people for address, people in former.items() if people}
        if not former:
            return set()
        condition = SQL("subject.legal_basis != 'not_applicable' AND card.address = ANY(%s)", list(former))
        taken = set()
        for blacklist in dict.fromkeys(BLACKLISTS.values()):
            rows = self._read_rows_from_cards(blacklist, ("card.address", "subject.root_id"), condition)
            taken |= {address for address, root_id in rows if root_id not in former[address]._ids}
        return former.keys() - taken

    @api.model
    def _get_exempt_addressees(self, records):
        """Give the contacts and addresses of who is restricted and is written to all the same, by record.

        :param set[tuple] records: the models and ids of what the messages are about
        """
        exempt = {}
        for model, res_id in records:
            if model in ANSWERING_MODELS:
                record = self.env[model].sudo().browse(res_id).exists()
                if "subject_id" not in record._fields:
                    # Nobody knows yet whose it is: only the mailbox is written to.
                    exempt[model, res_id] = frozenset(), frozenset({record.email or ""})
                    continue
                person = record.subject_id.root_id.with_context(active_test=False)
                addresses = person._get_addresses("mail.blacklist") | person._get_addresses("phone.blacklist")
                addresses.add(email_normalize(record.email or "") or "")
                exempt[model, res_id] = frozenset(person.partner_ids.ids), frozenset(addresses)
            elif model == "res.users":
                partner = self.env[model].sudo().browse(res_id).exists().partner_id
                exempt[model, res_id] = frozenset(partner.ids), frozenset(partner.mapped("email_normalized"))
        return exempt

    @api.model
    def _may_declare_service(self, template, attachments=None, **texts):
        """Tell whether somebody who may has said that a message to many is a service message (law.md R-14).

        It goes to people who didn't agree to it: a privacy officer says so by sending it, or its template does as long
        as nobody rewrote it.

        :param template: what the message is made from, if anything
        :param ir.attachment attachments: files that are sent; others than the template's rewrite it
        :param texts: what is sent, by the field of the template
        """
        template = template.sudo()
        is_as_template = template.gdpr_message_class == "service" and all(
            get_words(template[name]) == get_words(text) for name, text in texts.items()
        )
        if is_as_template and attachments:
            is_as_template = attachments <= template.attachment_ids
        return self.env.su or is_as_template or self.env.user.has_group("gdpr_consent.group_officer")

    @api.model
    def _get_contact_explanations(self):
        return {
            "allowed": self.env._("Allowed."),
            "no_consent": self.env._("The person hasn't agreed to this purpose."),
            "refused": self.env._("The person refused."),
            "withdrawn": self.env._("The person took the consent back."),
            "expired": self.env._("The consent has lapsed."),
            "renewal_due": self.env._("What the person agreed to has changed: ask again first."),
            "channel_not_allowed": self.env._("The person agreed, but not to this channel."),
            "channel_not_offered": self.env._("This channel isn't used for this purpose."),
            "objected": self.env._("The person objects to any marketing."),
            "blacklisted": self.env._("The address is blacklisted."),
            "restricted": self.env._("The processing is suspended."),
            "other_basis": self.env._("The legal basis of the person isn't the one of this purpose."),
            "other_company": self.env._("The purpose, or the consent to it, is one of another company."),
            "purpose_archived": self.env._("The purpose isn't in use any more."),
            "undecided": self.env._("It couldn't be found out whether the person may be contacted. Try again later."),
        }

    @api.model
    def _get_blacklist(self, purpose, channel):
        """Give the blacklist that counts for a purpose and a channel, or None."""
        return self.env[BLACKLISTS[channel.code]] if purpose._is_marketing() and channel.code in BLACKLISTS else None
