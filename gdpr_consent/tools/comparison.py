"""What changed between two wordings, word by word."""

import re
from difflib import SequenceMatcher

from markupsafe import Markup, escape

from odoo.tools import html2plaintext

# A word with the space after it; line ends stand alone, so that a line can be added as a whole.
WORDS = re.compile(r"\n|[^\s]+[^\S\n]*|[^\S\n]+")


def read_words(text):
    """Give the words of a text, of markup too: what is in bold, and where its links go to, shows in them."""
    return re.sub(r"\n{2,}", "\n", html2plaintext(text).strip()) if isinstance(text, Markup) else text


def compare_words(old, new):
    """Give the new text with what was added in ``<ins>`` and what was removed in ``<del>``.

    Odoo's own comparison (``html_editor``) is one of tags: a text without them it can't read, and a link
    that goes elsewhere it doesn't show.

    :param str old: plain text
    :param str new: plain text
    :rtype: Markup
    """
    old_words, new_words = WORDS.findall(old), WORDS.findall(new)
    marked = Markup()
    for change, old_from, old_to, new_from, new_to in SequenceMatcher(
        None, old_words, new_words, autojunk=False
    ).get_opcodes():
        removed, added = "".join(old_words[old_from:old_to]), "".join(new_words[new_from:new_to])
        if change == "equal":
            marked += escape(added)
            continue
        if removed:
            marked += Markup('<del class="text-danger">%s</del>') % removed
        if added:
            marked += Markup('<ins class="text-success">%s</ins>') % added
    return marked
