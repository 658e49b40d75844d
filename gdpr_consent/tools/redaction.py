"""Taking other people out of a text (articles 15(4) and 20(4), law.md R-53). Kept free of the ORM.

What is found is a proposal: whole names of the people known, single names of those who take part in the conversations,
and whatever isn't the person's or the company's: every e-mail address, and where somebody looks at it before it goes
out, every telephone number and every number of a bank account. Elsewhere only numbers of people known are replaced.
"""

import re
from itertools import permutations

from .person_identifiers import get_phone_digits, phonenumbers

# What stands in place of somebody else, where no other language is asked for.
MARK = "[redacted]"

WORD = re.compile(r"\w+")
EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(?:\.[\w-]+)+")
PHONE = re.compile(r"(?<!\w)\+?\(?\d[\d\s().\-/]{5,}\d(?!\w)")
# Letters and digits, grouped or not: what of it is an account is told by its check digits.
ACCOUNT = re.compile(r"(?<!\w)[A-Za-z]{2}\d{2}(?:[ \xa0-]?[A-Za-z0-9]){11,30}(?!\w)")
SHORTEST_ACCOUNT = 15
# Numbers are written with and without the code of the country.
SAME_DIGITS = 8
SHORTEST_SINGLE_NAME = 3
MOST_WORDS_TO_REORDER = 3
# Words that may be a name: with a capital, or the small ones between two of them.
NAME_WORD = re.compile(r"[^\W\d_](?:[^\W_]|['’-])*")
PARTICLES = frozenset(("da", "dal", "de", "del", "della", "den", "der", "di", "dos", "du", "la", "le", "van", "von"))
MOST_WORDS_OF_A_NAME = 4


class Redactor:
    """Replaces what tells who somebody else is."""

    def __init__(self, own_names=(), own_emails=(), own_phones=(), own_accounts=(), country=None, mark=MARK):
        """Take what is the person's own, and the company's: it is never replaced.

        :param own_phones: digits, as they are dialled from abroad
        :param own_accounts: letters and digits alone, capitals
        :param str country: code of the country that numbers without its code are of
        :param str mark: what stands in place of somebody else
        """
        self.mark = mark
        self._own_accounts = set(own_accounts)
        self._country = country or None
        self._own_words = {word for name in own_names for word in split(name)}
        self._own_names = {tuple(split(name)) for name in own_names}
        self._own_emails = {email.lower() for email in own_emails}
        self._own_phones = {phone[-SAME_DIGITS:] for phone in own_phones}
        self._names = {}
        self._single_names = set()
        self._phones = set()

    def add_person(self, name=None, phones=(), takes_part=False):
        """Take in somebody else.

        :param bool takes_part: in a conversation of the person, where people call one another by one name
        """
        words = tuple(split(name))
        if words and words not in self._own_names:
            if len(words) > 1:
                self._names.setdefault(words[0], set()).add(words)
            if takes_part or len(words) == 1:
                self._single_names |= {
                    word for word in words if len(word) >= SHORTEST_SINGLE_NAME and word not in self._own_words
                }
        digits = filter(None, map(get_phone_digits, phones))
        self._phones |= {number[-SAME_DIGITS:] for number in digits} - self._own_phones

    def redact(self, text):
        """Give the text without other people, and how often something was replaced.

        :rtype: tuple[str, int]
        """
        self._count = 0
        if "@" in text:
            text = EMAIL.sub(self._replace_email, text)
        words = set(split(text))
        for first in words & self._names.keys():
            for name in self._names[first]:
                if words.issuperset(name):
                    text = self._replace(make_name_pattern(name), text)
        for name in words & self._single_names:
            # A name, not the word that is spelt the same.
            text = self._replace(
                rf"(?<!\w){re.escape(name[0].upper())}(?i:{re.escape(name[1:])})(?!\w)",
                text,
            )
        if self._phones:
            text = PHONE.sub(self._replace_phone, text)
        return text, self._count

    def propose(self, text):
        """Give the text also without the numbers and bank accounts of whoever nobody knows. Somebody looks at it: what
        looks like a number needn't be one.

        :rtype: tuple[str, int]
        """
        self._count = 0
        kept = []

        def keep(words):
            # Digits of what stays aren't taken for something else.
            kept.append(words)
            return f"\ue000{len(kept) - 1:c}\ue001"

        text = ACCOUNT.sub(lambda match: self._replace_account(match, keep), text)
        for start, end in reversed(find_phone_places(text, self._country)):
            words = text[start:end]
            if re.sub(r"\D", "", words)[-SAME_DIGITS:] not in self._own_phones:
                text = f"{text[:start]}{self.mark}{text[end:]}"
                self._count += 1
        count = self._count
        text, known = self.redact(text)
        return re.sub("\ue000(.)\ue001", lambda match: kept[ord(match[1])], text, flags=re.DOTALL), count + known

    def _replace_account(self, match, keep):
        words = match[0]
        for end in range(len(words), SHORTEST_ACCOUNT - 1, -1):
            account = re.sub(r"\W", "", words[:end]).upper()
            if not words[end : end + 1].isalnum() and is_account(account):
                if account in self._own_accounts:
                    return keep(words[:end]) + words[end:]
                self._count += 1
                return self.mark + words[end:]
        return words

    def _replace(self, pattern, text):
        text, count = re.subn(pattern, lambda _match: self.mark, text)
        self._count += count
        return text

    def _replace_email(self, match):
        if match[0].lower() in self._own_emails:
            return match[0]
        self._count += 1
        return self.mark

    def _replace_phone(self, match):
        digits = re.sub(r"\D", "", match[0])
        if digits[-SAME_DIGITS:] not in self._phones:
            return match[0]
        self._count += 1
        return self.mark


def split(text):
    """Give the words of a text, in small letters."""
    return WORD.findall((text or "").lower())


def find_names(text):
    """Give what may be names of people in a text, as they may be written in a database: words that follow one another.

    :rtype: set[str]
    """
    found, run = set(), []
    end = 0
    for match in NAME_WORD.finditer(text or ""):
        word = match[0].rstrip("'’-")
        gap = text[end : match.start()]
        is_capital, is_particle = word[:1].isupper(), word.lower() in PARTICLES
        if not (is_capital or is_particle) or gap.strip(" ,\t\xa0"):
            run = []
        if is_capital or (is_particle and run):
            run = [*run, word][-MOST_WORDS_OF_A_NAME:]
            if is_capital:
                for length in range(2, len(run) + 1):
                    found |= write_name(run[-length:])
        end = match.start() + len(match[0])
    return found


def write_name(words):
    """Give how a name may be written: in both orders, with great and small letters."""
    written = " ".join(words)
    turned = " ".join([words[-1], *words[:-1]])
    backwards = " ".join([*words[1:], words[0]])
    return {form for name in (written, turned, backwards) for form in (name, name.title(), name.upper(), name.lower())}


def find_emails(text):
    """Give the addresses in a text, in small letters."""
    return {email.lower() for email in EMAIL.findall(text or "")} if "@" in (text or "") else set()


def is_account(account):
    """Tell whether letters and digits are the international number of a bank account, by its check digits."""
    turned = account[4:] + account[:4]
    return len(account) >= SHORTEST_ACCOUNT and int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1


def find_phone_places(text, country=None):
    """Give where valid telephone numbers are in a text: pairs of start and end, in their order.

    :param str country: code of the country that numbers without its code are of
    """
    if not PHONE.search(text):
        return []
    if not phonenumbers:
        return [match.span() for match in PHONE.finditer(text) if match[0].startswith(("+", "00"))]
    return [(match.start, match.end) for match in phonenumbers.PhoneNumberMatcher(text, country)]


def find_phones(text):
    """Give the digits of what may be telephone numbers in a text."""
    return set(filter(None, (get_phone_digits(number) for number in PHONE.findall(text or ""))))


def make_name_pattern(words):
    """Give the pattern of a name, in whatever order its words stand."""
    orders = permutations(words) if len(words) <= MOST_WORDS_TO_REORDER else [words]
    names = [r"[\s,._-]+".join(map(re.escape, order)) for order in orders]
    return rf"(?i)(?<!\w)(?:{'|'.join(names)})(?!\w)"
