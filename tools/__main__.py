"""Entry point of ./dev."""

import os
import sys

from tools.cli import main

if __name__ == "__main__":
    # ./dev sets it so that this package is found; Odoo must not inherit it.
    os.environ.pop("PYTHONPATH", None)
    sys.exit(main(sys.argv[1:]))
