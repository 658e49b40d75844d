"""Says what is being done, how far it is and how long it has taken."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

STEPS = {
    "odoo": "Getting Odoo 19",
    "packages": "Installing Python packages",
    "server": "Starting PostgreSQL",
    "base": "Making a database with Odoo's own apps",
    "addon": "Installing the add-on",
    "browser": "Installing Chromium",
    "pdf": "Installing wkhtmltopdf",
    "database": "Copying the database",
    "without": "Running Odoo's tests without the add-ons",
    "with": "Running Odoo's tests with the add-ons",
}
HEARTBEAT_SECONDS = 20


class Step:
    """One step under way; a line on the terminal that counts its own time."""

    def __init__(self, key: str) -> None:
        number = list(STEPS).index(key) + 1
        self.title = f"[{number}/{len(STEPS)}] {STEPS[key]}"
        self.detail = ""
        self.started = time.monotonic()
        self.finished = threading.Event()
        self.on_terminal = sys.stderr.isatty()

    def update(self, detail: str) -> None:
        """Show how far the step is, e.g. ``45 MB of 122 MB``."""
        self.detail = detail

    def line(self) -> str:
        """Return the line to show now."""
        seconds = time.monotonic() - self.started
        return f"{self.title} … {self.detail + ', ' if self.detail else ''}{seconds:.0f} s"

    def show(self) -> None:
        """Print the line: over the former one on a terminal, below it elsewhere."""
        if self.on_terminal:
            print(f"\r\x1b[K{self.line()}", end="", file=sys.stderr, flush=True)
        else:
            print(self.line(), file=sys.stderr, flush=True)

    def keep_showing(self) -> None:
        """Show the line again and again until the step has finished."""
        while not self.finished.wait(1 if self.on_terminal else HEARTBEAT_SECONDS):
            self.show()


@contextmanager
def step(key: str) -> Iterator[Step]:
    """Announce the step named ``key`` of STEPS, then say how long it took or that it failed."""
    current = Step(key)
    current.show()
    ticker = threading.Thread(target=current.keep_showing, daemon=True)
    ticker.start()
    outcome = "failed"
    try:
        yield current
        outcome = "done"
    finally:
        current.finished.set()
        ticker.join()
        current.update(outcome)
        current.show()
        if current.on_terminal:
            print(file=sys.stderr)
