"""Reads what Odoo's log says about its tests, and compares two such logs."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

LINE = re.compile(r"^[\d-]+ [\d:,]+ \d+ (?P<level>[A-Z]+) \S+ (?P<logger>[\w.]+): (?P<said>.*)$")
STARTING = re.compile(r"Starting (\S+) \.\.\.")
SKIPPED = re.compile(r"skipped (?:Subtest )?(\S+) ")
# What a subtest adds in parentheses differs from database to database; a class that can't be set up is named in them.
FAILED = re.compile(r"(?:FAIL|ERROR): (?:Subtest (?P<subtest>\S+)|(?P<method>\w+) \((?P<path>[\w.]+)\)|(?P<test>\S+))")
FINISHED = re.compile(r"\d+ post-tests in ")
HEADINGS = ("Module", "Tests", "Skipped", "Fail without", "Fail with", "Only with")


@dataclass
class Outcome:
    """What became of the tests of one run; each named ``crm.tests.test_crm_lead:TestCRMLead.test_merge``."""

    started: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    # With the line that says why.
    failed: dict[str, str] = field(default_factory=dict)
    # Whether Odoo came to the end of its tests.
    finished: bool = False


def read(lines: Iterable[str]) -> Outcome:
    """Return the outcome that a log tells of."""
    outcome = Outcome()
    failing = ""
    for line in lines:
        found = LINE.match(line)
        if not found:
            # Of a traceback, the last line that isn't indented names the error.
            if failing and line.strip() and not line.startswith((" ", "Traceback")):
                outcome.failed[failing] = outcome.failed[failing] or line.strip()
            continue
        failing = ""
        place = found["logger"].removeprefix("odoo.addons.")
        said = found["said"]
        if starting := STARTING.match(said):
            outcome.started.add(f"{place}:{starting[1]}")
        elif skipped := SKIPPED.match(said):
            outcome.skipped.add(f"{place}:{skipped[1]}")
        elif found["level"] == "ERROR" and (failed := FAILED.match(said)):
            failing = name_of_failed(place, failed)
            outcome.failed.setdefault(failing, "")
        elif FINISHED.match(said):
            outcome.finished = True
    return outcome


def name_of_failed(place: str, failed: re.Match[str]) -> str:
    """Return the name of the test, or of the class that could not be set up or torn down."""
    if failed["path"]:
        module, _dot, name = failed["path"].removeprefix("odoo.addons.").rpartition(".")
        return f"{module}:{name}.{failed['method']}"
    return f"{place}:{failed['subtest'] or failed['test']}"


def only_with(without: Outcome, with_addons: Outcome) -> list[str]:
    """Return the tests that fail with the add-ons alone, and those that no longer run with them."""
    lost = without.started - with_addons.started - without.failed.keys()
    return sorted((with_addons.failed.keys() - without.failed.keys()) | lost)


def report(without: Outcome, with_addons: Outcome) -> str:
    """Return the comparison as Markdown: a table by module, then the failures with their reasons."""
    new = only_with(without, with_addons)
    columns = (
        without.started | with_addons.started,
        without.skipped | with_addons.skipped,
        without.failed,
        with_addons.failed,
        new,
    )
    modules = sorted({name.partition(".")[0] for column in columns for name in column})
    lines = ["| " + " | ".join(HEADINGS) + " |", "|---|" + "---:|" * (len(HEADINGS) - 1)]
    for module in modules:
        counts = [sum(name.startswith(f"{module}.") for name in column) for column in columns]
        lines.append(f"| {module} | " + " | ".join(map(str, counts)) + " |")
    lines.append("| **All** | " + " | ".join(str(len(column)) for column in columns) + " |")
    both = sorted(without.failed.keys() & with_addons.failed.keys())
    gone = sorted(without.failed.keys() - with_addons.failed.keys())
    for title, names, outcome in (
        ("Only with the add-ons", new, with_addons),
        ("With and without them", both, without),
        ("Only without them", gone, without),
    ):
        lines += ["", f"**{title}**: {len(names) or 'none'}"]
        lines += [f"* `{name}`: {outcome.failed.get(name, 'does not run with them')}" for name in names]
    return "\n".join(lines)
