"""Looks for traces of a person in a whole database and its files: whatever the column, whoever made it.

Exact: an address, a number however it is written, a name; capitals don't matter. It reads every text-like column of
every table (JSON and arrays too), the bytes in the database, and every file of the filestore, also inside ZIP files (so
office documents), gzip and the compressed parts of PDF.
"""

import contextlib
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from odoo.tools import SQL

from .person_identifiers import MINIMUM_DIGITS, get_national_digits

TEXT_TYPES = ("character varying", "text", "character", "json", "jsonb", "xml", "ARRAY", "USER-DEFINED", "name")
MINIMUM_LENGTH = 4
# What a character is written as, the code in addresses of the web included.
ENCODED = {" ": r"(?:\s|%20|&nbsp;)+", "@": "(?:@|%40)", "+": r"(?:\+|%2b)"}
BETWEEN_DIGITS = "(?:[ \u00a0.()/-]|%20|&nbsp;){0,3}"
# The digits of a code are none of the number. One character is looked back at, no more: PostgreSQL takes a hundred
# times as long for two.
NO_DIGIT_BEFORE = "(%20|(?<![0-9]))"
# Without the country's code the digits may be part of the number of an order (SO0815550101, 2024/0815550101, a longer
# one in groups), which stays.
NO_ORDER_BEFORE = r"(%20|\\[nrt]|(?<![0-9a-z/-]))"
NO_ORDER_AFTER = r"(?![0-9])(?![./-][0-9]{3})"
PDF_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)
UNPACKED_LIMIT = 50_000_000


class Trace(NamedTuple):
    """Where something was found: a column of a table (with some ids of rows), or a file."""

    table: str
    column: str
    ids: tuple[int, ...]

    def __str__(self):
        rows = f" ({', '.join(map(str, self.ids))})" if self.ids else ""
        return f"{self.table}.{self.column}{rows}" if self.column else self.table


def compile_pattern(terms: Iterable[str]) -> str | None:
    """Give the regular expression, for Python and PostgreSQL, that finds the terms; None where none is usable.

    What consists of digits, spaces and the like is a number: it is found however it is grouped, and as it is dialled
    inside its country. What has a code in addresses of the web (``mailto:``, ``tel:``) is found with that too. The
    expression is in lower case, to be used with letter case ignored.
    """
    alternatives = []
    for term in {term.strip() for term in terms if term and len(term.strip()) >= MINIMUM_LENGTH}:
        digits = re.sub(r"\D", "", term)
        if re.fullmatch(r"[\d\s+().\-/]+", term) and len(digits) >= MINIMUM_DIGITS:
            alternatives.append(rf"{NO_DIGIT_BEFORE}(\+|%2b|00)?{BETWEEN_DIGITS.join(digits)}(?![0-9])")
            if national := get_national_digits(re.sub("^00", "", digits)):
                alternatives.append(rf"{NO_ORDER_BEFORE}{BETWEEN_DIGITS.join(national)}{NO_ORDER_AFTER}")
        else:
            alternatives.append("".join(ENCODED.get(char) or re.escape(char) for char in " ".join(term.split())))
    return "|".join(sorted(alternatives)) or None


def scan_database(cr, terms: Iterable[str], tables: Iterable[str] | None = None) -> list[Trace]:
    """Give where the terms are in the database.

    :param cr: database cursor
    :param tables: look in these only; default: all
    """
    pattern = compile_pattern(terms)
    if not pattern:
        return []
    found = []
    for table, columns in _read_columns(cr, tables).items():
        found += _scan_table(cr, table, columns, pattern)
    return found


def _read_columns(cr, tables):
    cr.execute(
        SQL(
            """
            SELECT c.table_name, c.column_name, c.data_type
              FROM information_schema.columns c
              JOIN information_schema.tables t USING (table_schema, table_name)
             WHERE c.table_schema = current_schema AND t.table_type = 'BASE TABLE'
               AND (c.data_type = ANY(%s) OR c.data_type = 'bytea' OR c.column_name = 'id')
             ORDER BY c.table_name, c.ordinal_position
            """,
            list(TEXT_TYPES),
        )
    )
    wanted = None if tables is None else set(tables)
    columns = {}
    for table, column, data_type in cr.fetchall():
        if wanted is None or table in wanted:
            columns.setdefault(table, {})[column] = data_type
    return columns


def _scan_table(cr, table, columns, pattern):
    """One pass over the table for all its columns."""
    with_id = columns.get("id") in ("integer", "bigint")
    searched = [name for name, data_type in columns.items() if name != "id" or data_type in TEXT_TYPES]
    if not searched:
        return []
    conditions = {
        name: SQL("%s ~* %s", _as_text(SQL.identifier(name), columns[name] == "bytea"), pattern) for name in searched
    }
    cr.execute(
        SQL(
            "SELECT %s, %s FROM %s WHERE %s",
            SQL.identifier("id") if with_id else SQL("NULL"),
            SQL(", ").join(SQL("COALESCE(%s, FALSE)", condition) for condition in conditions.values()),
            SQL.identifier(table),
            SQL(" OR ").join(conditions.values()),
        )
    )
    ids = {}
    for row_id, *hits in cr.fetchall():
        for name, hit in zip(searched, hits, strict=True):
            if hit:
                ids.setdefault(name, []).append(row_id)
    return [Trace(table, name, tuple(filter(None, rows))) for name, rows in ids.items()]


def _as_text(column, is_binary):
    return SQL("encode(%s, 'escape')", column) if is_binary else SQL("%s::text", column)


def scan_files(folder: Path, terms: Iterable[str]) -> list[Trace]:
    """Give the files under a folder that hold one of the terms."""
    pattern = compile_pattern(terms)
    if not pattern:
        return []
    expression = re.compile(pattern, re.IGNORECASE)
    return [
        Trace(path.relative_to(folder).as_posix(), "", ())
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and any(expression.search(text) for text in _read_texts(path.read_bytes()))
    ]


def _read_texts(content: bytes) -> Iterator[str]:
    """Give what can be read in a file: as it is, and unpacked."""
    yield content.decode("utf-8", errors="replace")
    if content.startswith(b"PK"):
        with (
            contextlib.suppress(zipfile.BadZipFile, RuntimeError, zlib.error),
            zipfile.ZipFile(io.BytesIO(content)) as archive,
        ):
            for member in archive.infolist():
                if member.file_size <= UNPACKED_LIMIT:
                    yield archive.read(member).decode("utf-8", errors="replace")
    elif content.startswith(b"\x1f\x8b"):
        with contextlib.suppress(OSError, EOFError, zlib.error):
            yield gzip.GzipFile(fileobj=io.BytesIO(content)).read(UNPACKED_LIMIT).decode("utf-8", errors="replace")
    elif content.startswith(b"%PDF"):
        for match in PDF_STREAM.finditer(content):
            with contextlib.suppress(zlib.error):
                yield zlib.decompressobj().decompress(match[1], UNPACKED_LIMIT).decode("latin-1")
