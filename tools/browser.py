"""Finds the browser for the browser tests, or installs it."""

import os
import shutil
import subprocess

from tools.places import LOGS
from tools.problem import Problem
from tools.progress import step

# The names under which Odoo's own browser tests look for it.
NAMES = ("google-chrome", "chromium", "chromium-browser", "google-chrome-stable")


def find() -> str | None:
    """Return the path of the browser, if there is one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def prepare() -> str:
    """Return the path of the browser, installing Debian's Chromium if there is none.

    Raises Problem when it can't be installed.
    """
    found = find()
    if found:
        return found
    advice = "install Chromium (on Debian: apt install chromium) or leave these tests out: --no-browser."
    if not shutil.which("apt-get"):
        raise Problem(f"The browser tests need Chromium and this machine has none; {advice}")
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if as_root and subprocess.run(["sh", "-c", "sudo -n true"], capture_output=True).returncode:
        raise Problem(f"The browser tests need Chromium and only root may install it; {advice}")
    with step("browser"):
        install(as_root)
    found = find()
    if not found:
        raise Problem(f"Chromium could not be installed (see {LOGS / 'chromium.log'}); {advice}")
    return found


def install(as_root: list[str]) -> None:
    """Install Debian's Chromium; what apt says goes to a log."""
    LOGS.mkdir(parents=True, exist_ok=True)
    apt = [
        *as_root,
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "-o",
        "DPkg::Lock::Timeout=300",
    ]
    with (LOGS / "chromium.log").open("w") as log:
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
            subprocess.run([*apt, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
