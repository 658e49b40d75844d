"""What is kept of an address or a number once the person is erased, or the record deleted: a keyed hash (law.md R-60).

HMAC-SHA-256 (law.md R-104) with a key that is derived from the ledger's: so that nothing can be guessed without it,
two databases differ, and what is kept for one thing can't be used for another.
"""

import hashlib
import hmac

IDENTIFIERS = b"gdpr_consent identifiers of erased persons"
FORMER_ADDRESSES = b"gdpr_consent addresses of deleted records"
RECORDS = b"gdpr_consent records of erased persons"
JOURNAL = b"gdpr_consent signed journal of erasures"


def derive_key(ledger_key: bytes, use: bytes) -> bytes:
    """Give the key for one use."""
    return hmac.new(ledger_key, use, hashlib.sha256).digest()


def digest(key: bytes, kind: str, value: str) -> str:
    """Give the hexadecimal keyed hash of an identifier.

    :param key: of one use
    :param kind: ``email``, ``phone``, or what else the value is
    :param value: normalised
    """
    return hmac.new(key, f"{kind}\n{value}".encode(), hashlib.sha256).hexdigest()
