"""Gets the Odoo 19 source: the tree in ODOO_PATH, or Debian's package unpacked into the cache."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools import apt
from tools.lock import only_one
from tools.places import CACHE, require_free_space
from tools.problem import Problem
from tools.processes import die_with_parent
from tools.progress import Step, step

PACKAGE = "odoo-19"
# Odoo's package links to these; without the scripts every page fails, without the fonts icons do.
LINKED_PACKAGES = (
    "libjs-jquery",
    "libjs-underscore",
    "libjs-jquery-form",
    "fonts-font-awesome",
    "fonts-roboto-unhinted",
    "fonts-montserrat",
    "fonts-inconsolata",
    "fonts-ocr-b",
    "fonts-glyphicons-halflings",
)
# Odoo comes from sid; the icon font must be the old one (4.7), which bookworm still has.
SUITES = ["sid", "bookworm"]
LEFT_OUT = (
    "*/addons/l10n_*",
    "*/addons/pos_*",
    "*/addons/point_of_sale",
    "*/addons/spreadsheet_dashboard_pos_*",
)
DEBIAN_PACKAGES = Path("usr/lib/python3/dist-packages")


@dataclass(frozen=True)
class OdooSource:
    """An Odoo 19 source tree: where Python finds it, where its add-ons are, which one it is."""

    python_path: Path
    addons_paths: tuple[Path, ...]
    identity: str


def ready() -> OdooSource | None:
    """Return the source when it is there already, else None.

    Raises Problem when ODOO_PATH is set to something that is no Odoo 19.
    """
    own = os.environ.get("ODOO_PATH")
    if own:
        return from_tree(Path(own).resolve())
    unpacked = sorted(CACHE.glob("odoo-*/complete"))
    return from_tree(unpacked[-1].parent / DEBIAN_PACKAGES) if unpacked else None


def prepare() -> OdooSource:
    """Return the source, downloading and unpacking it when it isn't there.

    Raises Problem when it can't be had.
    """
    source = ready()
    if source:
        return source
    if not apt.is_available():
        raise Problem(
            "Odoo 19 is taken from its Debian package and this machine has no apt; get the Odoo 19 "
            "source yourself and set ODOO_PATH to its folder."
        )
    with only_one(CACHE):
        if not ready():
            require_free_space(CACHE, 4)
            with step("odoo") as progress:
                fetch(progress)
    source = ready()
    if not source:
        raise Problem(f"Odoo 19 did not unpack as expected; delete {CACHE} and run it again.")
    return source


def from_tree(tree: Path) -> OdooSource:
    """Describe the Odoo in ``tree``; raise Problem when it isn't Odoo 19."""
    release = tree / "odoo" / "release.py"
    if not release.exists():
        raise Problem(
            f"There is no Odoo source in {tree} (odoo/release.py is missing); set ODOO_PATH to the "
            "folder that has it, or unset ODOO_PATH."
        )
    version = re.search(r"^version_info = \((.+?)\)", release.read_text(), re.MULTILINE)
    if not version or not version[1].startswith("19,"):
        raise Problem(f"The Odoo in {tree} is not version 19; set ODOO_PATH to an Odoo 19.")
    # The source repository keeps most add-ons beside the package, Debian all of them inside.
    beside = tree / "addons"
    inside = tree / "odoo" / "addons"
    paths = (inside, beside) if (beside / "web" / "static").exists() else (inside,)
    return OdooSource(tree, paths, f"{tree} {version[1]} {release.stat().st_mtime_ns}")


def fetch(progress: Step) -> None:
    """Download Debian's package and what it links to, and unpack them into the cache."""
    progress.update("reading the package lists")
    private, suites = apt.open_archive(CACHE / "apt", SUITES, PACKAGE)
    offers = private.offers([PACKAGE, *LINKED_PACKAGES])
    preference = [suite for suite in suites if suite != "sid"] + ["sid"]
    chosen: dict[str, tuple[str, str]] = {}
    for package, version, suite in sorted(offers, key=lambda offer: preference.index(offer[2])):
        chosen.setdefault(package, (version, suite))
    missing = [name for name in LINKED_PACKAGES[:3] if name not in chosen]
    if missing:
        raise Problem(f"The Debian archive has no {missing[0]}, which Odoo 19 needs; try again later.")

    progress.update("downloading")
    packages = CACHE / "packages"
    sizes = re.findall(r"^Size: (\d+)$", private.run("apt-cache", "show", PACKAGE), re.MULTILINE)
    total = max(map(int, sizes)) // 10**6

    def report(arrived: int) -> None:
        progress.update(f"downloading, {arrived // 10**6} MB of about {total} MB")

    wanted = [
        (package, suite) for package, (version, suite) in chosen.items() if not any(packages.glob(f"{package}_*.deb"))
    ]
    apt.download(private, wanted, packages, report)
    files = sorted(packages.glob("*.deb"))

    version = chosen[PACKAGE][0].replace(":", "-")
    unfinished = CACHE / "odoo-unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    for number, package_file in enumerate(files, 1):
        progress.update(f"unpacking package {number} of {len(files)}")
        unpack(package_file, unfinished)
    (unfinished / "complete").touch()
    unfinished.rename(CACHE / f"odoo-{version}")
    shutil.rmtree(packages)
    shutil.rmtree(private.folder)


def unpack(package_file: Path, into: Path) -> None:
    """Unpack a .deb file; raise Problem when that fails."""
    contents = subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", str(package_file)],
        stdout=subprocess.PIPE,
        preexec_fn=die_with_parent(),
    )
    excluded = [f"--exclude={pattern}" for pattern in LEFT_OUT]
    # Debian's package also carries a second, partial copy of the add-ons that nothing uses.
    excluded.append(f"--exclude=./{DEBIAN_PACKAGES}/addons")
    result = subprocess.run(
        ["tar", "-x", "--no-same-owner", "--wildcards", *excluded, "-C", str(into), "./usr"],
        stdin=contents.stdout,
        capture_output=True,
        text=True,
        preexec_fn=die_with_parent(),
    )
    if contents.wait() or result.returncode:
        raise Problem(
            f"{package_file.name} could not be unpacked ({result.stderr.strip()[:200]}); "
            f"delete {CACHE} and run it again."
        )
