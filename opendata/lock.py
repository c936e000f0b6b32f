"""One writer to a data folder at a time.

Belongs here: the lock, and taking turns at one small file. The system frees both when its process
dies, so that no run is ever kept out by one that was killed.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opendata.errors import StateError

#: Folders this process holds: a step inside a run that holds the lock goes on.
_held: set[Path] = set()


@contextmanager
def one_writer(data_dir: Path) -> Iterator[None]:
    """Hold the lock of ``data_dir``; a process that holds it already passes.

    Raises:
        StateError: another process is writing.
    """
    folder = data_dir.resolve()
    if folder in _held:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StateError(
                "another run is writing to this data folder",
                next_step="wait until it ends, or give another folder with --data-dir",
            ) from error
        _held.add(folder)
        try:
            yield
        finally:
            _held.discard(folder)


@contextmanager
def in_turn(path: Path) -> Iterator[None]:
    """Hold ``path``, a file of its own for this; whoever else wants it waits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
