import re
from dataclasses import dataclass, field

from odoo.tools import OrderedSet

# Shorter ones are extensions, not numbers of a person.
MINIMUM_DIGITS = 7


def get_phone_digits(number):
    """Give the digits of a number as it is dialled from abroad, or None where it is too short to tell a person."""
    digits = re.sub(r"^00", "", re.sub(r"\D", "", number or ""))
    return digits if len(digits) >= MINIMUM_DIGITS else None


@dataclass
class PersonIdentifiers:
    """What leads to a person: records by model, normalised e-mail addresses, digits of numbers, names as written."""

    found: dict = field(default_factory=dict)
    cards: dict = field(default_factory=dict)
    emails: set = field(default_factory=set)
    shared_emails: set = field(default_factory=set)
    phones: set = field(default_factory=set)
    names: OrderedSet = field(default_factory=OrderedSet)

    def add(self, model, ids):
        """Note records of a model that are the person's: further paths may lead to them."""
        self.found.setdefault(model, set()).update(ids)
