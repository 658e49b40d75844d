import re
from dataclasses import dataclass, field

from odoo.tools import OrderedSet

try:
    import phonenumbers
except ImportError:
    # As in Odoo: without it nobody knows where the country's code ends.
    phonenumbers = None

# Shorter ones are extensions, not numbers of a person.
MINIMUM_DIGITS = 7
# Shorter ones without the country's code may be anything.
MINIMUM_NATIONAL_DIGITS = 8
# Shorter numbers of accounts tell nobody.
MINIMUM_ACCOUNT_LENGTH = 6


def get_phone_digits(number):
    """Give the digits of a number as it is dialled from abroad, or None where it is too short to tell a person."""
    digits = re.sub(r"^00", "", re.sub(r"\D", "", number or ""))
    return digits if len(digits) >= MINIMUM_DIGITS else None


def get_national_digits(digits):
    """Give the digits of a number as it is dialled inside its country, or None where that isn't known.

    :param str digits: as they are dialled from abroad
    """
    if not phonenumbers:
        return None
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return None
    national = re.sub(r"\D", "", phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL))
    return national if len(national) >= MINIMUM_NATIONAL_DIGITS else None


def normalize_name(name):
    """Give a name so that two ways of writing it are equal."""
    return " ".join((name or "").casefold().split())


@dataclass
class PersonIdentifiers:
    """What leads to a person: records by model, normalised e-mail addresses, digits of numbers, accounts, names as
    written.
    """

    found: dict = field(default_factory=dict)
    # Records that only a shared address leads to, and what hangs on them.
    doubtful: dict = field(default_factory=dict)
    cards: dict = field(default_factory=dict)
    emails: set = field(default_factory=set)
    shared_emails: set = field(default_factory=set)
    phones: set = field(default_factory=set)
    shared_phones: set = field(default_factory=set)
    # Of bank accounts: letters and digits alone, capitals.
    accounts: set = field(default_factory=set)
    shared_accounts: set = field(default_factory=set)
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
