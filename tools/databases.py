"""Databases: copies of cached templates, each template made once.

A template comes in two layers. The base holds Odoo's own apps and is made once; the other is a copy
of the base with this checkout's add-ons installed, and is made anew when their files change.
A database's comment says which checkout made it and the digest of the add-ons installed in it.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2 import sql

from tools.lock import only_one
from tools.odoo_source import OdooSource
from tools.places import (
    DATA,
    LOGS,
    ODOO_CONFIGURATION,
    ROOT,
    STATE,
    addon_folders,
    addon_names,
    require_free_space,
)
from tools.postgres import Server
from tools.problem import Problem
from tools.processes import log_lines
from tools.progress import Step, step

BASE_MODULES = ("crm", "website", "contacts", "mass_mailing", "account", "purchase")
DEMO_LANGUAGES = "it_IT"
MAKING = "_making"
TEMPLATE_PREFIX = "gdpr_template"
OURS = f"made by {ROOT}/dev, add-ons: "
# Files of an add-on that don't change what is installed.
NOT_INSTALLED = re.compile(r"(^|/)(tests/[^/]*\.py|docs/.*|.*\.md|.*\.pyc|i18n/.*\.pot|\..*)$")
COMPLAINT_LINES = 6
LOADING = re.compile(r"odoo\.modules\.loading: Loading module (\w+) \((\d+)/(\d+)\)")


@dataclass(frozen=True)
class Recipe:
    """What a template holds besides the add-ons of this checkout."""

    modules: tuple[str, ...]
    demo: bool
    odoo: str

    @property
    def base(self) -> str:
        """The name of the base layer."""
        words = f"{self.modules} {self.demo} {self.odoo} {ROOT}"
        return f"{TEMPLATE_PREFIX}_base_{hashlib.sha256(words.encode()).hexdigest()[:10]}"

    @property
    def addon(self) -> str:
        """The name of the layer with the add-ons, without the digest of their files."""
        return self.base.replace("_base_", "_addon_")


def name_for_worker(database: str, worker: str) -> str:
    """Return the name of the copy that one of several test processes uses."""
    return f"{database}_{worker}"


def recipe(source: OdooSource, modules: Iterable[str] = (), demo: bool = False) -> Recipe:
    """Return the recipe for our usual apps and the given ones."""
    return Recipe(tuple(sorted({*BASE_MODULES, *modules})), demo, source.identity)


def addons_digest(folders: Iterable[Path] | None = None) -> str:
    """Return a digest of all files of the add-ons that have a part in what is installed."""
    digest = hashlib.sha256()
    for folder in addon_folders() if folders is None else folders:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder.parent).as_posix()
            if path.is_file() and not NOT_INSTALLED.search(name):
                digest.update(f"{name}\0{path.stat().st_size}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


class Databases:
    """The databases of one server, with their filestores."""

    def __init__(self, server: Server, python: Path) -> None:
        self.server = server
        self.python = python

    def execute(self, statement: str, *names: str, values: tuple = (), database: str = "postgres") -> list[tuple]:
        """Run one statement, outside a transaction; ``names`` fill its ``{}``.

        Returns the rows, if it gives any. Raises Problem when the server can't be reached or
        refuses.
        """
        try:
            connection = psycopg2.connect(
                dbname=database,
                host=self.server.host,
                port=self.server.port,
                user=self.server.user,
                password=self.server.password,
            )
        except psycopg2.OperationalError as error:
            raise Problem(
                f"The database server does not answer ({str(error).strip().splitlines()[0]}); "
                "check DATABASE_URL, or run ./dev reset for a fresh start."
            ) from error
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                query = sql.SQL(statement).format(*map(sql.Identifier, names))
                cursor.execute(query, values or None)
                return cursor.fetchall() if cursor.description else []
        except psycopg2.Error as error:
            reason = str(error).strip().splitlines()[0]
            raise Problem(f"The database server refused: {reason}.") from error
        finally:
            connection.close()

    def names(self) -> set[str]:
        """Return the names of all databases."""
        return {name for (name,) in self.execute("SELECT datname FROM pg_database")}

    def comments(self) -> dict[str, str]:
        """Return the comment of each database that has one."""
        return dict(
            self.execute(
                "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database"
                " WHERE shobj_description(oid, 'pg_database') IS NOT NULL"
            )
        )

    def made_here(self) -> list[str]:
        """Return the names of the databases that this checkout has made."""
        return [name for name, comment in self.comments().items() if comment.startswith(OURS)]

    def digest(self, name: str) -> str:
        """Return the digest of the add-ons that a database was last filled with, if any."""
        return self.comments().get(name, "").removeprefix(OURS)

    def set_digest(self, name: str, digest: str) -> None:
        """Note the digest of the add-ons in a database, and that it is ours."""
        self.execute("COMMENT ON DATABASE {} IS %s", name, values=(OURS + digest,))

    def create(self, name: str) -> None:
        """Create an empty database as Odoo wants it, unless it exists."""
        if name not in self.names():
            self.execute(
                "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'",
                name,
            )
            self.set_digest(name, "")

    def drop(self, name: str) -> None:
        """Remove a database and its files, if they exist, whoever is connected."""
        self.execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        shutil.rmtree(filestore(name), ignore_errors=True)

    def copy(self, original: str, name: str) -> None:
        """Make ``name`` a copy of ``original``, replacing what it was."""
        self.drop(name)
        if filestore(original).exists():
            shutil.copytree(filestore(original), filestore(name), copy_function=link_or_copy)
        self.execute("CREATE DATABASE {} TEMPLATE {}", name, original)
        self.set_digest(name, self.digest(original))

    def rename(self, name: str, new_name: str) -> None:
        """Rename a database; its files first, so that one that has its name is whole."""
        shutil.rmtree(filestore(new_name), ignore_errors=True)
        if filestore(name).exists():
            filestore(name).rename(filestore(new_name))
        self.execute("ALTER DATABASE {} RENAME TO {}", name, new_name)

    def fill(self, name: str, progress: Step, *arguments: str) -> None:
        """Run fill_database.py on a database; raise Problem when Odoo complains."""
        log = LOGS / f"{name}.log"
        command = [self.python, ROOT / "tools" / "fill_database.py", "--database", name]
        command += ["--config", ODOO_CONFIGURATION, *arguments]

        def tell(line: str) -> None:
            loading = LOADING.search(line)
            if loading:
                progress.update(f"{loading[1]}, {loading[2]} of {loading[3]}")
            elif "Pregenerating assets" in line:
                progress.update("scripts and styles")

        if log_lines(command, log, tell):
            complaint = complaint_in(log.read_text(errors="replace"))
            raise Problem(f"Odoo could not fill the database: {complaint}\nThe whole log: {log}")

    def make_template(self, wanted: Recipe, bare: bool = False) -> str:
        """Return the template for a recipe, making the layers it lacks.

        It has the add-ons unless it is to be ``bare`` or there are none.
        """
        digest = addons_digest()
        name = wanted.base if bare or not addon_folders() else f"{wanted.addon}_{digest}"
        if name in self.names():
            return name
        with only_one(STATE):
            for leftover in self.names():
                if leftover.startswith(TEMPLATE_PREFIX) and leftover.endswith(MAKING):
                    self.drop(leftover)
            if wanted.base not in self.names():
                require_free_space(STATE, 2)
                with step("base") as progress:
                    self.make_base(wanted, progress)
            if name not in self.names():
                with step("addon") as progress:
                    self.make_addon(wanted, name, digest, progress)
        return name

    def make_base(self, wanted: Recipe, progress: Step) -> None:
        """Make the base layer of a recipe."""
        making = wanted.base + MAKING
        self.create(making)
        # The mail that Odoo's own demo data leaves behind would only hide ours.
        demo = ["--demo", "--languages", DEMO_LANGUAGES, "--empty-mail-queue"] if wanted.demo else []
        self.fill(making, progress, "--install", ",".join(wanted.modules), *demo)
        self.rename(making, wanted.base)

    def make_addon(self, wanted: Recipe, name: str, digest: str, progress: Step) -> None:
        """Make the layer with the add-ons, and drop those made from older files."""
        making = wanted.addon + MAKING
        self.copy(wanted.base, making)
        demo = ["--demo"] if wanted.demo else []
        self.fill(making, progress, "--install", addon_names(), *demo)
        for old in self.names():
            if old.startswith(wanted.addon) and old != making:
                self.drop(old)
        self.set_digest(making, digest)
        self.rename(making, name)


def filestore(name: str) -> Path:
    """Return the folder of a database's files."""
    return DATA / "filestore" / name


def complaint_in(log: str) -> str:
    """Return the error that a log ends with: what follows its last traceback, or its last line."""
    lines = log.splitlines()
    tracebacks = [number for number, line in enumerate(lines) if line.startswith("Traceback")]
    if not tracebacks:
        return lines[-1] if lines else "it said nothing."
    after = [line for line in lines[tracebacks[-1] + 1 :] if line.strip() and not line.startswith("  ")]
    return "\n".join(after[:COMPLAINT_LINES])


def link_or_copy(original: str, copy: str) -> None:
    """Make ``copy`` another name of the file ``original``, or a copy where that isn't possible.

    Odoo never changes a file of its store, it only adds and removes them.
    """
    try:
        os.link(original, copy)
    except OSError:
        shutil.copy2(original, copy)
