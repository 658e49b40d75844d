"""A file of JSON lines that shows whether it was changed: gzipped, with an HMAC-SHA-256 over all in the last line."""

import gzip
import hashlib
import hmac
import json
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from .ledger import canonical

# A line holds a batch of record numbers; what is longer isn't one of ours.
LINE_LIMIT = 1_000_000


class BadFile(Exception):
    """The file isn't one of ours, or was changed."""


def write(file: BinaryIO, key: bytes, header: dict, lines: Iterable[dict]) -> int:
    """Write the lines; give how many there are.

    :param file: where to
    :param key: what it is signed with
    :param header: the first line; ``format`` names what the file is
    """
    digest = hashlib.sha256()
    count = 0
    with gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as packed:

        def put(line: dict) -> None:
            text = canonical(line) + b"\n"
            digest.update(text)
            packed.write(text)

        put(header)
        for line in lines:
            put(line)
            count += 1
        signature = hmac.new(key, digest.digest(), hashlib.sha256).hexdigest()
        packed.write(canonical({"lines": count, "signature": signature}) + b"\n")
    return count


def read(file: BinaryIO, key: bytes, file_format: str) -> list[dict]:
    """Give the lines of a file that is as it was written with this key.

    :raise BadFile: it isn't
    """
    lines = list(read_lines(file))
    if len(lines) < 2 or lines[0][1].get("format") != file_format:
        raise BadFile("not such a file")
    *signed, (_text, last) = lines
    digest = hashlib.sha256(b"".join(text for text, _line in signed))
    signature = hmac.new(key, digest.digest(), hashlib.sha256).hexdigest()
    if last.get("lines") != len(signed) - 1 or not hmac.compare_digest(str(last.get("signature")), signature):
        raise BadFile("the signature doesn't fit")
    return [line for _text, line in signed[1:]]


def read_lines(file: BinaryIO, line_limit: int = LINE_LIMIT) -> Iterator[tuple[bytes, dict]]:
    """Give each line as it stands and as it reads; who signed them isn't asked.

    :raise BadFile: it is no such file, or a damaged one
    """
    file.seek(0)
    try:
        with gzip.GzipFile(fileobj=file) as packed:
            while text := packed.readline(line_limit):
                line = json.loads(text)
                if not isinstance(line, dict):
                    raise BadFile("not such a file")
                yield text, line
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise BadFile("not such a file, or a damaged one") from error
