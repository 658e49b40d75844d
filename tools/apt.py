"""Downloads Debian packages without root and without touching the machine's own apt set-up."""

import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from tools.problem import Problem
from tools.processes import die_with_parent

KEYRINGS = (
    "/usr/share/keyrings/debian-archive-keyring.pgp",
    "/usr/share/keyrings/debian-archive-keyring.gpg",
)
NO_ARCHIVE = (
    "Odoo 19 could not be found in a Debian archive ({reason}); check the network, or get the "
    "Odoo 19 source yourself and set ODOO_PATH to its folder."
)


def is_available() -> bool:
    """Return whether this machine has what downloading and unpacking Debian packages takes."""
    return all(map(shutil.which, ("apt-get", "apt-cache", "dpkg-deb", "tar")))


def archives() -> list[tuple[str, str]]:
    """Return (URI, suite) of the machine's main package archives, or of all if none is a main one."""
    result = subprocess.run(
        ["apt-get", "indextargets", "--no-release-info"]
        + ["--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Identifier: Packages"],
        capture_output=True,
        text=True,
    )
    found = dict.fromkeys(
        (uri, suite) for uri, suite, component in map(str.split, result.stdout.splitlines()) if component == "main"
    )
    # Suites with a dash are additions to a main one: bookworm-updates, bookworm-security.
    return [archive for archive in found if "-" not in archive[1]] or list(found)


class PrivateApt:
    """An apt of our own in a folder, reading the machine's mirror with the suites we ask for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sources = folder / "sources.list"
        for needed in ("lists/partial", "cache/archives/partial"):
            (folder / needed).mkdir(parents=True, exist_ok=True)

    def run(self, program: str, *arguments: str, folder: Path | None = None) -> str:
        """Run apt-get or apt-cache; return what it printed.

        Raises CalledProcessError, with apt's words in ``stderr``.
        """
        options = {
            "Dir::Etc::sourcelist": self.sources,
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::State::Lists": self.folder / "lists",
            "Dir::Cache": self.folder / "cache",
            "APT::Sandbox::User": "root",
            "APT::Update::Error-Mode": "any",
            "Acquire::Languages": "none",
            "Acquire::Retries": "1",
            "Acquire::http::Timeout": "20",
        }
        flags = [flag for name, value in options.items() for flag in ("-o", f"{name}={value}")]
        result = subprocess.run(
            [program, *flags, *arguments],
            check=True,
            capture_output=True,
            text=True,
            cwd=folder or self.folder,
            preexec_fn=die_with_parent(),
        )
        return result.stdout

    def read_lists(self, uri: str, suites: Iterable[str], keyring: str | None) -> None:
        """Fetch the package lists of ``suites`` at ``uri``."""
        option = f"[signed-by={keyring}] " if keyring else ""
        lines = [f"deb {option}{uri} {suite} main\n" for suite in suites]
        self.sources.write_text("".join(lines))
        self.run("apt-get", "update")

    def offers(self, packages: Iterable[str]) -> list[tuple[str, str, str]]:
        """Return (package, version, suite) of everything on offer."""
        listed = self.run("apt-cache", "madison", *packages)
        rows = [[cell.strip() for cell in line.split("|")] for line in listed.splitlines()]
        return [(name, version, place.split()[1].split("/")[0]) for name, version, place in rows]


def reason_of(error: subprocess.CalledProcessError) -> str:
    """Return the first complaint of apt, or what little is known."""
    complaints = [line for line in error.stderr.splitlines() if line.startswith("E: ")]
    return complaints[0][3:] if complaints else f"apt ended with status {error.returncode}"


def open_archive(folder: Path, wanted_suites: list[str], needed: str) -> tuple[PrivateApt, list]:
    """Find an archive of the machine that offers the package ``needed``.

    Returns the private apt reading it and the suites it reads, ``wanted_suites`` first and then the
    machine's own. Raises Problem when no archive has the package.
    """
    reason = "this machine's apt knows no archive"
    private = PrivateApt(folder)
    for uri, own_suite in archives():
        own = [own_suite] if "-" not in own_suite else []
        every = list(dict.fromkeys(wanted_suites + own))
        for suites in (every, wanted_suites[:1]):
            for keyring in (None, *filter(lambda path: Path(path).exists(), KEYRINGS)):
                try:
                    private.read_lists(uri, suites, keyring)
                    if private.offers([needed]):
                        return private, suites
                    reason = f"no package {needed} there"
                except subprocess.CalledProcessError as error:
                    reason = reason_of(error)
                    if "sign" not in reason and "PUBKEY" not in error.stderr:
                        break
    raise Problem(NO_ARCHIVE.format(reason=reason))


def download(private: PrivateApt, chosen: list[tuple[str, str]], into: Path, report: Callable[[int], None]) -> None:
    """Download the (package, suite) pairs of ``chosen`` as .deb files, each put there whole.

    ``report`` hears the number of bytes that have arrived, twice a second. Raises Problem when a
    download fails.
    """
    into.mkdir(parents=True, exist_ok=True)
    if not chosen:
        return
    with tempfile.TemporaryDirectory(prefix="unfinished-", dir=into) as arriving_name:
        arriving = Path(arriving_name)
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.5):
                report(sum(path.stat().st_size for path in arriving.glob("*")))

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            names = [f"{package}/{suite}" for package, suite in chosen]
            private.run("apt-get", "download", *names, folder=arriving)
        except subprocess.CalledProcessError as error:
            raise Problem(NO_ARCHIVE.format(reason=reason_of(error))) from error
        finally:
            over.set()
            watcher.join()
        for path in arriving.glob("*.deb"):
            path.replace(into / path.name)
