"""Values and names as files have them. Kept free of the ORM."""

import re
import unicodedata


def make_cell(value):
    """Give a value as a person reads it in one cell."""
    if value is None or value is False:
        return ""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return "; ".join(f"{name}: {part}" for name, part in value.items())
    return str(value)


def slug(name):
    """Give a name of a file in plain ASCII (law.md R-99)."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^\w.-]+", "_", plain).strip("._") or "file"


def make_unique(name, taken):
    """Give the name, or one with a number that nothing has yet."""
    stem, dot, ending = name.rpartition(".")
    unique, number = name, 1
    while unique.lower() in taken:
        number += 1
        unique = f"{stem}-{number}{dot}{ending}" if dot else f"{name}-{number}"
    taken.add(unique.lower())
    return unique
