from odoo import api, models
from odoo.fields import Domain
from odoo.tools import OrderedSet
from odoo.tools.mail import email_normalize_all

from ..tools.person_identifiers import MINIMUM_ACCOUNT_LENGTH, PersonIdentifiers, get_phone_digits


class GdprDataMap(models.Model):
    """What identifies a person, and which of it somebody else has too (law.md R-54)."""

    _inherit = "gdpr.data.map"

    @api.model
    def _identify(self, subject, emails=(), company=None):
        """Give what identifies a person: cards, users and employees, addresses and numbers, and what of it is shared.

        :param emails: further normalised addresses of the person
        :param res.company company: leave out the cards of another company alone
        :rtype: PersonIdentifiers
        """
        person = PersonIdentifiers()
        for cards in subject.sudo().root_id._get_all_cards():
            cards |= cards._gdpr_get_own_addresses()
            if company:
                cards = cards.filtered(lambda card: card._gdpr_get_own_company() in (company, company.browse()))
            if not cards:
                continue
            person.add(cards._name, cards.ids)
            person.cards[cards._name] = set(cards.ids)
            for card in cards:
                person.emails |= set(email_normalize_all(card[card._gdpr_email_field] or ""))
                person.names |= OrderedSet(filter(None, [card._gdpr_get_name()]))
                person.phones |= self._read_phones(card)
        person.emails |= set(emails)
        if partner_ids := person.cards.get("res.partner"):
            users = self.env["res.users"].sudo().with_context(active_test=False)
            person.add("res.users", users.search([("partner_id", "in", list(partner_ids))]).ids)
            if "hr.employee" in self.env:
                employees = self.env["hr.employee"].sudo().with_context(active_test=False)
                contact, user = Domain("work_contact_id", "in", list(partner_ids)), person.found.get("res.users", ())
                person.add("hr.employee", employees.search(contact | Domain("user_id", "in", list(user))).ids)
        self._note_shared(person)
        return person

    @api.model
    def _note_shared(self, person):
        """Note which addresses and numbers of a person somebody else has too."""
        person.shared_emails, person.shared_phones = set(), set()
        for cards in self._find_others_cards(person):
            for card in cards:
                person.shared_emails |= person.emails & set(email_normalize_all(card[card._gdpr_email_field] or ""))
                person.shared_phones |= person.phones & self._read_phones(card)

    @api.model
    def _find_shared_emails(self, person, company):
        """Give which of the person's addresses somebody else of the same company has too: another controller's cards
        don't count.

        :rtype: set[str]
        """
        if not person.shared_emails:
            return set()
        return {
            email
            for cards in self._find_others_cards(person)
            for card in cards
            if card._gdpr_get_own_company() in (company, company.browse())
            for email in person.emails & set(email_normalize_all(card[card._gdpr_email_field] or ""))
        }

    @api.model
    def _identify_accounts(self, person):
        """Note the numbers of the person's bank accounts, and which of them somebody else has too."""
        banks = self.env["res.partner.bank"].sudo().with_context(active_test=False)
        own = banks.browse(person.found.get(banks._name, ()))
        person.accounts |= {
            number for number in own.mapped("sanitized_acc_number") if len(number or "") >= MINIMUM_ACCOUNT_LENGTH
        }
        if person.accounts:
            others = banks.search([("sanitized_acc_number", "in", list(person.accounts)), ("id", "not in", own.ids)])
            person.shared_accounts |= set(others.mapped("sanitized_acc_number"))

    @api.model
    def _read_phones(self, card):
        """Give the digits of the numbers on a card."""
        return set(filter(None, map(get_phone_digits, card._gdpr_get_phones())))

    @api.model
    def _find_others_cards(self, person):
        """Give the cards of somebody else with one of the person's addresses or numbers, a recordset a model.

        A card that was tied to nobody yet is somebody else's if it bears another name.
        """
        own_partners = person.cards.get("res.partner", set())
        for model in self.env["gdpr.subject.mixin"]._get_card_models():
            cards = self.env[model].sudo().with_context(active_test=False)
            email_fields = [name for name in ("email_normalized",) if name in cards._fields]
            phone_fields = [name for name in cards._gdpr_get_phone_fields() if cards._fields[name].store]
            cards.flush_model([*email_fields, *phone_fields])
            ids = self._find_by_address(cards, email_fields, person.emails, phone_fields, person.phones)
            cards = cards.browse(sorted(ids - person.cards.get(model, set())))
            if "partner_id" in cards._fields:
                cards = cards.filtered(lambda card: card.partner_id.id not in own_partners)
            yield cards.filtered(
                lambda card: (
                    card._name == "res.partner"
                    or card.gdpr_subject_id
                    or ("partner_id" in card._fields and card.partner_id)
                    or not self._is_same_name(card, person)
                )
            )

    @api.model
    def _is_same_name(self, card, person):
        """Tell whether a card bears no name, or that of the person."""
        name = card.contact_name if card._name == "crm.lead" else card._gdpr_get_name()
        return not name or name in (card[card._gdpr_email_field] or "") or person.has_name(name)
