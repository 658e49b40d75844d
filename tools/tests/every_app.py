"""The data map knows all of Odoo's apps: no field that looks personal is left out (law.md R-54).

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
print("FOUND", repr((gaps, missing, sorted(optional))))
"""


def dev(*arguments: str, script: str = "") -> str:
    result = subprocess.run([ROOT / "dev", *arguments], input=script, capture_output=True, text=True, check=True)
    return result.stdout


@pytest.mark.timeout(3600)
def test_every_app_is_covered():
    name = f"gdpr_every_app_{os.getpid()}"
    dev("db", name, "--modules", ",".join(APPS))
    try:
        answer = dev("odoo", "shell", "-d", name, script=SCRIPT)
    finally:
        dev("odoo", "db", "drop", name)
    line = next(line for line in answer.splitlines() if "FOUND" in line)
    gaps, missing, optional = ast.literal_eval(line.partition("FOUND ")[2])
    assert not gaps, gaps
    # What the map names exists in some app: a name that is spelt wrongly would wait for ever.
    assert not missing, missing
    assert not optional, optional
