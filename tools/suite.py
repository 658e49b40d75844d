"""./dev test: the whole suite with pytest-odoo, on a fresh copy of a template."""

import os
import signal
import subprocess
from argparse import Namespace

from tools import browser, configuration, databases, pdf, postgres, workbench
from tools.databases import Databases
from tools.places import ROOT
from tools.processes import die_with_parent, termination_is_interruption
from tools.workbench import Tools

# A test module with one of these names needs the browser.
BROWSER_MODULES = ("test_tour_*.py", "test_screenshots*.py", "test_accessibility*.py")
DATABASE_PREFIX = "gdpr_test_"
PATIENCE_SECONDS = 10
# Each has an Odoo and a browser of its own.
MOST_WORKERS = 4


def run(tools: Tools, options: Namespace, arguments: list[str]) -> int:
    """Run the suite; return pytest's exit status."""
    pdf.prepare_if_possible()
    environment = {}
    if options.no_browser:
        left_out = sorted(
            path.relative_to(ROOT).as_posix() for pattern in BROWSER_MODULES for path in ROOT.glob(f"*/tests/{pattern}")
        )
        print(f"Without a browser, left out: {', '.join(left_out) or 'nothing'}.", flush=True)
        arguments = arguments + [f"--ignore={ROOT / name}" for name in left_out]
    else:
        environment["CHROMIUM"] = browser.prepare()
    with termination_is_interruption(), postgres.in_use() as server:
        bench = workbench.assemble(tools, server)
        template = bench.databases.make_template(databases.recipe(tools.source))
        drop_abandoned(bench.databases)
        name = f"{DATABASE_PREFIX}{os.getpid()}"
        workers = [f"gw{number}" for number in range(count_workers(arguments))]
        copies = [databases.name_for_worker(name, worker) for worker in workers] or [name]
        try:
            for copy in copies:
                bench.databases.copy(template, copy)
            command = [
                tools.python,
                "-m",
                "pytest",
                f"--odoo-config={configuration.ODOO_CONFIGURATION}",
            ]
            command += [f"--odoo-database={name}", "--odoo-http", *arguments]
            if workers:
                # A module at a time: its tests share what they set up.
                command += [
                    "-p",
                    "tools.worker_databases",
                    "-n",
                    str(len(workers)),
                    "--dist",
                    "loadfile",
                    "--no-loadscope-reorder",
                ]
            return run_to_the_end(command, {**bench.environment(), **environment})
        finally:
            for copy in copies:
                bench.databases.drop(copy)


def count_workers(arguments: list[str]) -> int:
    """Return how many processes share the tests: none where somebody chose some of them, which takes less time."""
    is_chosen = any(not argument.startswith("-") or argument == "-k" for argument in arguments)
    cores = os.cpu_count() or 1
    return 0 if is_chosen or cores == 1 else min(cores, MOST_WORKERS)


def drop_abandoned(store: Databases) -> None:
    """Drop the databases of test runs that were killed."""
    for name in store.names():
        number = name.removeprefix(DATABASE_PREFIX).partition("_")[0]
        if name.startswith(DATABASE_PREFIX) and number.isdecimal():
            try:
                os.kill(int(number), 0)
            except ProcessLookupError:
                store.drop(name)
            except PermissionError:
                pass


def run_to_the_end(command: list, environment: dict[str, str]) -> int:
    """Run pytest in the foreground; return its exit status, also when it is interrupted."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        preexec_fn=die_with_parent(signal.SIGTERM),
    )
    try:
        return process.wait()
    except KeyboardInterrupt as interruption:
        # Ctrl-C has reached pytest as well; a signal sent to us alone has not.
        if "SIGINT" not in interruption.args:
            process.send_signal(signal.SIGINT)
        try:
            return process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            return process.wait()
