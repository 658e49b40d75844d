"""The comparison of translation files."""

from pathlib import Path

import pytest

from tools.translations import faults_in_template, faults_in_translation, merge

HEADER = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n'
EXPORTED = (
    HEADER + '\n#: code:a.py:0\nmsgid "Yes"\nmsgstr ""\n\n#: code:a.py:0\n' + ('msgid "%(number)s days"\nmsgstr ""\n')
)


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """Return an export with two terms."""
    path = tmp_path / "exported.pot"
    path.write_text(EXPORTED)
    return path


def translation(folder: Path, *terms: tuple[str, str], flags: str = "") -> Path:
    """Return a translation of the given terms."""
    path = folder / "it.po"
    entries = [f'\n{flags}msgid "{term}"\nmsgstr "{words}"\n' for term, words in terms]
    path.write_text(HEADER + "".join(entries))
    return path


def test_template_of_another_day_is_up_to_date(exported: Path, tmp_path: Path) -> None:
    template = tmp_path / "addon.pot"
    template.write_text(EXPORTED.replace("charset", 'x=y\\n"\n"POT-Creation-Date: now; charset'))
    assert not list(faults_in_template(exported, template))


def test_missing_and_surplus_terms_of_the_template(exported: Path, tmp_path: Path) -> None:
    template = tmp_path / "addon.pot"
    template.write_text(EXPORTED.replace("Yes", "No"))
    faults = " ".join(faults_in_template(exported, template))
    assert "lacks, or places elsewhere: 'Yes'" in faults
    assert "still has: 'No'" in faults


def test_complete_translation(exported: Path, tmp_path: Path) -> None:
    path = translation(tmp_path, ("Yes", "Sì"), ("%(number)s days", "%(number)s giorni"))
    assert not list(faults_in_translation(exported, path))


@pytest.mark.parametrize(
    ("terms", "flags", "fault"),
    [
        ([("Yes", "Sì")], "", "does not translate '%(number)s days'"),
        ([("Yes", ""), ("%(number)s days", "%(number)s giorni")], "", "does not translate 'Yes'"),
        ([("Yes", "Sì"), ("%(number)s days", "giorni")], "", "changes a placeholder"),
        ([("Yes", "Sì"), ("Old", "Vecchio")], "", "still has 'Old'"),
        ([("Yes", "Sì")], "#, fuzzy\n", "is unsure (fuzzy) of 'Yes'"),
    ],
)
def test_faulty_translation(
    exported: Path, tmp_path: Path, terms: list[tuple[str, str]], flags: str, fault: str
) -> None:
    path = translation(tmp_path, *terms, flags=flags)
    assert fault in " ".join(faults_in_translation(exported, path))


def test_merge_brings_both_up_to_date(exported: Path, tmp_path: Path) -> None:
    template = tmp_path / "i18n" / "addon.pot"
    path = translation(tmp_path, ("Yes", "Sì"), ("Old", "Vecchio"))
    merge(exported, template, [path])
    assert not list(faults_in_template(exported, template))
    faults = list(faults_in_translation(exported, path))
    assert len(faults) == 1 and "%(number)s days" in faults[0]
