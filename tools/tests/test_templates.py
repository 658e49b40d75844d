"""When a template has to be made anew."""

from pathlib import Path

import pytest

from tools.databases import Recipe, addons_digest


@pytest.fixture
def addon(tmp_path: Path) -> Path:
    """Return the folder of a small add-on."""
    folder = tmp_path / "gdpr_consent"
    for name in ("models/card.py", "tests/test_card.py", "static/tests/tours/card.js", "README.md"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("one")
    return folder


@pytest.mark.parametrize(
    ("name", "matters"),
    [
        ("models/card.py", True),
        ("models/new.py", True),
        ("static/tests/tours/card.js", True),
        ("tests/test_card.py", False),
        ("README.md", False),
        ("models/__pycache__/card.pyc", False),
        ("i18n/gdpr_consent.pot", False),
        ("i18n/it.po", True),
    ],
)
def test_digest_follows_what_is_installed(addon: Path, name: str, matters: bool) -> None:
    before = addons_digest([addon])
    path = addon / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("two")
    assert (addons_digest([addon]) != before) is matters


def test_digest_sees_a_renamed_file(addon: Path) -> None:
    before = addons_digest([addon])
    (addon / "models/card.py").rename(addon / "models/renamed.py")
    assert addons_digest([addon]) != before


def test_layers_differ_by_what_they_hold() -> None:
    recipes = [
        Recipe(("crm",), False, "19"),
        Recipe(("crm",), True, "19"),
        Recipe(("crm", "sale"), False, "19"),
        Recipe(("crm",), False, "19.1"),
    ]
    names = {recipe.base for recipe in recipes} | {recipe.addon for recipe in recipes}
    assert len(names) == 2 * len(recipes)
