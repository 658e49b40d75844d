"""Finds the program that makes Odoo's PDF files, or installs it."""

from tools import debian_program
from tools.problem import Problem

WKHTMLTOPDF = debian_program.Program(
    "wkhtmltopdf",
    "wkhtmltopdf",
    ("wkhtmltopdf",),
    "pdf",
    "Odoo makes PDF files with wkhtmltopdf",
    "install it (on Debian: apt install wkhtmltopdf).",
)


def prepare_if_possible() -> None:
    """Install Debian's wkhtmltopdf if there is none; where that fails say so, for all but PDF files works without."""
    try:
        debian_program.prepare(WKHTMLTOPDF)
    except Problem as problem:
        print(f"There will be no PDF files. {problem}", flush=True)
