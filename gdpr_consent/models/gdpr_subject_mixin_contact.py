from odoo import api, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

from ..tools.server_context import is_set
from .gdpr_blacklist_mixin import BLACKLISTS
from .gdpr_subject_mixin_suppression import ERASING

# A no that counts whatever the legal basis, and what must be taken for one.
NOES = frozenset({"restricted", "objected", "refused", "withdrawn", "channel_not_allowed", "undecided"})


class GdprSubjectMixin(models.AbstractModel):
    """Whether the person behind a card may be contacted."""

    _inherit = "gdpr.subject.mixin"

    # Writing one of these can change an address or number, beside the field with the address.
    _gdpr_address_sources = ("phone", "country_id")

    def write(self, vals):
        """Let a new address of a person who objects to marketing get none either, and the old one stay known."""
        if {self._gdpr_email_field, *self._gdpr_address_sources}.isdisjoint(vals):
            return super().write(vals)
        before = {}
        if self.env["gdpr.subject"]._has_anybody_spoken() and not is_set(self.env, ERASING):
            for card in self.sudo().filtered("gdpr_subject_id"):
                before[card] = card.gdpr_subject_id, card._gdpr_get_addresses_to_remember()
        result = super().write(vals)
        for card, (subject, addresses) in before.items():
            now = card._gdpr_get_addresses_to_remember()
            if gone := {kind: found - now[kind] for kind, found in addresses.items() if found - now[kind]}:
                subject._remember_addresses({subject: gone})
        self._gdpr_block_objecting()
        return result

    def export_data(self, fields_to_export):
        """Leave out those whose processing is suspended: they are only stored. An officer exports all (law.md R-61)."""
        if self.env.su or self.env.user.has_group("gdpr_consent.group_officer"):
            return super().export_data(fields_to_export)
        covered = self.env["gdpr.scope"]._filter_covered(self).sudo().with_context(active_test=False)
        restricted = covered._gdpr_narrow("gdpr_restricted", "=", True)
        return super(GdprSubjectMixin, self - self.browse(restricted.ids)).export_data(fields_to_export)

    def gdpr_may_contact(self, purpose, channel):
        """Tell whether the persons may be contacted for a purpose, through a channel, now.

        :param purpose: ``gdpr.purpose``, its id or its code
        :param channel: ``gdpr.channel``, its id or its code
        :return: by id of the card, ``allowed`` (bool), ``reason`` (code), ``explanation`` (text)
        :rtype: dict[int, dict]
        :raise ValidationError: unknown purpose or channel
        """
        self.check_access("read")
        # The company's own purpose comes before the shared one of the same code.
        purpose = self._gdpr_find("gdpr.purpose", purpose).sorted(lambda found: not found.company_id)[:1]
        channel = self._gdpr_find("gdpr.channel", channel)
        if not purpose or len(channel) != 1:
            raise ValidationError(self.env._("Name one purpose and one channel."))
        reasons = self._gdpr_get_contact_reasons(purpose, channel)
        explanations = self.env["gdpr.subject"]._get_contact_explanations()
        return {
            card_id: {"allowed": reason == "allowed", "reason": reason, "explanation": explanations[reason]}
            for card_id, reason in reasons.items()
        }

    def _gdpr_find(self, model, value):
        """Give the existing records meant by a record, an id or a code, archived ones too."""
        records = self.with_context(active_test=False)._gdpr_browse_by_code(model, value or []).sudo()
        return records if isinstance(value, str) else records.exists()

    def _gdpr_get_contact_reasons(self, purpose, channel):
        """Give, by id of each card, ``allowed`` or the code of why not.

        As ``gdpr.subject._get_contact_reasons``, but that of all addresses only the card's own counts, and that
        nobody needs to have looked at the card before.
        """
        if not self:
            return {}
        contacts = SQL(
            "SELECT card.id, card.gdpr_subject_id AS subject_id, %s AS blacklisted FROM %s card WHERE card.id IN %s",
            self._gdpr_get_blacklisted_sql(purpose, channel) or SQL("FALSE"),
            SQL.identifier(self._table),
            tuple(self.ids),
        )
        return self.env["gdpr.subject"]._judge(contacts, self.ids, purpose, channel)

    def _gdpr_get_send_refusals(self, purpose, channel, message_class):
        """Give, by id, why a message to many must leave some of these cards out; not the others.

        A marketing message needs a verdict that allows it, a service message (law.md R-82) leaves out only those
        whose processing is suspended. What the add-on doesn't govern passes: records that no active scope
        covers, everything while the master switch is off, and cards whose legal basis is *not applicable*, unless
        there is a no, an objection or a suspension on record for them, or a no for their address.

        :param gdpr.purpose purpose: what a marketing message is for
        :param str message_class: ``marketing`` or ``service``
        :rtype: dict[int, str]
        """
        scopes = self.env["gdpr.scope"]
        if self._name not in scopes._get_covered_models():
            return {}
        cards = self.sudo().with_context(active_test=False)
        if message_class == "marketing" and not purpose:
            # What is for nothing can't be judged.
            return dict.fromkeys(scopes._filter_covered(self).ids, "undecided")
        if message_class == "service":
            reasons = dict.fromkeys(cards._gdpr_narrow("gdpr_restricted", "=", True).ids, "restricted")
            if channel.code in BLACKLISTS:
                reasons |= dict.fromkeys(cards._gdpr_find_restricted_addresses(channel.code), "restricted")
        else:
            reasons = self.exists()._gdpr_get_contact_reasons(purpose, channel)
            allowed = {card_id for card_id, reason in reasons.items() if reason == "allowed"}
            reasons = {card_id: reason for card_id, reason in reasons.items() if reason != "allowed"}
            governed = set(cards.browse(reasons)._gdpr_narrow("gdpr_legal_basis", "!=", "not_applicable").ids)
            noes = governed.union(card_id for card_id, reason in reasons.items() if reason in NOES)
            noes |= self._gdpr_find_objected_elsewhere(reasons.keys() - noes, purpose, channel)
            # A basis that isn't consent allows it without a word of the person.
            silent = set() if purpose.legal_basis == "consent" else allowed
            elsewhere = self._gdpr_find_noes_elsewhere((reasons.keys() - noes) | silent, purpose, channel)
            reasons = {card_id: reason for card_id, reason in reasons.items() if card_id in noes} | elsewhere
        covered = set(scopes._filter_covered(self.browse(reasons)).ids)
        return {card_id: reason for card_id, reason in reasons.items() if card_id in covered}

    def _gdpr_find_restricted_addresses(self, code):
        """Give the ids of those of these cards at whose address somebody's processing is suspended: nothing leaves.

        :param str code: of the channel
        """
        people = self.env["gdpr.subject"].sudo()
        number = self.env[BLACKLISTS[code]]._gdpr_card_field
        if not people._is_anybody_restricted() or (code != "email" and number not in self._fields):
            return set()
        by_address = self.grouped(lambda card: card._gdpr_get_email() if code == "email" else card[number])
        restricted = people._filter_restricted_addresses(by_address.keys() - {False})
        return {card_id for address in restricted for card_id in by_address[address].ids}

    @api.model
    def _gdpr_find_objected_elsewhere(self, ids, purpose, channel):
        """Give the ids of those of the cards at whose address somebody objects to marketing (law.md R-38)."""
        blacklist = self.env["gdpr.subject"]._get_blacklist(purpose, channel)
        if blacklist is None or not ids:
            return set()
        name = blacklist._gdpr_card_field
        cards = self.sudo().with_context(active_test=False).browse(ids)
        by_address = cards.grouped(lambda card: card[name] if name in card._fields else card._gdpr_get_email())
        addresses = {*filter(None, by_address)}
        objected = self.env["gdpr.subject"]._filter_objected_to(blacklist._name, addresses)
        # Whatever record it was: that may be deleted, or have the address beside another.
        objected |= blacklist._gdpr_filter_objected(addresses)
        return {card_id for address in objected & addresses for card_id in by_address[address].ids}

    @api.model
    def _gdpr_find_noes_elsewhere(self, ids, purpose, channel):
        """Give the reasons of those of the cards at whose address somebody said no to this, and nobody yes.

        As a message to one person is treated: who left is not brought back by a second record.

        :rtype: dict[int, str]
        """
        blacklist = BLACKLISTS.get(channel.code)
        people = self.browse(ids)._gdpr_find_people(blacklist) if blacklist else {}
        return self.env["gdpr.subject"]._find_denied(people, purpose, channel)

    def _gdpr_narrow(self, field, operator, value):
        return self.search([("id", "in", self.ids), (field, operator, value)]) if self else self

    @api.model
    def _gdpr_get_blacklisted_sql(self, purpose, channel):
        """Give the SQL that tells whether the address of a ``card`` is blacklisted, or None where none can be."""
        blacklist = self.env["gdpr.subject"]._get_blacklist(purpose, channel)
        address = blacklist is not None and self._gdpr_get_address_sql(blacklist._name)
        return address and SQL(
            "EXISTS (SELECT 1 FROM %s entry WHERE entry.active AND %s = %s)",
            SQL.identifier(blacklist._table),
            SQL.identifier("entry", blacklist._gdpr_address_field),
            address,
        )

    @api.model
    def _gdpr_get_address_sql(self, blacklist):
        """Give the SQL for the address of a ``card`` in the form a blacklist holds it, or None without one."""
        name = self.env[blacklist]._gdpr_card_field
        if name in self._fields and self._fields[name].store:
            return SQL.identifier("card", name)
        address = self._fields.get(self._gdpr_email_field)
        if blacklist == "mail.blacklist" and address and address.store:
            return SQL(
                "lower(trim(COALESCE(substring(%(address)s FROM '<([^<>]+)>'), %(address)s)))",
                address=SQL.identifier("card", address.name),
            )
        return None

    @api.model
    def _gdpr_begin_histories(self, emails):
        """Give those cards a history that have one of these normalised addresses and none yet; no colleagues."""
        field = self.env["mail.blacklist"]._gdpr_card_field
        if field not in self._fields:
            return
        cards = self.with_context(active_test=False)
        cards = cards.search([(field, "in", list(emails)), ("gdpr_subject_id", "=", False)])
        if "partner_share" in cards._fields:
            cards = cards.filtered("partner_share")
        self.env["gdpr.scope"]._filter_covered(cards)._gdpr_ensure_subjects()

    def _gdpr_block_objecting(self):
        """Put the addresses of those of these cards on the blacklists whose person objects to marketing."""
        objecting = self.sudo().gdpr_subject_id.filtered("objected")
        if objecting:
            objecting._block_addresses()
