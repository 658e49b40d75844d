"""./dev reset: removes what the other commands made."""

import shutil
from argparse import Namespace

from tools import postgres
from tools.lock import only_one
from tools.places import CACHE, STATE


def run(options: Namespace) -> int:
    """Stop the server and empty the state folder; the cache too when asked to."""
    folders = [STATE, postgres.home(), *([CACHE] if options.cache else [])]
    with only_one(STATE):
        postgres.stop()
        for folder in folders:
            if folder.exists():
                shutil.rmtree(folder)
                print(f"Removed {folder}")
    return 0
