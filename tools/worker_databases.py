"""A pytest plugin: each of several processes that share the tests has a database and files of its own.

pytest-odoo copies the database for each, but lets them share the folder of its files: one test would find, or remove,
what another one of the same moment has put there.
"""

import os
from contextlib import contextmanager

import pytest_odoo

import odoo

from tools.databases import name_for_worker


@contextmanager
def use_own_database():
    """Let this process use its copy; give its name."""
    database = odoo.tools.config["db_name"][0]
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        database = name_for_worker(database, worker)
        odoo.tools.config["db_name"] = [database]
        odoo.tools.config["dbfilter"] = f"^{database}$"
    yield database


def pytest_configure():
    """Put it in place of what pytest-odoo does."""
    pytest_odoo._worker_db_name = use_own_database
