"""vCard 4.0 (RFC 6350, law.md R-100). Kept free of the ORM."""

from dataclasses import dataclass

FOLD_AT = 75


@dataclass
class Contact:
    """What a vCard says of a person; what isn't known is empty."""

    name: str = ""
    email: str = ""
    phone: str = ""
    function: str = ""
    organisation: str = ""
    website: str = ""
    street: str = ""
    city: str = ""
    region: str = ""
    postcode: str = ""
    country: str = ""


def make_vcard(contact):
    """Give a vCard, with CRLF at the end of each line."""
    # FN may not be missing; the way to reach a person is better than nothing.
    formatted = contact.name or contact.email or contact.phone or "?"
    address = ("", "", contact.street, contact.city, contact.region, contact.postcode, contact.country)
    lines = ["BEGIN:VCARD", "VERSION:4.0", f"FN:{escape(formatted)}"]
    for name, value in (
        ("EMAIL", contact.email),
        ("TEL;VALUE=text", contact.phone),
        ("TITLE", contact.function),
        ("ORG", contact.organisation),
    ):
        if value:
            lines.append(f"{name}:{escape(value)}")
    if contact.website:
        lines.append(f"URL:{contact.website.replace(chr(13), '').replace(chr(10), '')}")
    if any(address):
        lines.append("ADR:" + ";".join(map(escape, address)))
    lines.append("END:VCARD")
    return "".join(fold(line) for line in lines)


def escape(text):
    """Give a text as a value of a vCard has it."""
    text = text.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;")
    return text.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n")


def fold(line):
    """Give a line in pieces of 75 octets, never cutting a character in two."""
    pieces, piece, size = [], "", 0
    for character in line:
        octets = len(character.encode())
        if size + octets > FOLD_AT:
            pieces.append(piece)
            # The space that begins a piece counts.
            piece, size = " ", 1
        piece += character
        size += octets
    return "\r\n".join([*pieces, piece]) + "\r\n"
