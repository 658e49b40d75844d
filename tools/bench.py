"""./dev bench: runs the benchmarks and shows their results in one table.

A benchmark is a script ``bench/bench_NAME.py``. It is run by Odoo's Python, with the variables of
``./dev env`` and ``BENCH_DATABASE``, the name of a fresh database with the add-on that is its own.
Further arguments of the command go on to it: the sizes, as the top of the script says.
It may print what it likes; its last line must be a JSON list of rows, each an object with the keys

    scenario   what was done, in words
    size       on how many records
    ours       what it took the add-on
    theirs     what it took Odoo's own way, or the floor
    unit       of both: "s", "ms", "records/s" …

The ratio in the table is ``ours / theirs``.
"""

import json
import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

from tools import databases, postgres, workbench
from tools.places import ROOT
from tools.problem import Problem
from tools.processes import die_with_parent, termination_is_interruption
from tools.workbench import Tools, Workbench

COLUMNS = ("scenario", "size", "ours", "theirs", "ratio")
HEADINGS = ("Scenario", "Size", "Ours", "Odoo's own way", "Ratio")


def run(tools: Tools, options: Namespace, arguments: list[str]) -> int:
    """Run one benchmark, with its own arguments, or all; print the table; return the exit status."""
    scripts = sorted((ROOT / "bench").glob(f"bench_{options.name or '*'}.py"))
    if not scripts:
        known = [path.stem.removeprefix("bench_") for path in (ROOT / "bench").glob("bench_*.py")]
        raise Problem(f"There is no such benchmark; there are: {', '.join(sorted(known)) or 'none'}.")
    if arguments and not options.name:
        raise Problem("Sizes are those of one benchmark: name it.")
    rows = []
    with termination_is_interruption(), postgres.in_use() as server:
        bench = workbench.assemble(tools, server)
        template = bench.databases.make_template(databases.recipe(tools.source))
        for script in scripts:
            rows += measure(bench, template, script, arguments)
    print(table(rows))
    return 0


def measure(bench: Workbench, template: str, script: Path, arguments: list[str]) -> list[dict]:
    """Run one benchmark on a fresh database; return its rows.

    Raises Problem when it fails or its last line isn't what it should be.
    """
    print(f"{script.stem} …", file=sys.stderr, flush=True)
    name = f"gdpr_bench_{os.getpid()}"
    bench.databases.copy(template, name)
    try:
        result = subprocess.run(
            [bench.python, script, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**bench.environment(), "BENCH_DATABASE": name},
            preexec_fn=die_with_parent(),
        )
    finally:
        bench.databases.drop(name)
    if result.returncode:
        raise Problem(f"The benchmark {script.name} failed; what it said is above.")
    try:
        rows = json.loads(result.stdout.strip().splitlines()[-1])
        return [{**row, "ratio": f"{row['ours'] / row['theirs']:.2f}"} for row in rows]
    except (IndexError, ValueError, KeyError, TypeError, ZeroDivisionError) as error:
        raise Problem(
            f"The last line of {script.name} is not a list of rows as tools/bench.py describes it."
        ) from error


def table(rows: list[dict]) -> str:
    """Return the rows as a Markdown table with aligned columns."""
    cells = [list(HEADINGS)]
    for row in rows:
        shown = dict(row)
        for key in ("ours", "theirs"):
            shown[key] = f"{row[key]:.4g} {row['unit']}"
        cells.append([str(shown[column]) for column in COLUMNS])
    widths = [max(len(line[index]) for line in cells) for index in range(len(COLUMNS))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
