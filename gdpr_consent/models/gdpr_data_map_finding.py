import re
from typing import NamedTuple

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL, OrderedSet
from odoo.tools.mail import email_normalize_all

from ..tools.person_identifiers import PersonIdentifiers, get_phone_digits


class Found(NamedTuple):
    """What one row of the data map holds of a person."""

    place: models.BaseModel
    ids: list[int]
    # Found by an address or a number that somebody else has as well: a person must look.
    doubtful_ids: frozenset[int]


class GdprDataMap(models.Model):
    """Finding all that is held of a person, by declared paths and exact addresses, never by likeness (law.md R-54)."""

    _inherit = "gdpr.data.map"

    @api.model
    @api.private
    def _find(self, subject, company=None, emails=()):
        """Give all that is held of a person, in the order of the map. A search or two for each row, no more.

        :param gdpr.subject subject: joined histories count as one person
        :param res.company company: leave out what belongs to another company alone: that is its own controller
        :param emails: further normalised addresses of the person
        :return: a row of the map for each place that holds something
        :rtype: list[Found]
        """
        places = self.sudo().search([("is_personal", "=", True), ("is_installed", "=", True)])
        person = self._identify(subject, emails)
        found = []
        self.env.flush_all()
        for place in places:
            ids, doubtful = place._find_records(person, found, company)
            if ids:
                found.append(Found(place, sorted(ids), frozenset(doubtful)))
                person.add(place.model, ids)
        return found

    @api.model
    def _identify(self, subject, emails=()):
        """Give what identifies a person: the cards, the users, the addresses and the numbers, and what they share.

        :rtype: PersonIdentifiers
        """
        root = subject.sudo().root_id
        person = PersonIdentifiers()
        for cards in root._get_all_cards():
            cards = cards | cards._gdpr_get_own_addresses()
            person.add(cards._name, cards.ids)
            person.cards[cards._name] = set(cards.ids)
            for card in cards:
                person.emails |= set(email_normalize_all(card[card._gdpr_email_field] or ""))
                person.names |= OrderedSet(filter(None, [card._gdpr_get_name()]))
                person.phones |= set(
                    filter(None, [get_phone_digits(card[name]) for name in card._gdpr_get_phone_fields()])
                )
        person.emails |= set(emails)
        person.shared_emails = self._find_shared(person, "email_normalized", person.emails)
        return person

    @api.model
    def _find_shared(self, person, field, values):
        """Give which of the person's addresses a card of somebody else has too."""
        shared = set()
        for model in self.env["gdpr.subject.mixin"]._get_card_models():
            cards = self.env[model].sudo().with_context(active_test=False)
            if field not in cards._fields or not values:
                continue
            own = list(person.cards.get(model, ()))
            others = cards.search_fetch([(field, "in", list(values)), ("id", "not in", own)], [field])
            if model == "crm.lead":
                # A lead of the person's own contact that nobody has looked at yet.
                others = others.filtered(lambda lead: lead.partner_id.id not in person.cards.get("res.partner", ()))
            shared |= set(others.mapped(field))
        return shared

    def _find_records(self, person, found, company):
        """Give the ids of this row's records about the person, and those that only a shared address leads to."""
        self.ensure_one()
        records = self._get_records().sudo().with_context(active_test=False)
        scope = Domain(self._get_domain())
        if company and "company_id" in records._fields and records._fields["company_id"].store:
            scope &= Domain("company_id", "in", [False, company.id])
        certain, doubtful = Domain.FALSE, Domain.FALSE
        if self.is_card:
            certain |= Domain("id", "in", list(person.cards.get(self.model, ())))
        for path in self._split(self.path):
            certain |= self._get_path_domain(records, path, person)
        certain |= self._get_document_domain(records, found)
        ids = set(records.search(certain & scope, order="id")._ids) if not certain.is_false() else set()
        by_address = self._find_by_address(records, person.emails - person.shared_emails, person.phones)
        ids |= set(records.search(Domain("id", "in", list(by_address)) & scope)._ids) if by_address else set()
        by_shared = self._find_by_address(records, person.shared_emails, ()) - ids
        doubtful = set(records.search(Domain("id", "in", list(by_shared)) & scope)._ids) if by_shared else set()
        return ids | doubtful, doubtful

    def _get_path_domain(self, records, path, person):
        model = records
        for name in path.split("."):
            field = model._fields[name]
            model = self.env[field.comodel_name] if field.relational else None
        if model is None:
            return Domain.FALSE
        ids = person.found.get(model._name)
        return Domain(path, "in", list(ids)) if ids else Domain.FALSE

    def _get_document_domain(self, records, found):
        """Give the domain of what is attached to the records found so far."""
        names = self._split(self.document_fields)
        if not names:
            return Domain.FALSE
        model_field, id_field = names
        by_model = {}
        for place, ids, _doubtful in found:
            if place.has_documents:
                by_model.setdefault(place.model, set()).update(ids)
        return Domain.OR(
            Domain(model_field, "=", model) & Domain(id_field, "in", list(ids)) for model, ids in by_model.items()
        )

    def _find_by_address(self, records, emails, phones):
        """Give the ids of the records that bear one of the addresses or numbers, exactly."""
        conditions = []
        for name in self._split(self.email_fields) if emails else ():
            column = records._field_to_sql(records._table, name)
            if name == "email_normalized":
                conditions.append(SQL("%s IN %s", column, tuple(emails)))
            else:
                # The address alone or among others, but never a part of a longer one.
                address = "|".join(re.escape(email) for email in sorted(emails))
                conditions.append(SQL("%s ~* %s", column, rf"(^|[\s<,;:\"'(])({address})($|[\s>,;\"')])"))
        for name in self._split(self.phone_fields) if phones else ():
            column = records._field_to_sql(records._table, name)
            conditions.append(
                SQL("regexp_replace(regexp_replace(%s, '[^0-9]', '', 'g'), '^00', '') IN %s", column, tuple(phones))
            )
        if not conditions:
            return set()
        rows = self.env.execute_query(
            SQL("SELECT id FROM %s WHERE %s", SQL.identifier(records._table), SQL(" OR ").join(conditions))
        )
        return {row[0] for row in rows}
