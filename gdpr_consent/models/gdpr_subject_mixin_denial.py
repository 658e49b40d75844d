from dataclasses import replace

from odoo import api, fields, models
from odoo.tools import SQL

from .gdpr_blacklist_mixin import BLACKLISTS


class GdprSubjectMixin(models.AbstractModel):
    """Which channels the person behind a card has closed, for those who write to or call one person."""

    _inherit = "gdpr.subject.mixin"

    gdpr_channel_denials = fields.Json(
        "Channels Closed", compute="_compute_gdpr_channel_denials", groups="gdpr_consent.group_user", exportable=False
    )

    @api.depends(
        "gdpr_subject_id.restricted",
        "gdpr_subject_id.objected",
        "gdpr_subject_id.consent_ids.state",
        "gdpr_subject_id.consent_ids.channel_ids",
    )
    @api.depends_context("lang", "allowed_company_ids")
    def _compute_gdpr_channel_denials(self):
        """Give what a number on the form shows, by code of the channel."""
        cards = self.env["gdpr.scope"]._filter_covered(self).sudo()
        people = cards.gdpr_subject_id
        denials = people._get_denials(("phone", "sms"))
        self.gdpr_channel_denials = False
        for card in cards.filtered(lambda card: card.gdpr_subject_id.id in denials):
            card.with_env(self.env).gdpr_channel_denials = {
                code: {
                    "explanation": people._explain_denial(card._gdpr_get_name(), denial),
                    "restricted": denial.reason == "restricted",
                }
                for code, denial in denials[card.gdpr_subject_id.id].items()
            }

    def _gdpr_find_denials(self, code):
        """Give who of these cards has closed a channel, and why: by id, the id of the person and the denial.

        Of a card whose own person hasn't agreed, as the contact made of a lead's address, who has its address
        counts. A few queries, whatever the number of cards.

        :param str code: of the channel
        :rtype: dict[int, tuple[int, Denial]]
        """
        if not self.env["gdpr.subject"]._has_anybody_spoken():
            return {}
        people = self._gdpr_find_people(BLACKLISTS[code])
        every = self.env["gdpr.subject"].sudo().browse({person_id for found in people.values() for person_id in found})
        denials = every._get_denials([code])
        own = {card_id: person_id for card_id, found in people.items() for person_id, is_own in found.items() if is_own}
        denying = {card_id: found.keys() & denials.keys() for card_id, found in people.items()}
        silent = {own[card_id] for card_id in own if denying[card_id] and own[card_id] not in denying[card_id]}
        # The own yes counts before what somebody else at the address says.
        agreed = {*every.browse(silent)._filter_agreed(code).ids}
        found = {}
        for card_id, person_ids in denying.items():
            if not person_ids or own.get(card_id) in agreed:
                continue
            person_id = own[card_id] if own.get(card_id) in person_ids else min(person_ids)
            denial = denials[person_id][code]
            found[card_id] = person_id, replace(denial, is_others=own.get(card_id) != person_id)
        return found

    def _gdpr_find_people(self, blacklist):
        """Give the ids of the persons behind these cards, and at their addresses, by id of the card; no colleagues.

        :param str blacklist: the one that has the addresses in the form they are compared in
        :return: by id of the card, ids of persons, and whether each is the card's own
        :rtype: dict[int, dict[int, bool]]
        """
        covered = self.env["gdpr.scope"]._get_covered_models()
        own_address = self._gdpr_get_address_sql(blacklist)
        if not self.ids or self._name not in covered:
            return {}
        self.env.flush_all()
        is_outsider = SQL("card.partner_share IS NOT FALSE" if "partner_share" in self._fields else "TRUE")
        cards = SQL(
            "SELECT card.id, card.gdpr_subject_id, %s AS address FROM %s card WHERE card.id IN %s AND %s",
            own_address or SQL("NULL"),
            SQL.identifier(self._table),
            tuple(self.ids),
            is_outsider,
        )
        found = [SQL("SELECT id, address, gdpr_subject_id, TRUE AS is_own FROM asked")]
        for model in sorted(covered) if own_address else ():
            if address := self.env[model]._gdpr_get_address_sql(blacklist):
                found.append(
                    SQL(
                        "SELECT asked.id, asked.address, card.gdpr_subject_id, FALSE"
                        " FROM asked JOIN %s card ON %s = asked.address"
                        " WHERE card.gdpr_subject_id IS NOT NULL"
                        " AND card.gdpr_subject_id IS DISTINCT FROM asked.gdpr_subject_id",
                        SQL.identifier(self.env[model]._table),
                        address,
                    )
                )
        people, by_address = {}, {}
        for card_id, address, person_id, is_own in self.env.execute_query(
            SQL("WITH asked AS (%s) %s", cards, SQL(" UNION ").join(found))
        ):
            by_address.setdefault(address, set()).add(card_id)
            if person_id:
                people.setdefault(card_id, {})[person_id] = is_own
        if own_address:
            self._gdpr_add_others_at_addresses(people, by_address)
        return people

    @api.model
    def _gdpr_add_others_at_addresses(self, people, by_address):
        """Add those who said no from cards' addresses, and whose own records were deleted or begin with another.

        :param dict[int, dict[int, bool]] people: of ``_gdpr_find_people``
        :param dict[str, set[int]] by_address: ids of the cards
        """
        subjects = self.env["gdpr.subject"].sudo()
        addresses = by_address.keys() - {None}
        emails = {address for address in addresses if "@" in address}
        for others in (subjects._find_by_former_addresses(addresses), subjects._find_by_further_addresses(emails)):
            for address, found in others.items():
                for card_id in by_address[address]:
                    people[card_id] = dict.fromkeys(found, False) | people.get(card_id, {})
