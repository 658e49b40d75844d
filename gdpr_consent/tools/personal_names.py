"""Names of fields that look as if they held what leads to a person."""

import re

KINDS = {
    "email": re.compile(r"(^|_)e?mails?($|_)|^login$|^cc$", re.IGNORECASE),
    "phone": re.compile(r"(^|_)(phones?|mobile|fax|telephone|whatsapp)($|_)", re.IGNORECASE),
    "network": re.compile(r"(^|_)(ip|ip_address|ipv[46]|user_agent|mac_address)($|_)", re.IGNORECASE),
}
# What stands beside an address or a number, and isn't one.
BESIDE = re.compile(
    r"(state|status|count|type|layout_xmlid|template|subject|body|scheduled|format|is|has)$", re.IGNORECASE
)


def get_kind(name):
    """Give what a text field seems to hold by its name: ``email``, ``phone``, ``network``, or None."""
    name = re.sub(r"^x_(studio_)?", "", name)
    if BESIDE.search(name):
        return None
    return next((kind for kind, pattern in KINDS.items() if pattern.search(name)), None)
