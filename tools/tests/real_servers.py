"""Real processes that a test may kill: a PostgreSQL server of its own, Odoo servers, a mail server."""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

from aiosmtpd.controller import Controller

from tools import postgres
from tools.places import ROOT
from tools.processes import free_port

PATIENCE_SECONDS = 120


def wait_until(holds, seconds: float = PATIENCE_SECONDS, what: str = "it"):
    """Wait until ``holds()`` gives something true, and return that; fail after so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := holds():
            return result
        time.sleep(0.1)
    raise AssertionError(f"After {seconds} seconds {what} hasn't happened.")


class Database:
    """A PostgreSQL server of the test's own, with a copy of one database of the server in use.

    It writes through to the disk, as a server in production does.
    """

    NAME = "survival"

    def __init__(self) -> None:
        # Short, and open to the account that has to run the server.
        self.folder = Path(tempfile.mkdtemp(prefix="gdpr-", dir="/tmp"))
        self.data = self.folder / "data"
        self.environment = {**os.environ, "PGHOST": str(self.folder), "PGPORT": "5432", "PGUSER": postgres.ROLE}
        self.environment.pop("PGPASSWORD", None)
        if os.geteuid() == 0:
            os.chown(self.folder, postgres.account()["user"], postgres.account()["group"])
        self._run(
            "initdb", "--pgdata", self.data, "--username", postgres.ROLE, "--encoding", "UTF8", "--locale", "C",
            "--auth", "trust", "--no-instructions",
        )  # fmt: skip
        self.start()

    def _run(self, *command):
        result = postgres.run(*command)
        assert not result.returncode, result.stdout

    def start(self) -> None:
        """Start the server."""
        settings = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c max_connections=60"
        self._run(
            "pg_ctl", "start", "--wait", "--pgdata", self.data, "--log", self.folder / "log", "--options", settings
        )

    def crash(self) -> None:
        """Stop the server at once, without letting anybody finish."""
        self._run("pg_ctl", "stop", "--wait", "--mode", "immediate", "--pgdata", self.data)

    def fill(self, original: str) -> None:
        """Copy a database of the server in use."""
        dump = self.folder / "dump"
        programs = postgres.programs()
        subprocess.run(
            [programs / "pg_dump", "--format=custom", "--compress=0", f"--file={dump}", original], check=True
        )
        subprocess.run([programs / "createdb", self.NAME], env=self.environment, check=True)
        subprocess.run(
            [programs / "pg_restore", "--no-owner", "--jobs=2", f"--dbname={self.NAME}", dump],
            env=self.environment,
            check=True,
        )
        dump.unlink()

    def query(self, statement: str, database: str = NAME) -> list[list[str]]:
        """Run a statement; return its rows, as texts."""
        result = subprocess.run(
            [
                postgres.programs() / "psql",
                "--no-align",
                "--tuples-only",
                "--field-separator=\t",
                "-c",
                statement,
                database,
            ],
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return [line.split("\t") for line in result.stdout.splitlines() if line]

    def wake(self, names: str, module: str = "gdpr_consent") -> None:
        """Have scheduled actions called, those that don't run.

        They are those of a module whose external ids match a pattern of ``LIKE``.
        """
        self.query(
            "UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC' WHERE id IN (SELECT id FROM ir_cron WHERE id IN"
            f" (SELECT res_id FROM ir_model_data WHERE module = '{module}' AND name LIKE '{names}'"
            "  AND model = 'ir.cron') FOR NO KEY UPDATE SKIP LOCKED)"
        )
        self.query(f"NOTIFY cron_trigger, '{self.NAME}'", "postgres")

    def remove(self) -> None:
        """Stop the server and remove all of it."""
        with contextlib.suppress(AssertionError):
            self.crash()
        shutil.rmtree(self.folder, ignore_errors=True)


class MailServer:
    """Takes mail, slowly if wanted, and remembers for whom."""

    def __init__(self, seconds_a_message: float = 0.0) -> None:
        self.port = free_port()
        self.seconds_a_message = seconds_a_message
        self.received: Counter[str] = Counter()
        self.goes_silent_at: int | None = None
        self._controller = None

    async def handle_DATA(self, _server, _session, envelope) -> str:
        """Take a message (the method name is aiosmtpd's)."""
        await asyncio.sleep(self.seconds_a_message / 2)
        self.received.update(envelope.rcpt_tos)
        if self.received.total() == self.goes_silent_at:
            # Taken, but who gave it never learns.
            await asyncio.sleep(PATIENCE_SECONDS)
        await asyncio.sleep(self.seconds_a_message / 2)
        return "250 Kept"

    def start(self) -> None:
        """Begin to listen."""
        logging.getLogger("mail.log").setLevel(logging.WARNING)
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def stop(self) -> None:
        """Go away, whatever is being said."""
        if self._controller:
            self._controller.stop()
            self._controller = None


class OdooServer:
    """An Odoo server as in production: a process for pages, and two for scheduled actions."""

    def __init__(self, database: Database, mail: MailServer) -> None:
        self._environment = database.environment
        self.port = free_port()
        self._command = [
            os.environ["ODOO_PYTHON"], os.environ["ODOO_BIN"], "-c", os.environ["ODOO_CONF"],
            "-d", Database.NAME, "--db_host", str(database.folder), "--db_port", "5432",
            "--http-port", str(self.port), "--gevent-port", str(free_port()),
            "--smtp", "127.0.0.1", "--smtp-port", str(mail.port),
            "--workers", "1", "--max-cron-threads", "2", "--logfile", str(database.folder / "odoo.log"),
        ]  # fmt: skip
        self.start()

    def start(self) -> None:
        """Start it."""
        self._process = subprocess.Popen(self._command, env=self._environment, start_new_session=True)

    def has_ended(self) -> bool:
        """Tell whether it has ended by itself."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """Kill all its processes as ``kill -9`` does."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """Let it end what it does."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()


def run_shell(database: Database, script: str) -> str:
    """Run a script in Odoo's shell; return what it printed."""
    result = subprocess.run(
        [
            os.environ["ODOO_PYTHON"], os.environ["ODOO_BIN"], "shell", "-c", os.environ["ODOO_CONF"],
            "-d", Database.NAME, "--db_host", str(database.folder), "--db_port", "5432",
            "--log-level=error", "--no-http",
        ],
        input=script,
        env=database.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    assert not result.returncode, result.stderr
    assert "Traceback" not in result.stderr, result.stderr
    return result.stdout
