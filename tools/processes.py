"""Child processes that never outlive us, and signals that end us in good order."""

import ctypes
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent(signal_number: int = signal.SIGKILL) -> Callable[[], None]:
    """Return a ``preexec_fn`` that has the child killed when this process dies, however it dies."""

    def ask_the_kernel() -> None:
        if LIBC:
            LIBC.prctl(PR_SET_PDEATHSIG, signal_number)

    return ask_the_kernel


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
