import base64
import hashlib
import io
import json
import tempfile
import zipfile
from contextlib import contextmanager

from odoo import api, fields, models

from ..tools import safe_csv
from ..tools.cells import make_cell, make_unique, slug
from ..tools.redaction import Redactor
from ..tools.vcard import Contact, make_vcard
from .gdpr_answer import ORIGINS
from .gdpr_data_map_reading import Reader, make_iso

SCHEMA = "gdpr_consent/answer"
SCHEMA_VERSION = "1.1"
ARCHIVE_NAME = "data.zip"
MEDIA_TYPES = {
    "json": "application/json",
    "vcf": "text/vcard",
    "csv": "text/csv",
    "pdf": "application/pdf",
    "html": "text/html",
    "zip": "application/zip",
}
# What a person can write into a line.
# What the company or Odoo gives to a card: nobody would correct it of himself.
TECHNICAL_FIELDS = frozenset({"ref", "tz", "peppol_endpoint", "global_location_number"})
CORRECTABLE_TYPES = ("char", "text", "selection", "many2one", "date", "boolean", "integer", "float")
# The fields of a vCard, by the fields of cards that hold them; the first that says something counts.
VCARD_FIELDS = {
    "name": ("name", "contact_name"),
    "email": ("email", "email_from"),
    "phone": ("phone",),
    "function": ("function",),
    "organisation": ("company_name", "partner_name"),
    "website": ("website",),
    "city": ("city",),
    "region": ("state_id",),
    "postcode": ("zip",),
    "country": ("country_id",),
}


class GdprAnswer(models.Model):
    """Writing the files of an answer, one batch of records in memory at a time."""

    _inherit = "gdpr.answer"

    def _write_files(self):
        """Write the files of this answer, once; what was read for them isn't needed any more afterwards."""
        self.ensure_one()
        self.env["ir.attachment"].search([("res_model", "=", self._name), ("res_id", "=", self.id)]).unlink()
        if self.kind == "rectification":
            self._store("data.csv", self._make_card_csv())
        else:
            if self.kind == "access":
                self._store(*self._make_report())
            with tempfile.TemporaryFile() as file:
                self._write_archive(file)
                file.seek(0)
                self._store(ARCHIVE_NAME, file.read())
        self.place_ids.part_ids.unlink()
        self.item_ids.unlink()
        self.write({"state": "ready", "failure_reason": False})
        self.request_id._log_step("prepared")

    def _store(self, name, content):
        self.env["ir.attachment"].create(
            {
                "name": name,
                "raw": content,
                "mimetype": MEDIA_TYPES[name.rpartition(".")[2]],
                "res_model": self._name,
                "res_id": self.id,
            }
        )

    def _make_report(self):
        """Give the name and the content of what the person reads: a PDF, or a page where none can be made."""
        report = self.env["ir.actions.report"]
        content, kind = report._render_qweb_pdf("gdpr_consent.answer_report", self.ids)
        return f"answer.{'pdf' if kind == 'pdf' else 'html'}", content

    # ------------------------------------------------------------
    # THE ARCHIVE
    # ------------------------------------------------------------

    def _write_archive(self, file):
        """Write the ZIP of the data for machines: JSON, vCard, CSV, files, and what says what is in it."""
        manifest = self._prepare_manifest()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            writer = ArchiveWriter(archive, manifest["files"])
            self._write_attachments(writer)
            with writer.open("data.json") as stream:
                self._write_json(stream, manifest)
            vcards = self._make_vcards()
            if vcards:
                with writer.open("contact.vcf") as stream:
                    stream.write(vcards)
            names = set()
            for place in self.place_ids:
                with writer.open(make_unique(f"{slug(place.name)}.csv", names)) as stream:
                    safe_csv.write_rows(stream, place._iterate_csv())
            archive.writestr("manifest.json", json.dumps(manifest, ensure_ascii=False, indent=2))

    def _prepare_manifest(self):
        return {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            **self._describe_request(),
            "files": [],
            "left_out": self._describe_left_out(),
            "redactions": self._describe_redactions(),
            "notes": self._describe_notes(),
        }

    def _describe_request(self):
        request, company = self.request_id, self.company_id
        return {
            "created_on": make_iso(fields.Datetime.now()),
            "found_on": make_iso(self.prepared_on),
            "language": self.lang.replace("_", "-"),
            "request": {"number": request.name, "type": request.type, "received_on": make_iso(request.received_on)},
            "controller": {
                "name": company.name,
                "address": company.partner_id._display_address(without_company=True).strip(),
                "officer": company.gdpr_officer_name or "",
                "email": company.gdpr_officer_email or company.email or "",
            },
            "person": {"reference": request.subject_id.root_id.reference},
        }

    def _describe_left_out(self):
        """Give what isn't given out, by place, and why; never what it says."""
        reasons = {
            "other_person": self.env._("It is about somebody else (article 15(4) and 20(4))."),
            "derived": self.env._("It was derived: article 20 covers what you gave and what was observed."),
            "secret": self.env._("It protects your account."),
            "leave_out": self.env._("Somebody looked at it: it is about somebody else, or is a secret of others."),
        }
        left_out = [
            {"place": place.name, "fields": labels, "reason": reasons[why]}
            for place in self.place_ids
            for why, labels in (place.left_out or {}).items()
        ]
        counts = self.env["gdpr.answer.item"]._read_group(
            [("answer_id", "=", self.id), ("decision", "=", "leave_out")], ["place_id", "kind"], ["__count"]
        )
        left_out += [
            {"place": place.name, "kind": kind, "count": count, "reason": reasons["leave_out"]}
            for place, kind, count in counts
        ]
        return left_out

    def _describe_redactions(self):
        """Give where other people were taken out, and how often; never who."""
        redactions = [
            {"place": place.name, "count": place.redaction_count} for place in self.place_ids if place.redaction_count
        ]
        items = self.env["gdpr.answer.item"]._read_group(
            [("answer_id", "=", self.id), ("decision", "=", "redact"), ("redaction_count", ">", 0)],
            ["place_id", "field"],
            ["redaction_count:sum"],
        )
        redactions += [{"place": place.name, "field": field, "count": count} for place, field, count in items]
        return redactions

    def _describe_notes(self):
        notes = [
            self.env._("The JSON and the vCard are faithful copies. All times are UTC."),
            self.env._(
                "The CSV files are for reading in a spreadsheet: where a text begins like a formula an apostrophe"
                " stands before it."
            ),
        ]
        if self.kind == "portability":
            notes.append(self.env._("This is what you gave us and what was observed of you (article 20)."))
        return notes

    def _write_json(self, stream, manifest):
        """Write all that is given out as JSON, record by record."""
        head = {name: manifest[name] for name in ("schema", "schema_version", *self._describe_request())}
        if self.kind == "access":
            head["information"] = self._get_information()
            head |= self._describe_consents()
        text = json.dumps(head, ensure_ascii=False, indent=1)
        stream.write(f'{text.rstrip("}").rstrip()},\n "data": [')
        for number, place in enumerate(self.place_ids):
            described = ("name", "label", "category", "origin")
            columns = [{name: column[name] for name in described} for column in place.columns or ()]
            head = {"place": place.name, "fields": columns}
            text = json.dumps(head, ensure_ascii=False)
            stream.write(f'{"," if number else ""}\n{text[:-1]}, "records": [')
            for row_number, row in enumerate(place._iterate_rows()):
                record = {name: row[name] for name in ("recorded_on", "source", "values")}
                stream.write(f"{',' if row_number else ''}\n{json.dumps(record, ensure_ascii=False)}")
            stream.write("]}")
        stream.write("]\n}\n")

    def _describe_consents(self):
        """Give what the person agreed to, every act, and the words shown (article 15, law.md R-27)."""
        receipt = self.request_id.subject_id._get_receipt()
        states = dict(self.env["gdpr.consent"]._fields["state"]._description_selection(self.env))
        return {
            "consents": [
                {
                    "purpose": consent.purpose_id.name,
                    "state": states[consent.state],
                    "channels": consent.channel_ids.mapped("name"),
                    "given_on": make_iso(consent.given_on),
                    "expires_on": make_iso(consent.expires_on),
                }
                for consent in receipt["person"].consent_ids
            ],
            "history": [
                {
                    "number": event.number,
                    "occurred_on": make_iso(event.occurred_on),
                    "what": event.description,
                    "source": event.source or "",
                    "note": event._get_value("note") or "",
                    "address": event._get_value("email") or "",
                    "wording": event.version_id.sha256 or "",
                }
                for event in receipt["events"]
            ],
            "wordings": [
                {"sha256": version.sha256, "language": version.lang, "content": version._get_content()}
                for version in receipt["versions"]
            ],
        }

    def _make_vcards(self):
        """Give the person's cards as vCards, the first first."""
        vcards = []
        for place in self.place_ids.filtered("is_card"):
            for row in place._iterate_rows():
                values = row["values"]
                found = {
                    name: next((str(values[field]) for field in names if values.get(field)), "")
                    for name, names in VCARD_FIELDS.items()
                }
                street = ", ".join(filter(None, [values.get("street"), values.get("street2")]))
                if place.model != "res.partner":
                    # The name of a lead is that of the opportunity.
                    found["name"] = str(values.get("contact_name") or "")
                vcards.append(make_vcard(Contact(street=street, **found)))
        return "".join(vcards)

    def _write_attachments(self, writer):
        """Write the files that somebody looked at and let pass; tell the records where they are."""
        names = set()
        passed = [("answer_id", "=", self.id), ("kind", "=", "file"), ("decision", "=", "include")]
        for item in self.env["gdpr.answer.item"].search(passed):
            record = self.env[item.place_id.model].with_context(bin_size=False).browse(item.res_id).exists()
            content = record and read_binary(record, item.field)
            if not content:
                continue
            name = make_unique(f"files/{slug(item._get_outgoing_title())}", names)
            with writer.open_binary(name) as stream:
                stream.write(content)
            item.outgoing_name = name
            record.invalidate_recordset()

    # ------------------------------------------------------------
    # THE CARD ALONE
    # ------------------------------------------------------------

    def _make_card_csv(self):
        """Give the data of the person's cards, a line a value, with a column for what is right."""
        file = io.StringIO(newline="")
        right = self.env._("What is right (a dash to remove it)")
        rows = [[self.env._("Record"), self.env._("Field"), self.env._("What we have"), right]]
        for line in self._read_cards(self.request_id):
            rows.append([line["record"], line["label"], line["value"], ""])
        safe_csv.write_rows(file, rows)
        return file.getvalue().encode()

    @api.model
    def _read_cards(self, request):
        """Give the values of the person's cards that the person can correct, one a line, in the person's language.

        :return: ``model``, ``res_id``, ``field``, ``record`` (names the card), ``label`` and ``value``
        :rtype: list[dict]
        """
        maps = self.env["gdpr.data.map"].sudo().with_context(lang=request.lang)
        person = maps._identify(request.subject_id, company=request.company_id)
        cards = maps._find_cards(person, request.company_id)
        reader = Reader(request.lang, person.found, Redactor(), frozenset())
        lines = []
        for place, ids in cards:
            columns, _left_out = place._get_columns(ORIGINS["rectification"])
            columns = [
                column
                for column in columns
                if not column["is_free_text"]
                and not column.get("is_currency")
                and column["type"] in CORRECTABLE_TYPES
                and column["name"] not in TECHNICAL_FIELDS
            ]
            rows, _count = place._read_records(ids, columns, reader)
            for number, row in enumerate(rows, start=1):
                record = f"{place.name} {number}" if len(rows) > 1 else place.name
                lines += [
                    {
                        "model": place.model,
                        "res_id": row["id"],
                        "field": column["name"],
                        "record": record,
                        "label": column["label"],
                        "value": make_cell(row["values"][column["name"]]),
                    }
                    for column in columns
                ]
        return lines


class ArchiveWriter:
    """Writes the files of a ZIP and notes the hash of each."""

    def __init__(self, archive, files):
        self._archive = archive
        self._files = files

    @contextmanager
    def open_binary(self, name):
        """Give a stream for the octets of a file."""
        with self._archive.open(name, "w", force_zip64=True) as member:
            stream = HashingStream(member)
            yield stream
        media_type = MEDIA_TYPES.get(name.rpartition(".")[2], "application/octet-stream")
        self._files.append(
            {"name": name, "media_type": media_type, "size": stream.size, "sha256": stream.digest.hexdigest()}
        )

    @contextmanager
    def open(self, name):
        """Give a stream for the text of a file."""
        with self.open_binary(name) as stream:
            text = io.TextIOWrapper(io.BufferedWriter(stream, 1 << 16), encoding="utf-8", newline="")
            yield text
            text.flush()
            text.detach()


class HashingStream(io.RawIOBase):
    """Passes octets on and computes their hash."""

    def __init__(self, target):
        super().__init__()
        self._target = target
        self.digest = hashlib.sha256()
        self.size = 0

    def writable(self):
        return True

    def write(self, octets):
        """Write octets; give how many."""
        octets = bytes(octets)
        self._target.write(octets)
        self.digest.update(octets)
        self.size += len(octets)
        return len(octets)


def read_binary(record, field):
    """Give the octets of a binary field."""
    value = record[field]
    if not value or record._name == "ir.attachment" and field in ("raw", "db_datas"):
        return value or b""
    return value.content if hasattr(value, "content") else base64.b64decode(value)
