import re
from typing import NamedTuple

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL
from odoo.tools.sql import escape_psql

from ..tools.person_identifiers import normalize_name

# What Odoo takes out of a number before it looks for it: there is an index on that (mail.thread.phone).
PHONE_SEPARATORS = r"[\s\\./\(\)\-]"
# The field that says whose controller's a record is.
COMPANY_FIELDS = ("company_id", "record_company_id")


class Found(NamedTuple):
    """What one row of the data map holds of a person."""

    place: models.BaseModel
    ids: list[int]
    # Found by an address or a number that somebody else has as well, by a property or a name: somebody must look.
    doubtful_ids: frozenset[int]


class GdprDataMap(models.Model):
    """Finding all that is held of a person, by declared paths and exact addresses, never by likeness (law.md R-54)."""

    _inherit = "gdpr.data.map"

    @api.model
    @api.private
    def _find(self, subject, company=None, emails=()):
        """Give all that is held of a person, in the order of the map. A few searches for each row, no more.

        What hangs on a doubtful record is as doubtful. A record is in the first row of its model that finds it.

        :param gdpr.subject subject: joined histories count as one person
        :param res.company company: leave out what belongs to another company alone: that is its own controller
        :param emails: further normalised addresses of the person
        :return: a row of the map for each place that holds something
        :rtype: list[Found]
        """
        places = self.sudo().search([("is_personal", "=", True), ("is_installed", "=", True)])
        person = self._identify(subject, emails, company)
        found = []
        self.env.flush_all()
        known = {}
        for place in places:
            ids, doubtful = place._find_records(person, found, company)
            earlier = known.setdefault(place.model, set())
            ids, doubtful = ids - earlier, doubtful - earlier
            earlier |= ids
            if ids:
                found.append(Found(place, sorted(ids), frozenset(doubtful)))
                # What belongs to records that others share isn't the person's.
                if place.erasure != "detach":
                    person.add(place.model, ids, doubtful)
            if place.model == "res.partner.bank":
                self._identify_accounts(person)
        return found

    @api.model
    def _find_cards(self, person, company=None):
        """Give the cards of a person, those too that nothing but the address ties to the person; no doubtful ones.

        :param PersonIdentifiers person: what is found is added
        :return: the rows of the map, each with the ids of its cards
        :rtype: list[tuple[gdpr.data.map, list[int]]]
        """
        self.env.flush_all()
        cards, known = [], {}
        for place in self.search([("is_card", "=", True), ("is_personal", "=", True), ("is_installed", "=", True)]):
            ids, doubtful = place._find_records(person, [], company)
            earlier = known.setdefault(place.model, set())
            ids -= doubtful | earlier
            earlier |= ids
            person.add(place.model, ids)
            cards.append((place, sorted(ids)))
        return cards

    def _find_records(self, person, found, company):
        """Give the ids of this row's records about the person, and those of them that somebody must look at."""
        self.ensure_one()
        records = self._get_records().sudo().with_context(active_test=False)
        scope = Domain(self._get_domain())
        company_field = next((name for name in COMPANY_FIELDS if name in records._fields), None)
        field = records._fields.get(company_field)
        # A mail has its company from its message.
        if company and field and (field.store or field.inherited):
            scope &= Domain(company_field, "in", [False, company.id])
        email_fields, phone_fields = self._get_email_fields(), self._get_phone_fields()
        account_fields = self._split(self.account_fields)

        linked = self._get_linked_domain(records, person.found)
        if self.is_card:
            linked |= Domain("id", "in", list(person.cards.get(self.model, ())))
        linked |= self._get_document_domain([(place, set(ids) - doubtful) for place, ids, doubtful in found])
        ids = set() if linked.is_false() else set(records.search(linked & scope, order="id")._ids)
        own_emails, own_phones = person.emails - person.shared_emails, person.phones - person.shared_phones
        ids |= self._keep(
            records, self._find_by_address(records, email_fields, own_emails, phone_fields, own_phones) - ids, scope
        )
        own_accounts = person.accounts - person.shared_accounts
        ids |= self._keep(records, self._find_by_account(records, account_fields, own_accounts) - ids, scope)

        linked = self._get_linked_domain(records, person.doubtful)
        linked |= self._get_document_domain([(place, doubtful) for place, _ids, doubtful in found])
        doubtful = set() if linked.is_false() else set(records.search(linked & scope, order="id")._ids)
        shared = self._find_by_address(records, email_fields, person.shared_emails, phone_fields, person.shared_phones)
        shared |= self._find_by_account(records, account_fields, person.shared_accounts)
        shared |= self._find_by_properties(records, person.found)
        shared |= self._find_by_name(records, person.names)
        doubtful |= self._keep(records, shared - ids, scope)
        return ids | doubtful, doubtful - ids

    @api.model
    def _keep(self, records, ids, scope):
        """Give those of some records that are in the scope of the row."""
        if not ids or scope.is_true():
            return set(ids)
        return set(records.search(Domain("id", "in", list(ids)) & scope, order="id")._ids)

    def _get_linked_domain(self, records, found):
        """Give the domain of what links to records found so far."""
        domain = Domain.FALSE
        for path in self._get_paths():
            model = records
            for name in path.split("."):
                field = model._fields[name]
                model = self.env[field.comodel_name] if field.relational else None
            if model is not None and (ids := found.get(model._name)):
                domain |= self._get_path_domain(records, path, list(ids))
        return domain

    @api.model
    def _get_path_domain(self, records, path, ids):
        """Give the domain of what a path leads from to some ids.

        A computed field can be asked for the records it holds, but not always for what is in those.
        """
        name, _dot, rest = path.partition(".")
        field = records._fields[name]
        if not rest or field.store:
            return Domain(path, "in", ids)
        linked = self.env[field.comodel_name].sudo().with_context(active_test=False)
        return Domain(name, "in", linked.search(self._get_path_domain(linked, rest, ids)).ids)

    def _get_document_domain(self, documents):
        """Give the domain of what is attached to records.

        :param documents: pairs of place and ids
        """
        names = self._split(self.document_fields)
        if len(names) != 2:
            return Domain.FALSE
        by_model = {}
        for place, ids in documents:
            if place.has_documents and ids:
                by_model.setdefault(place.model, set()).update(ids)
        model_field, id_field = names
        return Domain.OR(
            Domain(model_field, "=", model) & Domain(id_field, "in", list(ids)) for model, ids in by_model.items()
        )

    def _filter_hanging(self, ids, model, parent_ids):
        """Give which records of this place lead to other records, or are attached to them.

        :param ids: of records of this place
        :param str model: of the others
        :param parent_ids: ids of the others
        """
        self.ensure_one()
        records = self._get_records()
        if records is None:
            return set()
        records = records.sudo().with_context(active_test=False)
        domain = self._get_linked_domain(records, {model: set(parent_ids)})
        places = self.sudo().search([("model", "=", model), ("has_documents", "=", True)], limit=1)
        domain |= self._get_document_domain([(place, parent_ids) for place in places])
        return set() if domain.is_false() else set(records.search(domain & Domain("id", "in", list(ids)))._ids)

    @api.model
    def _find_by_address(self, records, email_fields, emails, phone_fields, phones):
        """Give the ids of the records that bear one of the addresses or numbers, exactly."""
        conditions = []
        for name in email_fields if emails else ():
            column = records._field_to_sql(records._table, name)
            if name.endswith("_normalized"):
                conditions.append(SQL("%s IN %s", column, tuple(emails)))
            else:
                # The address alone or among others, but never a part of a longer one. What can't have it is left aside
                # first, which is much faster.
                address = "|".join(re.escape(email) for email in sorted(emails))
                likely = [SQL("%s ILIKE %s", column, f"%{escape_psql(email)}%") for email in sorted(emails)]
                exact = rf"(^|[\s<,;:\"'(])({address})($|[\s>,;\"')])"
                conditions.append(SQL("((%s) AND %s ~* %s)", SQL(" OR ").join(likely), column, exact))
        for name in phone_fields if phones else ():
            column = records._field_to_sql(records._table, name)
            numbers = tuple(f"{prefix}{phone}" for phone in sorted(phones) for prefix in ("+", "00", ""))
            # Letter by letter as the index has it, or it isn't used.
            conditions.append(
                SQL(
                    "(%(column)s IS NOT NULL AND regexp_replace((%(column)s::text), %(separators)s::text, ''::text,"
                    " 'g'::text) IN %(numbers)s)",
                    column=column,
                    separators=PHONE_SEPARATORS,
                    numbers=numbers,
                )
            )
        if not conditions:
            return set()
        rows = self.env.execute_query(
            SQL("SELECT id FROM %s WHERE %s", SQL.identifier(records._table), SQL(" OR ").join(conditions))
        )
        return {row[0] for row in rows}

    @api.model
    def _find_by_account(self, records, names, accounts):
        """Give the ids of the records with one of the numbers of bank accounts, exactly, however it is grouped.

        :param accounts: as Odoo compares them: letters and digits alone, capitals
        """
        if not names or not accounts:
            return set()
        # What a bank has sent is looked through for the number.
        grouped = "|".join(r"\W*".join(account) for account in sorted(accounts))
        expression = rf"(^|\W)({grouped})(\W|$)"
        conditions = []
        for name in names:
            column = records._field_to_sql(records._table, name)
            if records._fields[name].type == "json":
                conditions.append(SQL("%s::text ~* %s", column, expression))
            else:
                plain = SQL(r"upper(regexp_replace(%s, '\W+', '', 'g'))", column)
                conditions.append(SQL("%s IN %s", plain, tuple(accounts)))
        rows = self.env.execute_query(
            SQL("SELECT id FROM %s WHERE %s", SQL.identifier(records._table), SQL(" OR ").join(conditions))
        )
        return {row[0] for row in rows}

    def _find_by_name(self, records, names):
        """Give the ids of the records that nothing but a whole name leads from to a person, in either order of its
        words. One word alone tells nobody.
        """
        fields_ = self._split(self.name_fields)
        words = [normalize_name(name).split() for name in names]
        written = {" ".join(turned) for name in words if len(name) > 1 for turned in permute(name)}
        if not fields_ or not written:
            return set()
        matches = [
            SQL(
                r"lower(regexp_replace(btrim(%s), '[\s,]+', ' ', 'g')) IN %s",
                records._field_to_sql(records._table, name),
                tuple(sorted(written)),
            )
            for name in fields_
        ]
        # Where a link says whose the record is, the name says nothing more.
        links = [records._fields[path] for path in self._get_paths() if "." not in path]
        unlinked = [
            SQL("%s IS NULL", records._field_to_sql(records._table, field.name))
            for field in links
            if field.type == "many2one" and field.store and field.comodel_name in self._get_person_models()
        ]
        conditions = [SQL("(%s)", SQL(" OR ").join(matches)), *unlinked]
        rows = self.env.execute_query(
            SQL("SELECT id FROM %s WHERE %s", SQL.identifier(records._table), SQL(" AND ").join(conditions))
        )
        return {row[0] for row in rows}

    @api.model
    def _find_by_properties(self, records, found):
        """Give the ids of the records that link to a person in a property."""
        conditions = []
        for field in records._fields.values():
            if field.type != "properties" or not field.store:
                continue
            column = records._field_to_sql(records._table, field.name)
            for name, kind, model in self._get_person_properties(records, field):
                ids = tuple(found.get(model, ()))
                if not ids:
                    continue
                if kind == "many2one":
                    conditions.append(SQL("%s ->> %s IN %s", column, name, tuple(map(str, ids))))
                else:
                    conditions.append(SQL("%s -> %s @> ANY(%s::jsonb[])", column, name, list(map(str, ids))))
        if not conditions:
            return set()
        rows = self.env.execute_query(
            SQL("SELECT id FROM %s WHERE %s", SQL.identifier(records._table), SQL(" OR ").join(conditions))
        )
        return {row[0] for row in rows}

    @api.model
    def _get_person_properties(self, records, field):
        """Give the properties that link to persons: name, type and model."""
        container = self.env[records._fields[field.definition_record].comodel_name]
        definition = container._fields[field.definition_record_field]
        if not definition.store:
            return []
        rows = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT property ->> 'name', property ->> 'type', property ->> 'comodel'
                  FROM %(table)s, jsonb_array_elements(%(column)s) property
                 WHERE jsonb_typeof(%(column)s) = 'array' AND property ->> 'type' IN ('many2one', 'many2many')
                   AND property ->> 'comodel' IN %(models)s
                """,
                table=SQL.identifier(container._table),
                column=SQL.identifier(container._table, definition.name),
                models=self._get_person_models(),
            )
        )
        return rows


def permute(words):
    """Give the orders in which the words of a name are written: as they are, and with the last name first.

    :rtype: list[list[str]]
    """
    return [[*words[turn:], *words[:turn]] for turn in range(len(words))]
