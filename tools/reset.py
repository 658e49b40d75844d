"""./dev reset: removes what the other commands made."""

import shutil
from argparse import Namespace
from typing import TYPE_CHECKING

from tools import postgres
from tools.lock import only_one
from tools.places import CACHE, STATE

if TYPE_CHECKING:
    from tools.workbench import Tools


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


def run_on_given_server(tools: "Tools", options: Namespace) -> int:
    """Drop what we made on a server that isn't ours to stop, then do the same as ``run``."""
    from tools import workbench

    store = workbench.assemble(tools, postgres.prepare()).databases
    for name in store.made_here():
        store.drop(name)
        print(f"Dropped the database {name}")
    return run(options)
