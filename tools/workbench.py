"""Everything a command works with, made ready: Odoo, its Python, the server, the configuration."""

import os
from dataclasses import dataclass
from pathlib import Path

from tools import configuration
from tools.databases import Databases
from tools.odoo_source import OdooSource
from tools.postgres import Server


@dataclass(frozen=True)
class Tools:
    """What runs Odoo; there before any server runs."""

    source: OdooSource
    python: Path


@dataclass(frozen=True)
class Workbench(Tools):
    """The tools with a running database server."""

    server: Server
    databases: Databases

    def variables(self) -> dict[str, str]:
        """Return the variables that ``./dev env`` prints."""
        return {
            "ODOO_BIN": str(configuration.ODOO_LAUNCHER),
            "ODOO_PYTHON": str(self.python),
            "ODOO_CONF": str(configuration.ODOO_CONFIGURATION),
            "ODOO_ADDONS_PATH": configuration.addons_path(self.source),
            **self.server.environment(),
        }

    def environment(self) -> dict[str, str]:
        """Return the environment for a program that uses Odoo."""
        return {**os.environ, **self.variables(), "ODOO_RC": str(configuration.ODOO_CONFIGURATION)}


def assemble(tools: Tools, server: Server) -> Workbench:
    """Add a running server to the tools and write Odoo's configuration for it."""
    configuration.write(tools.source, server, tools.python)
    return Workbench(tools.source, tools.python, server, Databases(server, tools.python))
