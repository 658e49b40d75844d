"""./dev lint: checks the code, the XML and the translations."""

import ast
import os
import re
import subprocess
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tools import configuration, databases, postgres, python_environment, workbench
from tools.places import LOGS, ROOT, STATE, addon_folders
from tools.problem import Problem
from tools.processes import die_with_parent, termination_is_interruption
from tools.translations import faults_in_template, faults_in_translation, merge
from tools.workbench import Tools, Workbench

REQUIREMENTS = Path(__file__).parent / "requirements-lint.txt"
# Left out: matters of taste, rules of one organisation's repositories, and checks that take
# Odoo's own wizards, controllers and methods without a result for mistakes.
OCA_LEFT_OUT = "xml-tag-position,prefer-readme-rst,weblate-component-too-long"
PYLINT_LEFT_OUT = (
    "manifest-required-author,missing-readme,no-wizard-in-models,method-required-super,missing-return,"
    "consider-merging-classes-inherited"
)
# What Odoo 19 ignores, warns of or has replaced, and pylint-odoo doesn't report.
OLD_FORMS = {
    ".py": re.compile(
        r"_sql_constraints|check_access_rights|check_access_rule|\.read_group\(|toggle_active"
        r"|\bgroups_id\b|osv\.expression|type=.json[^r]|_notify_progress|\._cr\b|\._uid\b"
        r"|\._context\b|odoo\.orm"
    ),
    ".xml": re.compile(r"<tree\b|\battrs=|\bstates=|\bt-esc\b|\bt-raw\b|\bgroups_id\b|kanban-box|oe_chatter"),
    ".js": re.compile(r"publicWidget|@odoo-module|\bt-esc\b"),
}


def run(tools: Tools, options: Namespace) -> int:
    """Run all checks and print what they find; return the exit status."""
    folder = python_environment.folder_for(REQUIREMENTS, None)
    python_environment.make(folder, REQUIREMENTS, None)
    with termination_is_interruption(), postgres.in_use() as server:
        lint = Lint(folder / "bin", workbench.assemble(tools, server), options.fix)
        checks = {
            "ruff format": lint.ruff_format,
            "ruff": lint.ruff,
            "pylint-odoo": lint.pylint,
            "Odoo's XML and CSV": lint.odoo_files,
            "old Odoo forms": lint.old_forms,
            "all tests imported": lint.tests_not_imported,
            "translations": lint.translations,
        }
        failed = [name for name, check in checks.items() if not passes(name, check)]
    print(f"Not in order: {', '.join(failed)}." if failed else "All in order.")
    return 1 if failed else 0


def passes(name: str, check: Callable[[], Iterable[str]]) -> bool:
    """Run one check, print its findings; return whether there are none."""
    print(f"{name} … ", end="", flush=True)
    findings = list(check())
    print("not in order:" if findings else "ok")
    for finding in findings:
        print(f"  {finding}")
    return not findings


class Lint:
    """The checks; each gives its findings, one line each. Some mend what they find if asked to."""

    def __init__(self, programs: Path, bench: Workbench, fix: bool) -> None:
        self.programs = programs
        self.bench = bench
        self.fix = fix
        self.addons = [folder.name for folder in addon_folders()]

    def ruff_format(self) -> Iterable[str]:
        """Compare the code with how ruff would lay it out."""
        mode = [] if self.fix else ["--check"]
        return self.program("ruff", "format", "--quiet", "--output-format=concise", *mode, ".")

    def ruff(self) -> Iterable[str]:
        """Find what ruff has against the code."""
        mode = ["--fix"] if self.fix else []
        return self.program("ruff", "check", "--quiet", "--output-format=concise", *mode, ".")

    def pylint(self) -> Iterable[str]:
        """Find what pylint-odoo has against the add-ons."""
        options = ["--load-plugins=pylint_odoo", "--valid-odoo-versions=19.0"]
        options += ["--disable=all", "--enable=odoolint", f"--disable={PYLINT_LEFT_OUT}"]
        options += ["--persistent=no", "--score=no"]
        return self.program("pylint", *options, *self.addons) if self.addons else ()

    def odoo_files(self) -> Iterable[str]:
        """Find malformed XML and CSV, and what Odoo's loader would stumble over."""
        disabled = f"--disable={OCA_LEFT_OUT}"
        program = "oca-checks-odoo-module"
        return self.program(program, disabled, *self.addons) if self.addons else ()

    def program(self, name: str, *arguments: str) -> list[str]:
        """Run one of the lint programs; return the lines of its complaint."""
        result = subprocess.run(
            [self.programs / name, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            preexec_fn=die_with_parent(),
        )
        lines = [line.rstrip() for line in result.stdout.splitlines() if line.strip()]
        return (lines or [f"{name} failed"]) if result.returncode else []

    def files(self, suffix: str) -> Iterator[Path]:
        """Give the add-ons' files with that ending, those of libraries left out."""
        for name in self.addons:
            for path in sorted((ROOT / name).rglob(f"*{suffix}")):
                if "lib" not in path.parts:
                    yield path

    def old_forms(self) -> Iterator[str]:
        """Find what Odoo 19 has left behind."""
        for suffix, pattern in OLD_FORMS.items():
            for path in self.files(suffix):
                for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
                    found = pattern.search(line)
                    # Only there can a test make a model of its own.
                    if found and not (found[0] == "odoo.orm" and "tests" in path.parts):
                        yield f"{path.relative_to(ROOT)}:{number}: {found[0]}"

    def tests_not_imported(self) -> Iterator[str]:
        """Find test modules that pytest runs and Odoo's own runner would not."""
        for name in self.addons:
            folder = ROOT / name / "tests"
            package = folder / "__init__.py"
            tree = ast.parse(package.read_text("utf-8") if package.exists() else "")
            imported = {
                alias.name
                for node in ast.walk(tree)
                if isinstance(node, ast.ImportFrom) and node.level == 1
                for alias in node.names
            }
            for path in sorted(folder.glob("test_*.py")):
                if path.stem not in imported:
                    yield f"{path.relative_to(ROOT)} is not imported in tests/__init__.py"

    def translations(self) -> Iterator[str]:
        """Compare the translation files with what the add-ons say."""
        if not self.addons:
            return
        database = f"gdpr_lint_{os.getpid()}"
        store = self.bench.databases
        template = store.make_template(databases.recipe(self.bench.source))
        store.copy(template, database)
        try:
            for addon in self.addons:
                exported = STATE / f"{addon}.pot"
                export(self.bench, database, addon, exported)
                folder = ROOT / addon / "i18n"
                if self.fix:
                    merge(exported, folder / f"{addon}.pot", sorted(folder.glob("*.po")))
                yield from faults_in_template(exported, folder / f"{addon}.pot")
                for path in sorted(folder.glob("*.po")):
                    yield from faults_in_translation(exported, path)
                exported.unlink()
        finally:
            store.drop(database)


def export(bench: Workbench, database: str, addon: str, target: Path) -> None:
    """Write all the terms of an add-on to ``target``; raise Problem when Odoo can't."""
    log = LOGS / "translations.log"
    with log.open("w") as output:
        result = subprocess.run(
            [bench.python, configuration.ODOO_LAUNCHER, "i18n", "export", "-d", database]
            + ["-l", "pot", "-o", target, addon],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=bench.environment(),
            preexec_fn=die_with_parent(),
        )
    if result.returncode or not target.exists():
        raise Problem(f"Odoo could not export the terms of {addon}; its log is {log}.")
