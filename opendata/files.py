"""Writing files so that nothing is lost.

Belongs here: atomic writes, hashes, free space. Every durable write of the project
goes through :func:`atomic_file` or :func:`replace`, so that a process killed at any
instant leaves either the old file or the new one, and so that a test can enumerate
those instants (:data:`on_point`).
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opendata.errors import StateError

#: Called with the name of each point where a kill would matter, e.g. ``"receipt:rename"``.
#: Production leaves it alone; the kill tests replace it to stop the process there.
on_point: Callable[[str], None] = lambda _name: None  # noqa: E731

CHUNK = 1 << 20
#: Kept free on the disk whatever is written, in bytes.
RESERVE = 64 << 20
_FREE = "free some space or run `company-signals gc`, then run again"
#: No space left, quota used up, file larger than the process may write.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FULL_TEXTS = tuple(os.strerror(number) for number in sorted(_FULL))


class DiskFullError(StateError):
    """The disk takes no more bytes, or too few for what is to come."""


def reached(point: str) -> None:
    """Announce a point where a kill would matter."""
    on_point(point)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(temporary: Path, target: Path, *, point: str) -> None:
    """Make ``temporary`` durable and give it the name ``target`` in one step.

    Args:
        temporary: a complete file on the same file system.
        target: the final name; a previous file of that name is replaced.
        point: short name of what is written, for the kill tests.
    """
    descriptor = os.open(temporary, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    reached(f"{point}:before-rename")
    temporary.replace(target)
    _sync_folder(target.parent)
    reached(f"{point}:after-rename")


def is_full(error: BaseException | None) -> bool:
    """Tell whether ``error`` comes from a disk that took no more bytes.

    Polars and DuckDB pass on the words of the system without its number, and a layer
    above may have taken such a failure for a damaged file: the causes are looked at too.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        if any(text in str(error) for text in _FULL_TEXTS):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def space_told(file: str | None = None) -> Iterator[None]:
    """Turn the many errors of a full disk into the one that says so.

    Raises:
        DiskFullError: so it is.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, DiskFullError) or not is_full(error):
            raise
        raise DiskFullError("the disk is full", next_step=_FREE, file=file) from error


@contextmanager
def atomic_file(target: Path, *, point: str, private: bool = False) -> Iterator[Path]:
    """Yield a temporary path next to ``target``; rename it on success, remove it on failure.

    Args:
        target: the final path; parent folders are made.
        point: short name of what is written, for the kill tests.
        private: readable by the owner only (mode 0600), as for keys and leads.

    Raises:
        DiskFullError: nothing more can be written; the former file stays.
    """
    temporary = target.with_name(f".{target.name}.part")
    try:
        with space_told(target.name):
            # Who may not read the file need not know that it is there.
            target.parent.mkdir(mode=0o700 if private else 0o777, parents=True, exist_ok=True)
            temporary.unlink(missing_ok=True)
            if private:
                temporary.touch(mode=0o600)
            reached(f"{point}:before-write")
            yield temporary
            replace(temporary, target, point=point)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_bytes(target: Path, content: bytes, *, point: str, private: bool = False) -> None:
    """Write ``content`` to ``target`` atomically."""
    with atomic_file(target, point=point, private=private) as temporary:
        temporary.write_bytes(content)


def json_bytes(content: Any) -> bytes:
    """Return ``content`` as stable, readable JSON: sorted keys, UTF-8, final newline."""
    text = json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True, default=str)
    return f"{text}\n".encode()


def write_json(target: Path, content: Any, *, point: str, private: bool = False) -> None:
    """Write ``content`` to ``target`` atomically as stable JSON."""
    write_bytes(target, json_bytes(content), point=point, private=private)


def append_line(target: Path, line: bytes, *, point: str) -> None:
    """Add one line to ``target`` (mode 0600) and make it durable.

    A line that a killed process left without its end is replaced.
    """
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    reached(f"{point}:before-append")
    with space_told(target.name):
        descriptor = os.open(target, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b") as stream:
            content = stream.read()
            stream.seek(content.rfind(b"\n") + 1)
            stream.truncate()
            stream.write(line + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
    _sync_folder(target.parent)
    reached(f"{point}:after-append")


def digest(path: Path, algorithm: str = "sha256") -> str:
    """Return the hexadecimal digest of the file at ``path``."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def require_free(folder: Path, needed: int) -> None:
    """Raise :class:`DiskFullError` unless ``folder``'s disk can take ``needed`` more bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < needed + RESERVE:
        raise DiskFullError(
            f"the disk has {free:,} bytes free and {needed:,} are needed (plus {RESERVE:,} kept)",
            next_step=_FREE,
        )
