"""./dev demo: Odoo with the add-on and demo data, and a mailbox, until Ctrl-C."""

import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from argparse import Namespace

from tools import configuration, databases, pdf, postgres, workbench
from tools.lock import only_one
from tools.mailbox import LOOPBACK, Mailbox, is_free
from tools.places import LOGS, MAIL, ROOT, STATE, addon_names
from tools.problem import Problem
from tools.processes import die_with_parent, termination_is_interruption
from tools.progress import step
from tools.workbench import Tools, Workbench

LOGINS = {
    "admin": "the administrator",
    "officer": "the privacy officer",
    "sales": "a salesperson",
    "portal": "a contact with portal access",
}
START_SECONDS = 180


def run(tools: Tools, options: Namespace) -> int:
    """Run the demo; return the exit status."""
    require_free_ports(options.port, options.mail_port)
    pdf.prepare_if_possible()
    with termination_is_interruption(), postgres.in_use() as server:
        bench = workbench.assemble(tools, server)
        prepare_database(bench, options.db, options.port)
        # The ports may have been taken meanwhile: setting up takes minutes the first time.
        require_free_ports(options.port, options.mail_port)
        with Mailbox(MAIL, options.mail_port, options.mail_port + 1) as mailbox:
            odoo = start_odoo(bench, options.db, options.port, options.mail_port)
            try:
                wait_until_ready(odoo, options.port)
                print_welcome(options.port, mailbox)
                odoo.wait()
                raise Problem(f"Odoo has stopped by itself; its log is {LOGS / 'demo.log'}.")
            except KeyboardInterrupt:
                return 0
            finally:
                stop(odoo)


def require_free_ports(port: int, mail_port: int) -> None:
    """Raise Problem when a port that the demo needs is taken."""
    needs = ((port, "Odoo", "--port"), (mail_port, "the mailbox", "--mail-port"))
    needs += ((mail_port + 1, "the mailbox's web page", "--mail-port"),)
    for number, user, flag in needs:
        if not is_free(number):
            raise Problem(
                f"Port {number}, meant for {user}, is in use; stop what uses it or choose another with {flag}."
            )


def prepare_database(bench: Workbench, name: str, port: int) -> None:
    """Make the demo database, or bring it up to the add-ons' present files."""
    store = bench.databases
    digest = databases.addons_digest()
    if name not in store.names():
        template = store.make_template(databases.recipe(bench.source, demo=True))
        with step("database"):
            making = name + databases.MAKING
            store.copy(template, making)
            store.rename(making, name)
    elif store.digest(name) != digest:
        with only_one(STATE), step("addon") as progress:
            store.fill(name, progress, "--upgrade", addon_names(), "--install", addon_names(), "--demo")
            store.set_digest(name, digest)
    # Links in mails sent before anyone has logged in.
    store.execute(
        "UPDATE ir_config_parameter SET value = %s WHERE key = 'web.base.url'",
        values=(f"http://{LOOPBACK}:{port}",),
        database=name,
    )


def start_odoo(bench: Workbench, name: str, port: int, mail_port: int) -> subprocess.Popen:
    """Start Odoo on the demo database; what it says goes to a log."""
    command = [bench.python, configuration.ODOO_LAUNCHER, "server", "-d", name]
    command += [
        f"--db-filter=^{re.escape(name)}$",
        f"--http-port={port}",
        f"--smtp-port={mail_port}",
    ]
    command += ["--max-cron-threads=1"]
    LOGS.mkdir(parents=True, exist_ok=True)
    with (LOGS / "demo.log").open("w") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=ROOT,
            env=bench.environment(),
            # Ctrl-C reaches us only; we stop Odoo in good order.
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )


def wait_until_ready(odoo: subprocess.Popen, port: int) -> None:
    """Return when Odoo answers; raise Problem when it stops or doesn't answer in time."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if odoo.poll() is not None:
            raise Problem(f"Odoo did not start; its log says why: {LOGS / 'demo.log'}.")
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/web/login", timeout=60) as page:
                if page.status == 200:
                    return
        except urllib.error.HTTPError as error:
            raise Problem(
                f"Odoo's login page fails with status {error.code}; its log says why: {LOGS / 'demo.log'}."
            ) from error
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.3)
    raise Problem(f"Odoo did not answer in {START_SECONDS} s; its log is {LOGS / 'demo.log'}.")


def print_welcome(port: int, mailbox: Mailbox) -> None:
    """Say where everything is."""
    logins = "\n".join(f"    {name:<9}{meaning}" for name, meaning in LOGINS.items())
    print(
        f"""
Odoo       http://{LOOPBACK}:{port}/odoo
Logins     (the password is the same word)
{logins}
Mail       {mailbox.address}  (files: {MAIL})
Log        {LOGS / "demo.log"}

Ctrl-C stops it; the next ./dev demo goes on with the same data.
""",
        flush=True,
    )


def stop(odoo: subprocess.Popen) -> None:
    """Stop Odoo, in good order if it will."""
    print("Stopping …", flush=True)
    odoo.terminate()
    try:
        odoo.wait(20)
    except subprocess.TimeoutExpired:
        odoo.kill()
        odoo.wait()
