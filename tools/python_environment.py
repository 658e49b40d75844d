"""Makes the virtual environment that runs Odoo, the tests and the rest of these tools."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.lock import only_one
from tools.odoo_source import OdooSource
from tools.places import CACHE, LOGS, STATE, require_free_space
from tools.problem import Problem
from tools.processes import die_with_parent
from tools.progress import step

REQUIREMENTS = Path(__file__).parent / "requirements.txt"
LINK = STATE / "venv"


def folder_for(requirements: Path, source: OdooSource | None) -> Path:
    """Return where the environment for these requirements and this Odoo belongs.

    It is in the cache, so that another checkout with the same needs shares it.
    """
    needs = hashlib.sha256(requirements.read_bytes())
    needs.update(f"{sys.version_info[:2]} {sys.base_prefix} {source}".encode())
    return CACHE / f"python-{needs.hexdigest()[:16]}"


def prepare(source: OdooSource) -> Path:
    """Make the environment unless it is there; return its Python.

    Raises Problem when it can't be made.
    """
    folder = folder_for(REQUIREMENTS, source)
    make(folder, REQUIREMENTS, source)
    if not LINK.is_symlink() or LINK.readlink() != folder:
        LINK.parent.mkdir(exist_ok=True)
        LINK.unlink(missing_ok=True)
        LINK.symlink_to(folder)
    return folder / "bin" / "python"


def make(folder: Path, requirements: Path, source: OdooSource | None) -> None:
    """Make ``folder`` an environment with the requirements, Odoo on its path if one is given.

    A file named ``complete`` is written last: a folder without it is an interrupted one and is
    made anew. Raises Problem when that fails.
    """
    complete = folder / "complete"
    if complete.exists():
        return
    with only_one(CACHE):
        if complete.exists():
            return
        require_free_space(CACHE, 2)
        with step("packages") as progress:
            shutil.rmtree(folder, ignore_errors=True)
            progress.update("making the environment")
            create_empty(folder)
            progress.update("downloading")
            install(folder, requirements)
            if source:
                path_file = next(folder.glob("lib/python3*/site-packages")) / "odoo.pth"
                path_file.write_text(f"{source.python_path}\n")
        complete.touch()


def create_empty(folder: Path) -> None:
    """Make an empty virtual environment, getting Debian's python3-venv first if it is missing.

    Raises Problem when it can't be made.
    """
    command = [sys.executable, "-m", "venv", str(folder)]
    if subprocess.run(command, capture_output=True).returncode == 0:
        return
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    if shutil.which("apt-get") and os.geteuid() == 0:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", version]):
            subprocess.run(["apt-get", *arguments], capture_output=True, env=environment)
        shutil.rmtree(folder, ignore_errors=True)
        if subprocess.run(command, capture_output=True).returncode == 0:
            return
    raise Problem(
        f"Python can't make a virtual environment here; install {version} "
        f"(on Debian: apt install {version}) and run it again."
    )


def install(folder: Path, requirements: Path) -> None:
    """Install the requirements with pip; raise Problem, with pip's complaint, when that fails."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / "pip.log"
    with log.open("w") as output:
        result = subprocess.run(
            [folder / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check"]
            + ["--no-input", "--quiet", "-r", requirements],
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent(),
        )
    if result.returncode:
        errors = [line for line in log.read_text().splitlines() if line.startswith("ERROR")]
        raise Problem(
            f"The Python packages could not be installed ({(errors or ['see the log'])[0]}); "
            f"check the network and run it again. The whole story is in {log}."
        )


def enter(python: Path) -> None:
    """Go on inside the environment: replace this process by the same command run by its Python.

    Returns only when this already is that Python.
    """
    if Path(sys.prefix) == python.parent.parent:
        return
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    os.execve(python, [str(python), "-m", "tools", *sys.argv[1:]], environment)
