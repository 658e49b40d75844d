import uuid
from collections import defaultdict

from odoo import api, models
from odoo.tools import SQL
from odoo.tools.mail import email_normalize_all

from .gdpr_blacklist_mixin import BLACKLISTS

# After these acts the blacklists may have to change.
TOUCHING = frozenset({"objected", "objection_lifted"})


class GdprSubject(models.Model):
    """Who wants no marketing at all, and Odoo's blacklists, which follow."""

    _inherit = "gdpr.subject"

    def _record_objection(self, **act):
        """Record that these people want no marketing at all, on whatever basis (article 21(2), law.md R-38).

        Takes back what they agreed to for marketing, and answers what they are asked with no.

        :param act: further values for ``_record_acts``; ``values`` go with the objection itself
        :return: the events; none for those who have objected already
        """
        people = self._lock_people().filtered(lambda person: not person.objected)
        acts = []
        denied = people._get_marketing_to_deny()
        for person in people:
            common = {**act, "subject_id": person.id, "act": uuid.uuid4().hex}
            acts.append({**common, "action": "objected"})
            acts += [
                {**common, "values": {}, "action": "withdrawn", "purpose_id": purpose_id}
                for purpose_id in denied[person.id]
            ]
        events = self._record_acts(acts) if acts else self.env["gdpr.consent.event"]
        people.request_ids._close_answered()
        return events

    def _get_marketing_to_deny(self):
        """Give the ids of the marketing purposes agreed to or being asked for, by id of the person."""
        denied = defaultdict(dict)
        for consent in self.consent_ids:
            if consent.state == "given" and consent.purpose_id._is_marketing():
                denied[consent.subject_id.id][consent.purpose_id.id] = True
        requests = self.request_ids.filtered(lambda request: request.state in ("queued", "sent"))
        for request, purposes in requests._get_asked_by_request().items():
            marketing = purposes.filtered(lambda purpose: purpose._is_marketing())
            denied[request.subject_id.id] |= dict.fromkeys(marketing.ids, True)
        return denied

    @api.model
    def _find_by_emails(self, emails):
        """Give the people one of whose cards has one of these normalised addresses."""
        if not emails:
            return self.browse()
        rows = self._read_from_cards("mail.blacklist", "subject.root_id", SQL("card.address = ANY(%s)", list(emails)))
        return self.browse(sorted(rows))

    @api.model
    def _sync_blacklists(self, acts):
        """Let Odoo's blacklists follow the objections among the acts."""
        touched = {act["subject_id"] for act in acts if act["action"] in TOUCHING}
        if not touched:
            return
        people = self.sudo().browse(touched).root_id
        objecting = people.filtered("objected")
        objecting._block_addresses()
        for blacklist in dict.fromkeys(BLACKLISTS.values()):
            addresses = (people - objecting)._get_addresses(blacklist)
            self.env[blacklist]._gdpr_unblock(addresses - self._filter_objected_to(blacklist, addresses))

    def _block_addresses(self):
        """Put the addresses of these people's cards on Odoo's blacklists."""
        for blacklist in dict.fromkeys(BLACKLISTS.values()):
            self.env[blacklist]._gdpr_block(self._get_addresses(blacklist))

    def _get_addresses(self, blacklist):
        """Give the addresses of these people's cards, in the form a blacklist holds them; a card can have several."""
        if not self:
            return set()
        rows = self._read_rows_from_cards(
            blacklist, ("card.address", "card.written"), SQL("subject.root_id = ANY(%s)", self.ids)
        )
        addresses = {address for address, _written in rows}
        return addresses.union(*(email_normalize_all(written) for _address, written in rows if written))

    @api.model
    def _filter_objected_to(self, blacklist, addresses):
        """Give those of the addresses at which somebody objects to marketing."""
        if not addresses:
            return set()
        condition = SQL("subject.objected AND card.address = ANY(%s)", list(addresses))
        return self._read_from_cards(blacklist, "card.address", condition)

    @api.model
    def _read_from_cards(self, blacklist, column, condition, card_models=None):
        """Read a column of the cards that have a history and an address, one query a model of cards."""
        return {row[0] for row in self._read_rows_from_cards(blacklist, (column,), condition, card_models)}

    @api.model
    def _read_rows_from_cards(self, blacklist, columns, condition, card_models=None):
        """Read columns of the cards that have a history and an address, one query a model of cards."""
        self.env.flush_all()
        found = set()
        if card_models is None:
            card_models = self.env["gdpr.subject.mixin"]._get_card_models()
        for model in sorted(card_models):
            cards = self.env[model]
            address = cards._gdpr_get_address_sql(blacklist)
            if not address:
                continue
            email = cards._fields.get(cards._gdpr_email_field)
            is_written = blacklist == "mail.blacklist" and email and email.store
            rows = self.env.execute_query(
                SQL(
                    """
                    SELECT DISTINCT %(columns)s
                      FROM (SELECT card.gdpr_subject_id AS subject_id, %(address)s AS address, %(written)s AS written
                              FROM %(table)s card WHERE card.gdpr_subject_id IS NOT NULL) card
                      JOIN gdpr_subject subject ON subject.id = card.subject_id
                     WHERE card.address IS NOT NULL AND %(condition)s
                    """,
                    columns=SQL(", ").join(SQL.identifier(*column.split(".")) for column in columns),
                    address=address,
                    written=SQL.identifier("card", email.name) if is_written else SQL("NULL"),
                    table=SQL.identifier(cards._table),
                    condition=condition,
                )
            )
            found.update(rows)
        return found
