"""CSV for people, that no spreadsheet takes for formulas (law.md R-98). Kept free of the ORM."""

import csv

# What a spreadsheet may take for the beginning of a formula, full-width signs too.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
# Spreadsheets take a file without it for another encoding.
BYTE_ORDER_MARK = "\ufeff"


def neutralise(text):
    """Give the text of a cell with an apostrophe before what a spreadsheet would calculate."""
    text = str(text).replace("\0", "")
    return f"'{text}" if text.startswith(DANGEROUS) else text


def restore(text):
    """Give what was written, from a cell that came back."""
    text = text.strip()
    return text[1:] if text.startswith("'") and text[1:].startswith(DANGEROUS) else text


def write_rows(file, rows):
    """Write rows to a text file: every field quoted, lines ended by CRLF (RFC 4180)."""
    file.write(BYTE_ORDER_MARK)
    writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerows([neutralise(cell) for cell in row] for row in rows)
