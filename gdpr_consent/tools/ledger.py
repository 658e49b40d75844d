"""How the events of one person are chained (law.md R-102, R-103).

Each event carries ``HMAC-SHA-256(key, hash of the event before ‖ canonical payload)``. Personal values
aren't in the payload, only their salted commitments: dropping a value and its salt leaves the
chain verifiable and the value unguessable.
"""

import hashlib
import hmac
import json
import secrets

GENESIS = "0" * 64


def canonical(payload):
    """Give the one byte string that stands for a payload of JSON types."""
    return json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(text):
    """Give the hexadecimal SHA-256 of a text (UTF-8)."""
    return hashlib.sha256(text.encode()).hexdigest()


def chain_hash(key, previous_hash, payload):
    """Give the hexadecimal hash of an event.

    :param bytes key: the ledger's key
    :param str previous_hash: hash of the event before, or ``GENESIS``
    :param dict payload: what the event says, JSON types only
    """
    message = previous_hash.encode() + b"\n" + canonical(payload)
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def new_salt():
    """Give 128 random bits in hexadecimal."""
    return secrets.token_hex(16)


def commitment(salt, value):
    """Give the hexadecimal commitment to a personal value."""
    return sha256(f"{salt}\n{value}")
