"""Finds a program that the system provides, or installs Debian's package of it."""

import os
import shutil
import subprocess
from dataclasses import dataclass

from tools.places import LOGS
from tools.problem import Problem
from tools.progress import step


@dataclass(frozen=True)
class Program:
    """A program: its name and Debian package, the names it may go by, the name of its step, and what to tell.

    ``need`` says who needs it, ``advice`` what to do where it can't be installed.
    """

    name: str
    package: str
    commands: tuple[str, ...]
    step: str
    need: str
    advice: str


def find(program: Program) -> str | None:
    """Return the path of the program, if there is one."""
    return next(filter(None, map(shutil.which, program.commands)), None)


def prepare(program: Program) -> str:
    """Return the path of the program, installing Debian's package if there is none.

    Raises Problem when it can't be installed.
    """
    found = find(program)
    if found:
        return found
    if not shutil.which("apt-get"):
        raise Problem(f"{program.need} and this machine has none; {program.advice}")
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if as_root and subprocess.run(["sh", "-c", "sudo -n true"], capture_output=True).returncode:
        raise Problem(f"{program.need} and only root may install it; {program.advice}")
    with step(program.step):
        install(program, as_root)
    found = find(program)
    if not found:
        raise Problem(f"{program.name} could not be installed (see {log_of(program)}); {program.advice}")
    return found


def log_of(program: Program) -> str:
    """Return where what apt says is kept."""
    return str(LOGS / f"{program.package}.log")


def install(program: Program, as_root: list[str]) -> None:
    """Install Debian's package; what apt says goes to a log."""
    LOGS.mkdir(parents=True, exist_ok=True)
    apt = [
        *as_root,
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "-o",
        "DPkg::Lock::Timeout=300",
    ]
    with open(log_of(program), "w") as log:
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", program.package]):
            subprocess.run([*apt, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
