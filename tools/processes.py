"""Child processes that never outlive us, ports for them, and signals that end us in good order."""

import ctypes
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent(signal_number: int = signal.SIGKILL) -> Callable[[], None]:
    """Return a ``preexec_fn`` that has the child killed when this process dies, however it dies."""

    def ask_the_kernel() -> None:
        if LIBC:
            LIBC.prctl(PR_SET_PDEATHSIG, signal_number)

    return ask_the_kernel


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def log_lines(command: list[str | Path], log: Path, read: Callable[[str], None], **options: Any) -> int:
    """Run a command, write what it says to a log, and have each line read as it comes; return the exit status."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as record:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            preexec_fn=die_with_parent(),
            **options,
        )
        assert process.stdout
        for line in process.stdout:
            record.write(line)
            read(line)
    return process.wait()


@contextmanager
def termination_is_interruption() -> Iterator[None]:
    """Make SIGTERM and a closed terminal end the block as Ctrl-C does: by KeyboardInterrupt.

    Ctrl-C's own signal as well: a shell that starts us in the background has it ignored. The
    exception carries the signal's name.
    """

    def interrupt(number: int, frame: object) -> NoReturn:
        raise KeyboardInterrupt(signal.Signals(number).name)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    former = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
