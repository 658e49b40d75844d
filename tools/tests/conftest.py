"""What the tests with real processes share: a database server that may crash, and a mail server that is slow."""

import os
import subprocess

import pytest

from tools.places import ROOT
from tools.tests.real_servers import Database, MailServer

# So slow that there is time to pull a plug.
SECONDS_A_MESSAGE = 0.02


@pytest.fixture(scope="module")
def database():
    """Give a PostgreSQL server of the test's own, with the add-on installed."""
    name = f"gdpr_survival_{os.getpid()}"
    subprocess.run([ROOT / "dev", "db", name], check=True, capture_output=True)
    own = Database()
    try:
        own.fill(name)
        subprocess.run([ROOT / "dev", "odoo", "db", "drop", name], check=True, capture_output=True)
        yield own
    finally:
        own.remove()


@pytest.fixture
def mail():
    """Give a mail server."""
    server = MailServer(SECONDS_A_MESSAGE)
    server.start()
    yield server
    server.stop()
