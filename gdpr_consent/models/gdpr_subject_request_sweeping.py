import re
from itertools import chain

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools.listing import list_names
from ..tools.redaction import SHORTEST_SINGLE_NAME, WORD
from ..tools.trace_scanner import scan_database
from .gdpr_erasure_journal_entry import QUIETLY, TRACKED

# Where users write freely, about whoever it may be.
WRITTEN = ("mail.message", "mail.activity")
# More than so many are counted, not listed.
LISTED = 20


class GdprSubjectRequest(models.Model):
    """The end of an erasure: what no path of the data map leads to (law.md R-58)."""

    _inherit = "gdpr.subject.request"

    def _sweep(self, terms, identified):
        """Remove what Odoo keeps for a short time, and the person in what Odoo notes elsewhere by itself.

        What users wrote about the person on records of others stays; the officer is told where the address or the
        number is in it.

        :param terms: what is looked for in rows of wizards, messages to browsers and notes that Odoo makes by itself
        :param PersonIdentifiers identified: what is taken out of those notes
        """
        self.env.flush_all()
        tables = {
            model._table: name
            for name, model in self.env.registry.items()
            if model._transient and model._auto and not model._abstract
        }
        for trace in scan_database(self.env.cr, terms, [*tables, "bus_bus"]):
            if trace.ids:
                self.env.cr.execute(SQL("DELETE FROM %s WHERE id IN %s", SQL.identifier(trace.table), tuple(trace.ids)))
        self.env.invalidate_all()
        notes = self._find_written("mail.message", terms)
        notes = notes.filtered(lambda note: note.message_type == "notification" and note.model != self._name)
        notes._gdpr_redact(["subject", "body"], identified)
        self._sweep_tracked(identified)
        self._tell_mentions([*identified.emails, *identified.phones])
        self._tell_single_names(identified.names)

    @api.model
    def _find_written(self, model, terms):
        """Give the records of a model in which one of the terms is."""
        records = self.env[model].sudo().with_context(**QUIETLY)
        self.env.flush_all()
        traces = scan_database(self.env.cr, terms, [records._table])
        return records.browse(sorted({*chain(*(trace.ids for trace in traces))})).exists()

    @api.model
    def _sweep_tracked(self, identified):
        """Take the person out of earlier values that Odoo noted on records of others: links, addresses and numbers."""
        values = self.env["mail.tracking.value"].sudo().with_context(**QUIETLY)
        links = Domain.OR(
            Domain("field_id.relation", "=", model)
            & Domain("field_id.ttype", "=", "many2one")
            & (Domain("old_value_integer", "in", list(ids)) | Domain("new_value_integer", "in", list(ids)))
            for model, ids in identified.cards.items()
            if ids
        )
        linked = values.search(links)
        for value in linked:
            ids = identified.cards[value.field_id.relation]
            for side in ("old", "new"):
                if value[f"{side}_value_integer"] in ids:
                    value.write({f"{side}_value_integer": False, f"{side}_value_char": False})
        # With the link Odoo noted the name and the address that came with it.
        written = self._find_written(values._name, [*identified.emails, *identified.phones])
        (written | linked.mail_message_id.tracking_value_ids)._gdpr_redact(TRACKED, identified)

    def _tell_mentions(self, terms):
        """Tell the officer where users wrote the person's address or number on records that are others'."""
        kept = {
            (entry.model, record_id)
            for entry in self.sudo().erasure_journal_id.entry_ids
            for record_id in entry.res_ids or ()
        }
        places = {}
        for model in WRITTEN:
            document = "model" if model == "mail.message" else "res_model"
            for record in self._find_written(model, terms):
                place = (record[document], record.res_id)
                if (model, record.id) not in kept and place not in kept and record[document] != self._name:
                    places.setdefault(place, record)
        if not places:
            return
        self._call_officer(
            self.env._(
                "Others have written the person's address or number on records that aren't the person's. Look whether"
                " it can stay: %(records)s",
                records=self._list_places(places),
            )
        )

    def _tell_single_names(self, names):
        """Tell the officer which records that the person was taken out of say a first or last name alone.

        It may be another's, so nobody takes it out unasked.
        """
        words = {word for name in names for word in WORD.findall(name) if len(word) >= SHORTEST_SINGLE_NAME}
        if not words:
            return
        # As it is written in the name: a word that is spelt the same begins with a small letter.
        pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(words)))})(?!\w)")
        places = [
            (record._name, record.id)
            for entry in self.sudo().erasure_journal_id.entry_ids
            if entry.action == "detach"
            for record in entry._find_written(pattern)
        ]
        if places:
            self._call_officer(
                self.env._(
                    "The person was taken out of these records, but a first or last name alone is still in them. Look"
                    " whether it can stay: %(records)s",
                    records=self._list_places(places),
                )
            )

    def _list_places(self, places):
        """Give records in words, no more than somebody reads.

        :param places: model and id of each
        """
        models_known = self.env["ir.model"]
        names = (
            f"{models_known._get(model).name or model} {res_id or ''}".strip() for model, res_id in sorted(set(places))
        )
        return list_names(names, LISTED)
