"""The ends of all histories in a signed file, to be kept elsewhere: what is cut off afterwards shows (law.md R-102).

The file is gzipped JSON lines: a header, a line for each person, and a last line with the counts and an HMAC-SHA-256
over all that is above it. Written and read line by line, so that its size doesn't matter.
"""

import gzip
import hashlib
import hmac
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from . import ledger
from .signed_lines import BadFile, read_lines

FORMAT = "gdpr_consent ledger heads"
VERSION = 1
# A line is short; what is longer isn't one of ours.
LINE_LIMIT = 10_000


def write(file: BinaryIO, key: bytes, header: dict, heads: Iterable[tuple[str, int, str]]) -> dict:
    """Write the ends of all histories.

    :param file: where to
    :param key: the ledger's key
    :param header: further words of the first line
    :param heads: the reference of each person, the number of its last event and that event's hash
    :return: the last line: ``persons``, ``events``, ``signature``
    """
    digest = hashlib.sha256()
    persons = events = 0
    with gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as packed:

        def put(line: dict) -> None:
            text = ledger.canonical(line) + b"\n"
            digest.update(text)
            packed.write(text)

        put({"format": FORMAT, "version": VERSION, **header})
        for reference, sequence, head in heads:
            put({"person": reference, "sequence": sequence, "hash": head})
            persons, events = persons + 1, events + sequence
        last = {"persons": persons, "events": events}
        signed = {**last, "signature": _sign(key, digest, last)}
        packed.write(ledger.canonical(signed) + b"\n")
    return signed


def check(file: BinaryIO, key: bytes) -> dict:
    """Check that the file is as it was written with this key. Do this before reading it.

    :return: the header, with the counts of the last line
    :raise BadFile: it isn't
    """
    digest = hashlib.sha256()
    header = last = None
    for text, line in read_lines(file, LINE_LIMIT):
        if last is not None:
            digest.update(last)
        if header is None:
            header = line
            if header.get("format") != FORMAT or header.get("version") != VERSION:
                raise BadFile("not a file of ledger heads")
        last = text
        last_line = line
    if header is None or last_line is header:
        raise BadFile("the end is missing")
    signature = last_line.pop("signature", None)
    if not isinstance(signature, str) or not hmac.compare_digest(
        signature.encode(errors="replace"), _sign(key, digest, last_line).encode()
    ):
        raise BadFile("the signature doesn't fit")
    return {**header, **last_line}


def read(file: BinaryIO) -> Iterator[tuple[str, int, str]]:
    """Give what ``write`` was given: the reference, number and hash of each person."""
    for _text, line in read_lines(file, LINE_LIMIT):
        if "person" in line:
            yield line["person"], line["sequence"], line["hash"]


def _sign(key, digest, last):
    message = b"heads\n" + digest.hexdigest().encode() + b"\n" + ledger.canonical(last)
    return hmac.new(key, message, hashlib.sha256).hexdigest()
