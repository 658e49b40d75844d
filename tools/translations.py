"""Compares and merges translation files."""

import re
from collections.abc import Iterator
from pathlib import Path

import polib

from tools.places import ROOT

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\{.*?\}\}|</?\w+")


def facts(entry: polib.POEntry) -> tuple:
    """Return what must be the same in a template and the export."""
    return (entry.msgctxt, entry.msgid, entry.comment, tuple(sorted(entry.occurrences)))


def faults_in_template(exported: Path, template: Path) -> Iterator[str]:
    """Compare a template with the export it should equal; give one line for each difference."""
    name = template.relative_to(ROOT) if template.is_relative_to(ROOT) else template
    said = {facts(entry) for entry in polib.pofile(str(exported))}
    written = {facts(entry) for entry in polib.pofile(str(template))} if template.exists() else set()
    for entry in sorted(said - written, key=str):
        yield f"{name} lacks, or places elsewhere: {entry[1]!r} (./dev lint --fix writes it)"
    for entry in sorted(written - said, key=str):
        yield f"{name} still has: {entry[1]!r} (./dev lint --fix removes it)"


def faults_in_translation(exported: Path, translation: Path) -> Iterator[str]:
    """Find terms that a translation lacks, has unsure, spoils or has no use for."""
    name = translation.relative_to(ROOT) if translation.is_relative_to(ROOT) else translation
    translated = {(entry.msgctxt, entry.msgid): entry for entry in polib.pofile(str(translation))}
    needed = {(entry.msgctxt, entry.msgid) for entry in polib.pofile(str(exported))}
    for key in sorted(needed, key=str):
        entry = translated.get(key)
        if entry is None or entry.obsolete or not entry.msgstr:
            yield f"{name} does not translate {key[1]!r}"
        elif entry.fuzzy:
            yield f"{name} is unsure (fuzzy) of {key[1]!r}"
        elif sorted(PLACEHOLDER.findall(entry.msgid)) != sorted(PLACEHOLDER.findall(entry.msgstr)):
            yield f"{name} changes a placeholder or a tag of {key[1]!r}"
    for key, entry in translated.items():
        if key not in needed and not entry.obsolete:
            yield f"{name} still has {key[1]!r} (./dev lint --fix removes it)"


def merge(exported: Path, template: Path, translations: list[Path]) -> None:
    """Make the template equal the export and bring the translations up to it.

    Terms that are gone are dropped from the translations; new ones come in untranslated.
    """
    template.parent.mkdir(exist_ok=True)
    if list(faults_in_template(exported, template)):
        template.write_text(exported.read_text("utf-8"), "utf-8")
    current = polib.pofile(str(exported))
    for path in translations:
        translation = polib.pofile(str(path))
        before = str(translation)
        translation.merge(current)
        for entry in translation.obsolete_entries():
            translation.remove(entry)
        if str(translation) != before:
            translation.save(str(path))
