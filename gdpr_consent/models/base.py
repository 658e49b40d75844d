import json
import re

from odoo import models
from odoo.tools import SQL

from ..tools.trace_scanner import compile_pattern
from .gdpr_erasure_journal_entry import PLACEHOLDER

TEXT_TYPES = ("char", "text", "html")
# Their values are rows of other tables, which have their own place in the map.
OF_OTHERS = ("one2many",)
# Where Odoo keeps the earlier versions of texts (html.field.history.mixin).
HISTORY = "html_field_history"


class Base(models.AbstractModel):
    """How a record of any model is emptied of a person."""

    _inherit = "base"

    def _gdpr_anonymise(self, names):
        """Empty fields of these records; what must have a value gets a placeholder that says nothing (law.md R-58).

        :param names: of the fields
        """
        self._gdpr_empty(names)

    def _gdpr_empty(self, names):
        """Empty fields, of whatever model: see ``_gdpr_anonymise``."""
        if not self:
            return
        values, singly = {}, []
        for name in dict.fromkeys(names):
            field = self._fields[name]
            if name == HISTORY or field.type in OF_OTHERS or not self._gdpr_is_emptiable(field):
                continue
            if field.company_dependent or (field.translate and not field.required and name != self._rec_name):
                self._gdpr_empty_column(field)
            elif not field.required and name != self._rec_name:
                values[name] = False
            elif field.type in TEXT_TYPES:
                if self._gdpr_is_unique(field):
                    singly.append(name)
                else:
                    values[name] = PLACEHOLDER
        if values:
            sealed = self._gdpr_filter_sealed()
            if unsealed := self - sealed:
                unsealed.write(values)
            covered = self._gdpr_get_covered_fields()
            rest = {name: value for name, value in values.items() if name not in covered}
            if sealed and rest:
                # What is written on a line of a bank statement would be written on its entry, too.
                sealed.with_context(skip_account_move_synchronization=True).write(rest)
        for record in self if singly else ():
            record.write({name: f"{PLACEHOLDER.lower()}-{record.id}" for name in singly})
        self._gdpr_forget_versions()

    def _gdpr_is_emptiable(self, field):
        if field.related:
            # It is the value of another record.
            return False
        return bool(field.store and (not field.compute or not field.readonly)) or bool(
            field.inverse or field.company_dependent or (field.type == "binary" and field.attachment)
        )

    def _gdpr_get_covered_fields(self):
        """Give the names of the fields that the hash covers by which Odoo secures entries of accounting."""
        return frozenset(self._get_integrity_hash_fields() if hasattr(self, "_get_integrity_hash_fields") else ())

    def _gdpr_filter_sealed(self):
        """Give those that are, or belong to, an entry secured by a hash: with another value it wouldn't verify."""
        if self._name == "account.move":
            return self.filtered("inalterable_hash")
        move = self._fields.get("move_id")
        if not self._name.startswith("account.") or move is None or move.comodel_name != "account.move":
            return self.browse()
        return self.filtered("move_id.inalterable_hash")

    def _gdpr_find_sealed_links(self, cards):
        """Give the cards that these records lead to by a link that a hash covers, so that it can't be taken away.

        :param dict[str, dict] cards: ids of cards, by model
        :return: model and id of the card, by id of the record
        :rtype: dict[int, tuple[str, int]]
        """
        links = {}
        for name in self._gdpr_get_covered_fields():
            field = self._fields[name]
            if field.type == "many2one" and (ids := cards.get(field.comodel_name)):
                for record in self._gdpr_filter_sealed():
                    if record[name].id in ids:
                        links[record.id] = (field.comodel_name, record[name].id)
        return links

    def _gdpr_is_unique(self, field):
        """Tell whether no two records may have the same value."""
        return bool(
            self.env.execute_query(
                SQL(
                    """
                    SELECT 1 FROM pg_index i
                      JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
                     WHERE i.indrelid = %s::regclass AND i.indisunique AND a.attname = %s LIMIT 1
                    """,
                    self._table,
                    field.name,
                )
            )
        )

    def _gdpr_forget_versions(self):
        """Drop the earlier versions of texts, which Odoo adds to with every change."""
        if self and HISTORY in self._fields:
            self._gdpr_empty_column(self._fields[HISTORY])

    def _gdpr_empty_column(self, field):
        """Empty a value that is kept for each language or company: the ORM would empty one."""
        self.flush_recordset([field.name])
        self.env.cr.execute(
            SQL(
                "UPDATE %s SET %s = NULL WHERE id IN %s",
                SQL.identifier(self._table),
                SQL.identifier(field.name),
                tuple(self.ids),
            )
        )
        self.invalidate_recordset([field.name], flush=False)
        self.modified([field.name])

    def _gdpr_take_out(self, path, found):
        """Remove the links to a person.

        :param str path: the name of a field; a path with dots leads to another record, which has its own place
        :param dict[str, set] found: ids of the person's records, by model
        """
        field = self._fields.get(path)
        if field is None or not field.store or field.comodel_name not in found:
            return
        if path in self._gdpr_get_covered_fields():
            self -= self._gdpr_filter_sealed()
        ids = list(found[field.comodel_name])
        if field.type == "many2many":
            self.write({path: [(3, record_id) for record_id in ids]})
        elif field.type == "many2one" and not field.required:
            # What must be there leads to an account or a card that says nothing any more.
            self.filtered(lambda record: record[path].id in ids).write({path: False})

    def _gdpr_lead_elsewhere(self, kept, company, names):
        """Take away the links of anonymous records to cards that stay because of something else (law.md R-58).

        Where there must be a link it leads to a contact that says nothing. Documents of accounting are led there past
        the ORM, for Odoo lets nobody change the customer of what is posted, and would compute the document anew.

        :param dict[str, set] kept: ids of the cards, by model
        :param res.company company: whose contact is taken
        :param names: of the fields that are emptied: those that are computed from the link are computed anew
        """
        if not self or self._name in kept:
            return
        is_accounting = self._name.startswith("account.")
        for field in self._fields.values():
            if field.type != "many2one" or not field.store or field.company_dependent or field.comodel_name not in kept:
                continue
            ids = kept[field.comodel_name]
            linked = self.filtered(lambda record: record[field.name].id in ids)  # noqa: B023
            if field.name in self._gdpr_get_covered_fields():
                linked -= linked._gdpr_filter_sealed()
            if not linked:
                continue
            if not field.required and not field.compute and not is_accounting:
                linked.write({field.name: False})
            elif field.comodel_name == "res.partner":
                column = SQL.identifier(field.name)
                nobody = company._gdpr_get_anonymous_contact()
                linked.flush_recordset()
                self.env.cr.execute(
                    SQL(
                        "UPDATE %s SET %s = %s WHERE id IN %s",
                        SQL.identifier(self._table),
                        column,
                        nobody.id,
                        tuple(linked.ids),
                    )
                )
                linked.invalidate_recordset(flush=False)
        for name in names:
            field = self._fields[name]
            if field.type in TEXT_TYPES and field.store and field.compute and field.readonly and not field.related:
                self.env.add_to_compute(field, self)

    def _gdpr_redact(self, names, person):
        """Replace what names a person in texts, in every language and for every company.

        :param names: of the fields
        :param PersonIdentifiers person: who
        """
        pattern = compile_pattern([*person.emails, *person.phones, *person.names])
        if not pattern or not self:
            return
        expression = re.compile(pattern, re.IGNORECASE)
        changed = self.browse()
        for name in dict.fromkeys(names):
            field = self._fields[name]
            if field.type not in TEXT_TYPES or not self._gdpr_is_emptiable(field):
                continue
            if field.store and (field.translate or field.company_dependent):
                changed |= self._gdpr_redact_column(field, expression)
                continue
            is_covered = name in self._gdpr_get_covered_fields()
            for record in self - self._gdpr_filter_sealed() if is_covered else self:
                text = record[name]
                if text and expression.search(text):
                    record[name] = expression.sub(f"[{PLACEHOLDER}]", text)
                    changed |= record
        changed._gdpr_forget_versions()

    def _gdpr_filter_written(self, names, pattern):
        """Keep the records in one of whose texts a pattern is.

        :param names: of the fields; those that hold no text count for nothing
        :param re.Pattern pattern: as it is written
        """
        texts = [name for name in names if self._fields[name].type in TEXT_TYPES]
        return self.filtered(lambda record: any(pattern.search(record[name] or "") for name in texts))

    def _gdpr_redact_column(self, field, expression):
        """Replace what an expression finds in values that are kept for each language or company.

        :return: the records that were changed
        """
        self.flush_recordset([field.name])
        column = SQL.identifier(field.name)
        rows = self.env.execute_query(
            SQL(
                "SELECT id, %s FROM %s WHERE id IN %s AND %s IS NOT NULL",
                column,
                SQL.identifier(self._table),
                tuple(self.ids),
                column,
            )
        )
        changed = self.browse()
        for record_id, texts in rows:
            redacted = {
                key: expression.sub(f"[{PLACEHOLDER}]", text) if isinstance(text, str) else text
                for key, text in texts.items()
            }
            if redacted != texts:
                self.env.cr.execute(
                    SQL(
                        "UPDATE %s SET %s = %s WHERE id = %s",
                        SQL.identifier(self._table),
                        column,
                        json.dumps(redacted),
                        record_id,
                    )
                )
                changed += self.browse(record_id)
        changed.invalidate_recordset([field.name], flush=False)
        changed.modified([field.name])
        return changed
