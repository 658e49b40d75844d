"""Finds the browser for the browser tests, or installs it."""

from tools import debian_program

# The names under which Odoo's own browser tests look for it.
BROWSER = debian_program.Program(
    "Chromium",
    "chromium",
    ("google-chrome", "chromium", "chromium-browser", "google-chrome-stable"),
    "browser",
    "The browser tests need Chromium",
    "install Chromium (on Debian: apt install chromium) or leave these tests out: --no-browser.",
)


def find() -> str | None:
    """Return the path of the browser, if there is one."""
    return debian_program.find(BROWSER)


def prepare() -> str:
    """Return the path of the browser, installing Debian's Chromium if there is none.

    Raises Problem when it can't be installed.
    """
    return debian_program.prepare(BROWSER)
