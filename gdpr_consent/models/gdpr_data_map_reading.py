import re
from dataclasses import dataclass, field

from odoo import SUPERUSER_ID, api, models
from odoo.tools.mail import html2plaintext

# Whatever the map says, these are never given out: they would let somebody act as the person, or as the company.
SECRET = re.compile(r"(^|_)(password|passwd|secret|token|signup_type|api_?key|private_key|otp|pin)(_|$)")
# What Odoo calls a field that nobody may read.
NO_ACCESS = "."
TEXT_TYPES = ("char", "text", "html")
PEOPLE_MODELS = ("res.partner", "res.users", "hr.employee")
LINK_TYPES = ("many2one", "many2many", "one2many", "reference")
# On the card of somebody who works for a company Odoo copies them from there, or they tell where its invoices go.
ORGANISATION_FIELDS = ("vat", "company_registry", "peppol_endpoint", "global_location_number")
# What stands on a card that isn't the person's name and address: how a lead is called, and who else is written to.
TITLE_FIELDS = ("name", "email_cc")
# Nothing that shows, in Odoo's layouts of mails: it keeps a mailbox's preview from showing what comes next.
FILLER = re.compile("(?:[\u034f\u200b\u200c\ufeff][\\s\u00a0]*){3,}")


@dataclass
class Reader:
    """How the data of a person is read: for whom, and without whom."""

    lang: str
    # Ids of the records that are the person's own, by model.
    own: dict
    # ``tools.redaction.Redactor``
    redactor: object
    # Ids of the users who aren't staff.
    outsiders: frozenset
    # Whether to take out contacts that are named, too: the own card alone needs no such look.
    is_wary: bool = False
    # Ids of the users who stand for anybody who isn't logged in.
    visitors: frozenset = frozenset()
    # What was found out of words: see ``_translate``.
    words: dict = field(default_factory=dict)


class GdprDataMap(models.Model):
    """Reading what is held of a person, as the person can read it: declared fields only."""

    _inherit = "gdpr.data.map"

    def _get_columns(self, origins):
        """Give what is read of the records of this place, in the language of the context.

        :param origins: those of ``gdpr.data.map.field.origin`` that are given out
        :return: columns (``name``, ``label``, ``type``, ``category``, ``origin``, ``is_free_text``; of an amount
            ``currency``: the name of the column that says in which), and the labels of declared fields that are
            left out, by why: ``other_person``, ``derived`` or ``secret``
        :rtype: tuple[list[dict], dict[str, list[str]]]
        """
        self.ensure_one()
        records = self._get_records()
        labels = records.fields_get(attributes=["string"])
        columns, left_out = [], {}
        for name, declared in self._get_fields().items():
            field = records._fields[name]
            if declared.origin == "none":
                continue
            label = labels.get(name, {}).get("string") or field.string or name
            if SECRET.search(name) or field.groups == NO_ACCESS:
                left_out.setdefault("secret", []).append(label)
            elif declared.origin not in origins:
                left_out.setdefault(declared.origin, []).append(label)
            else:
                columns.append(
                    {
                        "name": name,
                        "label": label,
                        "type": self._get_content_type(field),
                        "category": declared.category.with_env(self.env).sudo().name or "",
                        "origin": declared.origin,
                        "is_free_text": declared.is_free_text and field.type in TEXT_TYPES,
                    }
                )
        return self._add_currencies(columns), left_out

    @api.model
    def _get_content_type(self, field):
        """Give the type of what a field holds: Odoo keeps a mail's HTML in a field of text."""
        return "html" if field.type == "text" and field.name.endswith("_html") else field.type

    def _add_currencies(self, columns):
        """Give the columns with one after each amount that says in which currency it is, where none does."""
        records = self._get_records()
        names = {column["name"] for column in columns}
        added = []
        for column in columns:
            added.append(column)
            if column["type"] != "monetary":
                continue
            currency = records._fields[column["name"]].get_currency_field(records)
            if currency not in records._fields:
                continue
            column["currency"] = currency
            if currency not in names:
                names.add(currency)
                added.append({**self._make_currency_column(currency), "origin": column["origin"]})
        return added

    def _make_currency_column(self, name):
        """Give the column of a currency: where amounts are shown with it, it isn't shown by itself."""
        return {
            "name": name,
            "label": self.env._("Currency"),
            "type": "many2one",
            "category": "",
            "is_free_text": False,
            "is_currency": True,
        }

    def _read_records(self, ids, columns, reader):
        """Give what is held in some records of this place.

        :param list[dict] columns: of ``_get_columns``
        :param Reader reader: for whom
        :return: for each record that is still there ``id``, ``recorded_on`` (ISO 8601, UTC), ``source`` and
            ``values`` by name, ``links`` (model and id of each record whose name is among the values, by name), and
            ``kinds`` (the type of a value, by name, where the column doesn't say it); and the number of places where
            somebody else was taken out
        :rtype: tuple[list[dict], int]
        """
        self.ensure_one()
        records = self._get_records().sudo()
        records = records.with_context(active_test=False, bin_size=True, lang=reader.lang)
        records = records.browse(ids).exists()
        # Not with the others: the content of a file is read when it is written out.
        names = [column["name"] for column in columns if column["type"] != "binary"]
        trace = [name for name in ("create_uid", "create_date") if name in records._fields]
        known = (name for name in [*names, *trace] if name in records._fields)
        records.fetch([name for name in known if records._fields[name].store])
        columns = [
            {**column, "labels": dict(records._fields[column["name"]]._description_selection(records.env))}
            if column["type"] == "selection"
            else column
            for column in columns
        ]
        imported = self._find_imported(records)
        rows, redactions = [], 0
        for record in records:
            values, links = {}, {}
            for column in columns:
                name = column["name"]
                values[name] = self._read_value(record, column, reader)
                if column["type"] in LINK_TYPES and record[name]:
                    links[name] = [[linked._name, linked.id] for linked in record[name]]
            trail = self._read_trace(record, trace, reader, imported)
            kinds = self._get_kinds(record)
            rows.append({"id": record.id, **trail, "values": values, "links": links, "kinds": kinds})
        if reader.is_wary:
            texts = (text for row in rows for value in row["values"].values() for text in iterate_texts(value))
            self._take_in_named(texts, reader)
        for row in rows:
            for column in columns:
                name = column["name"]
                value, count = self._take_out_others(row["values"][name], column, row["links"].get(name), reader)
                row["values"][name] = value
                redactions += count
        records.invalidate_recordset()
        return rows, redactions

    @api.model
    def _get_kinds(self, record):
        """Give the type of values whose column holds several, by name of the column."""
        return {}

    def _find_with_file(self, ids, columns):
        """Give which of some records of this place hold a file, for each column of files, without reading one.

        :param list[dict] columns: of ``_get_columns``
        :rtype: dict[str, set[int]]
        """
        records = self._get_records().sudo().with_context(active_test=False)
        found = {}
        for column in columns:
            if column["type"] != "binary":
                continue
            name = column["name"]
            is_searchable = records._fields[name].store
            found[name] = set(records.search([("id", "in", ids), (name, "!=", False)]).ids if is_searchable else ids)
        return found

    @api.model
    def _read_trace(self, record, trace, reader, imported):
        """Give when a record was made and what is known of how, without naming a colleague (article 15(1)(g)).

        Under whose account it was made says only who did it, not where the data was from: the words for it say so.
        """
        if not trace:
            return {"recorded_on": None, "source": "unknown"}
        return {
            "recorded_on": make_iso(record.create_date),
            "source": self._get_source(record, record.create_uid.id, reader, imported),
        }

    @api.model
    def _get_source(self, record, creator, reader, imported):
        """Give how a record came in, a key of ``gdpr.answer._get_sources``."""
        if record._name == "mail.message" and record.message_type == "email":
            return "email"
        if record.id in imported:
            return "import"
        if not creator:
            return "unknown"
        if creator in reader.own.get("res.users", ()):
            return "person"
        if creator in reader.visitors:
            return "form"
        if creator in reader.outsiders:
            return "outsider"
        return "automatic" if creator == SUPERUSER_ID else "staff"

    @api.model
    def _find_imported(self, records):
        """Give the ids of the records that were imported from a file that numbered them."""
        names = self.env["ir.model.data"].sudo()
        # What an add-on brings along bears its name; what was only exported says nothing of where it was from.
        domain = [
            ("module", "not in", [*self.env.registry._init_modules, "__export__"]),
            ("model", "=", records._name),
            ("res_id", "in", records.ids),
        ]
        return set(names.search_fetch(domain, ["res_id"]).mapped("res_id"))

    def _read_value(self, record, column, reader):
        """Give one value as it is written out, with the names of others in its words."""
        name, kind = column["name"], column["type"]
        if kind == "binary" or self._is_of_the_organisation(record, name, reader):
            return None
        value = record[name]
        if kind == "many2one" and self._is_own_account(value, reader):
            return None
        if kind in TEXT_TYPES:
            text = (html2plaintext(value, include_references=False) if kind == "html" else value) or ""
            return FILLER.sub(" ", text)
        if kind in LINK_TYPES:
            names = [
                reader.redactor.mark if self._is_other_person(linked, reader) else linked.display_name or ""
                for linked in value or ()
            ]
            return names if kind.endswith("2many") else "".join(names)
        if kind == "selection":
            return column["labels"].get(value, value or "")
        if kind in ("date", "datetime"):
            return make_iso(value)
        if kind in ("properties", "json"):
            return read_structure(value)
        return value if value is not False or kind == "boolean" else None

    @api.model
    def _is_of_the_organisation(self, record, name, reader):
        """Tell whether a value on the card of somebody who works for a company is the company's, as its tax number."""
        if record._name != "res.partner" or record.is_company or name not in ORGANISATION_FIELDS:
            return False
        company = record.commercial_partner_id
        return company != record and company.is_company and company.id not in reader.own.get("res.partner", ())

    @api.model
    def _is_own_account(self, record, reader):
        """Tell whether a record is a bank account of one of the database's own companies, to be paid on."""
        if record._name != "res.partner.bank" or record.partner_id.id in reader.own.get("res.partner", ()):
            return False
        return bool(record.partner_id.ref_company_ids)

    def _take_out_others(self, value, column, links, reader):
        """Give a value without other people, and how often somebody was taken out of it."""
        kind, redact = column["type"], reader.redactor.redact
        if not value:
            return value, 0
        if kind in TEXT_TYPES:
            # Free text is looked at by somebody before it goes out; a card is the person's own.
            is_own = self.is_card and (self.model == "res.partner" or column["name"] not in TITLE_FIELDS)
            return (value, 0) if column["is_free_text"] or is_own else redact(value)
        if kind in LINK_TYPES:
            names, count = [], 0
            for name, (model, res_id) in zip(value if kind.endswith("2many") else [value], links, strict=True):
                if name == reader.redactor.mark:
                    count += 1
                elif self._may_name_others(model, res_id, reader):
                    name, found = redact(name)
                    count += found
                names.append(name)
            return (names if kind.endswith("2many") else names[0]), count
        if kind in ("properties", "json"):
            return (value, 1) if value == reader.redactor.mark else redact_structure(value, redact)
        return value, 0

    @api.model
    def _may_name_others(self, model, res_id, reader):
        """Tell whether the name of a linked record is the words of somebody: not those of a company, a person's own
        record or a setting.
        """
        if model in PEOPLE_MODELS:
            # Others were taken out already: what is left is the person, or a company.
            return False
        return reader.is_wary and (model in reader.own or hasattr(self.env[model], "message_post"))

    @api.model
    def _is_other_person(self, record, reader):
        """Tell whether a record describes a human being who isn't the person."""
        if record._name not in PEOPLE_MODELS or record.id in reader.own.get(record._name, ()):
            return False
        return not (record._name == "res.partner" and record.is_company)


def make_iso(value):
    """Give a date or a moment (UTC) as ISO 8601 has it, or None."""
    if not value:
        return None
    return f"{value.isoformat(timespec='seconds')}Z" if hasattr(value, "hour") else value.isoformat()


def read_structure(value):
    """Give properties by their labels, and anything else as it is."""
    if isinstance(value, list) and all(isinstance(part, dict) for part in value):
        return {part.get("string") or part.get("name") or "": part.get("value") for part in value}
    return value or None


def iterate_texts(value):
    """Yield the texts in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from iterate_texts(part)


def redact_structure(value, redact):
    """Give a structure without other people, and how often somebody was taken out of it."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        found = {name: redact_structure(part, redact) for name, part in value.items()}
        return {name: part for name, (part, _count) in found.items()}, sum(count for _part, count in found.values())
    if isinstance(value, (list, tuple)):
        found = [redact_structure(part, redact) for part in value]
        return [part for part, _count in found], sum(count for _part, count in found)
    return value, 0
