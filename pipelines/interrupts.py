"""Being asked to stop while Dagster runs.

Belongs here: hearing what Dagster forgets. Does not belong here: what a command does then.
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

STOP = frozenset({signal.SIGINT, signal.SIGTERM})


@contextmanager
def stop_is_heard() -> Iterator[None]:
    """Raise ``KeyboardInterrupt`` at the end if the process was asked to stop meanwhile.

    Dagster puts handlers of its own in place of others, and forgets a signal that comes between
    two steps or after the last; what the interpreter writes to the wake-up descriptor is
    written whoever handles the signal.

    Raises:
        KeyboardInterrupt: a person or the system asked for it, whatever Dagster made of it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    here, there = socket.socketpair()
    with closing(here), closing(there):
        here.setblocking(False)
        there.setblocking(False)
        former = signal.set_wakeup_fd(there.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(former)
        try:
            heard = here.recv(4096)
        except BlockingIOError:
            return
    if STOP.intersection(heard):
        raise KeyboardInterrupt
