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

        Of a card that has no history, as the contact made of a lead's address, who has its address counts. Two
        queries, whatever the number of cards.

        :param str code: of the channel
        :rtype: dict[int, tuple[int, Denial]]
        """
        if not self.env["gdpr.subject"]._has_anybody_spoken():
            return {}
        people = self._gdpr_find_people(BLACKLISTS[code])
        every = self.env["gdpr.subject"].sudo().browse({person_id for found in people.values() for person_id in found})
        denials = every._get_denials([code])
        return {
            card_id: (person_id, denials[person_id][code])
            for card_id, found in people.items()
            for person_id in sorted(found, reverse=True)
            if person_id in denials
        }

    def _gdpr_find_people(self, blacklist):
        """Give the ids of the persons behind these cards, or at their addresses, by id of the card; no colleagues.

        :param str blacklist: the one that has the addresses in the form they are compared in
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
        found = [SQL("SELECT id, gdpr_subject_id FROM asked WHERE gdpr_subject_id IS NOT NULL")]
        for model in sorted(covered) if own_address else ():
            if address := self.env[model]._gdpr_get_address_sql(blacklist):
                found.append(
                    SQL(
                        "SELECT asked.id, card.gdpr_subject_id FROM asked JOIN %s card ON %s = asked.address"
                        " WHERE asked.gdpr_subject_id IS NULL AND card.gdpr_subject_id IS NOT NULL",
                        SQL.identifier(self.env[model]._table),
                        address,
                    )
                )
        people = {}
        for card_id, person_id in self.env.execute_query(
            SQL("WITH asked AS (%s) %s", cards, SQL(" UNION ").join(found))
        ):
            people.setdefault(card_id, set()).add(person_id)
        if blacklist == "mail.blacklist":
            self._gdpr_add_others_at_addresses(people)
        return people

    def _gdpr_add_others_at_addresses(self, people):
        """Add those who said no from these cards' addresses, and whose own records were deleted or begin with another.

        :param dict[int, set[int]] people: ids of persons, by id of the card
        """
        subjects = self.env["gdpr.subject"].sudo()
        if not subjects._has_anybody_spoken() and not subjects._has_former_addresses():
            return
        cards = self.sudo().filtered(lambda card: not card.gdpr_subject_id)
        if "partner_share" in self._fields:
            cards = cards.filtered("partner_share")
        by_email = cards.grouped(lambda card: card._gdpr_get_email())
        emails = {*by_email} - {False}
        for others in (subjects._find_by_former_addresses(emails), subjects._find_by_further_addresses(emails)):
            for email, found in others.items():
                for card in by_email[email]:
                    people.setdefault(card.id, set()).update(found)
