"""./dev odoo, ./dev env and ./dev db: Odoo for your own use. They leave the server running."""

import os
import shlex
from argparse import ArgumentParser, Namespace
from typing import NoReturn

from tools import databases, postgres, workbench
from tools.workbench import Tools


def run_odoo(tools: Tools, options: Namespace, arguments: list[str]) -> NoReturn:
    """Become Odoo's own command line, with the project's configuration."""
    bench = workbench.assemble(tools, postgres.prepare(keep=True))
    name = database_named_in(arguments)
    if name and {"-i", "--init"} & set(arguments):
        bench.databases.create(name)
    environment = bench.environment()
    os.execve(tools.python, [str(tools.python), environment["ODOO_BIN"], *arguments], environment)


def database_named_in(arguments: list[str]) -> str | None:
    """Return the database that Odoo's arguments name, if they do."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("-d", "--database")
    return parser.parse_known_args(arguments)[0].database


def print_environment(tools: Tools, options: Namespace) -> int:
    """Print what a shell needs to run Odoo and PostgreSQL's clients by hand."""
    bench = workbench.assemble(tools, postgres.prepare(keep=True))
    for name, value in bench.variables().items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def make_database(tools: Tools, options: Namespace) -> int:
    """Make a database from a template."""
    bench = workbench.assemble(tools, postgres.prepare(keep=True))
    modules = [name for name in options.modules.split(",") if name]
    recipe = databases.recipe(tools.source, modules, options.demo)
    template = bench.databases.make_template(recipe, options.bare)
    bench.databases.copy(template, options.name)
    print(f"The database {options.name} is ready.")
    return 0
