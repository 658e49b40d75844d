"""The data map knows all of Odoo's apps: no field that looks personal is left out (law.md R-54), and who is erased is.

Takes minutes the first time, so it isn't part of the suite, which does the same with the apps that are installed there:

    ./dev test tools/tests/every_app.py
"""

import ast
import os
import subprocess
from pathlib import Path

import pytest

from tools.places import ROOT

APPS = Path(__file__).with_suffix(".txt").read_text().split()
SCRIPT = """
missing = sorted({place.model for place in env["gdpr.data.map"].search([]) if place.model not in env} - {"base"})
gaps = [(gap.model, gap.field, gap.kind) for gap in env["gdpr.data.map"]._find_gaps()]
places = env["gdpr.data.map"].search([])
optional = {
    (place.model, name)
    for place in places
    for text in [
        place.path, place.email_fields, place.phone_fields, place.document_fields, *place.field_ids.mapped("names")
    ]
    for name, is_optional in place._parse(text)
    if is_optional and place.model in env and not place._has_path(env[place.model], name)
}
unknown = places.search([("is_unknown", "=", True)]).mapped("model")
print("FOUND", repr((gaps, missing, sorted(optional), unknown)))
"""
# Where a person was woven in, and is after the erasure though nothing says why it is kept.
WEAVE = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tools.tests import weaving
print("FOUND", repr(weaving.weave_and_erase(env)))
"""


def dev(*arguments: str, script: str = "") -> str:
    result = subprocess.run([ROOT / "dev", *arguments], input=script, capture_output=True, text=True, check=True)
    return result.stdout


def read_found(answer: str):
    """Give what a script has printed as found."""
    line = next(line for line in answer.splitlines() if "FOUND" in line)
    return ast.literal_eval(line.partition("FOUND ")[2])


@pytest.fixture(scope="module")
def every_app():
    """Give the name of a database with all apps."""
    name = f"gdpr_every_app_{os.getpid()}"
    dev("db", name, "--modules", ",".join(APPS))
    yield name
    dev("odoo", "db", "drop", name)


@pytest.mark.timeout(3600)
def test_every_app_is_covered(every_app):
    gaps, missing, optional, unknown = read_found(dev("odoo", "shell", "-d", every_app, script=SCRIPT))
    assert not gaps, gaps
    # What the map names exists in some app: a name that is spelt wrongly would wait for ever.
    assert not missing, missing
    assert not optional, optional
    assert not unknown, unknown


@pytest.mark.timeout(3600)
def test_person_in_every_app_is_erased(every_app):
    found = read_found(dev("odoo", "shell", "-d", every_app, script=WEAVE))
    assert not found["unwoven"], found["unwoven"]
    assert not found["unwritten"], found["unwritten"]
    assert found["state"] == "finished", found["failures"]
    # Some of it is kept, or nothing would have been shown.
    assert found["kept"]
    assert not found["unkept"], found["unkept"]
    assert not found["in_the_end"], found["in_the_end"]
