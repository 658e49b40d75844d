"""The command line of ./dev."""

import argparse
import errno
import importlib
import sys
from dataclasses import dataclass, field

from tools import odoo_source, postgres, python_environment, reset
from tools.places import HTTP_PORT, MAIL_PORT
from tools.problem import Problem
from tools.processes import termination_is_interruption


@dataclass(frozen=True)
class Command:
    """One command: what it does, where its code is, its options in the words of argparse.

    ``module`` is imported when the command runs: it may need packages of the virtual environment.
    """

    summary: str
    module: str
    function: str = "run"
    options: dict[str, dict] = field(default_factory=dict)
    # Whether arguments that aren't its own go on to another program.
    passes_on: bool = False


COMMANDS = {
    "demo": Command(
        "run Odoo with the add-on and demo data, and a mailbox",
        "demo",
        options={
            "--port": {"type": int, "default": HTTP_PORT, "help": f"of Odoo ({HTTP_PORT})"},
            "--mail-port": {
                "type": int,
                "default": MAIL_PORT,
                "help": f"of the mailbox ({MAIL_PORT}); the next one is its web page",
            },
            "--db": {"default": "demo", "metavar": "NAME", "help": "the database (demo)"},
        },
    ),
    "test": Command(
        "run all tests; arguments go on to pytest",
        "suite",
        options={"--no-browser": {"action": "store_true", "help": "without the browser tests"}},
        passes_on=True,
    ),
    "odoo": Command(
        "Odoo's own command line, e.g. ./dev odoo shell -d NAME",
        "odoo_commands",
        "run_odoo",
        passes_on=True,
    ),
    "env": Command("print what a shell needs to run Odoo by hand", "odoo_commands", "print_environment"),
    "db": Command(
        "make a database with the add-on in seconds, replacing the one of that name",
        "odoo_commands",
        "make_database",
        options={
            "name": {"metavar": "NAME", "help": "the database to make"},
            "--demo": {"action": "store_true", "help": "with demo data"},
            "--modules": {"default": "", "metavar": "A,B", "help": "more modules to install"},
            "--bare": {"action": "store_true", "help": "Odoo's own apps only, no add-on"},
        },
    ),
    "bench": Command(
        "run the benchmarks; after NAME, sizes",
        "bench",
        options={"name": {"nargs": "?", "metavar": "NAME", "help": "bench/bench_NAME.py (all)"}},
        passes_on=True,
    ),
    "compare": Command(
        "run Odoo's own tests without the add-ons and with them, and say what differs",
        "compare",
        options={
            "tags": {
                "nargs": "*",
                "metavar": "TAG",
                "help": "as Odoo's --test-tags wants them, e.g. /crm or /mail:TestMailTemplate (all apps we build on)",
            },
            "--browser": {"action": "store_true", "help": "the tests that need a browser as well (long)"},
        },
    ),
    "lint": Command(
        "check the code, the XML and the translations",
        "lint",
        options={"--fix": {"action": "store_true", "help": "mend what can be mended"}},
    ),
    "reset": Command(
        "remove what the other commands made",
        "reset",
        "run_on_given_server",
        options={"--cache": {"action": "store_true", "help": "the downloads as well"}},
    ),
}
HELP = ("help", "--help", "-h")


def usage() -> str:
    """Return the list of commands."""
    lines = [f"  {name:<8}{command.summary}" for name, command in COMMANDS.items()]
    return "Usage: ./dev COMMAND\n\n" + "\n".join(lines) + "\n\n./dev COMMAND --help says more."


def parse(name: str, arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Return a command's options and the arguments that go on to another program.

    Ends the process, with a message, where the arguments make no sense.
    """
    command = COMMANDS[name]
    if command.passes_on and not command.options:
        return argparse.Namespace(), arguments
    parser = argparse.ArgumentParser(prog=f"./dev {name}", description=command.summary, allow_abbrev=False)
    for flag, words in command.options.items():
        parser.add_argument(flag, **words)
    if command.passes_on:
        return parser.parse_known_args(arguments)
    return parser.parse_args(arguments), []


def main(arguments: list[str]) -> int:
    """Run one command; return its exit status."""
    name, *rest = arguments or ["help"]
    if name in HELP:
        print(usage())
        return 0
    if name not in COMMANDS:
        print(f"dev: there is no command {name}.\n\n{usage()}", file=sys.stderr)
        return 2
    options, passed_on = parse(name, rest)
    try:
        return carry_out(name, options, passed_on)
    except Problem as problem:
        print(f"dev: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print("dev: the disk is full; make room and run it again.", file=sys.stderr)
        return 1


def carry_out(name: str, options: argparse.Namespace, passed_on: list[str]) -> int:
    """Make ready what the command needs, then run it; return its exit status."""
    # Without a server of the user's own, resetting must not set up anything first.
    if name == "reset" and not postgres.given_server():
        return reset.run(options)
    with termination_is_interruption():
        source = odoo_source.prepare()
        python = python_environment.prepare(source)
    python_environment.enter(python)

    from tools.workbench import Tools

    command = COMMANDS[name]
    run = getattr(importlib.import_module(f"tools.{command.module}"), command.function)
    tools = Tools(source, python)
    return run(tools, options, passed_on) if command.passes_on else run(tools, options)
