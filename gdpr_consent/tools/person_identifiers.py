import re
from dataclasses import dataclass, field

from odoo.tools import OrderedSet

# Shorter ones are extensions, not numbers of a person.
MINIMUM_DIGITS = 7


def get_phone_digits(number):
    """Give the digits of a number as it is dialled from abroad, or None where it is too short to tell a person."""
    digits = re.sub(r"^00", "", re.sub(r"\D", "", number or ""))
    return digits if len(digits) >= MINIMUM_DIGITS else None


def normalize_name(name):
    """Give a name so that two ways of writing it are equal."""
    return " ".join((name or "").casefold().split())


@dataclass
class PersonIdentifiers:
    """What leads to a person: records by model, normalised e-mail addresses, digits of numbers, names as written."""

    found: dict = field(default_factory=dict)
    # Records that only a shared address leads to, and what hangs on them.
    doubtful: dict = field(default_factory=dict)
    cards: dict = field(default_factory=dict)
    emails: set = field(default_factory=set)
    shared_emails: set = field(default_factory=set)
    phones: set = field(default_factory=set)
    shared_phones: set = field(default_factory=set)
    names: OrderedSet = field(default_factory=OrderedSet)

    def add(self, model, ids, doubtful_ids=()):
        """Note records of a model that are the person's: further paths may lead to them."""
        doubtful_ids = set(doubtful_ids)
        if certain := set(ids) - doubtful_ids:
            self.found.setdefault(model, set()).update(certain)
        if doubtful_ids:
            self.doubtful.setdefault(model, set()).update(doubtful_ids)

    def has_name(self, name):
        """Tell whether the person is called so."""
        return normalize_name(name) in {normalize_name(own) for own in self.names}
