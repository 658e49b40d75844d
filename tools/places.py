"""Where things live: the checkout, its state folder and the cache shared by all checkouts."""

import os
import shutil
from pathlib import Path

from tools.problem import Problem

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".dev"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gdpr-consent"

DATA = STATE / "data"
LOGS = STATE / "log"
MAIL = STATE / "mail"
ODOO_CONFIGURATION = STATE / "odoo.conf"

HTTP_PORT = 8069
MAIL_PORT = 8025


def addon_folders() -> list[Path]:
    """Return the add-ons of this checkout: gdpr_consent first, its glue add-ons after it."""
    manifests = ROOT.glob("gdpr_consent*/__manifest__.py")
    return sorted(manifest.parent for manifest in manifests)


def addon_names() -> str:
    """Return the names of the add-ons, as Odoo's options want them; what they depend on is installed with them."""
    return ",".join(folder.name for folder in addon_folders())


def require_free_space(folder: Path, gigabytes: float) -> None:
    """Raise Problem unless the disk that holds ``folder`` has that much room."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free / 1e9
    if free < gigabytes:
        raise Problem(
            f"{folder} has {free:.1f} GB free and setting up needs {gigabytes:g} GB; "
            "make room there (or point XDG_CACHE_HOME at a bigger disk) and run it again."
        )


def write_whole(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` so that a reader never sees a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two commands that begin at once write the same.
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
