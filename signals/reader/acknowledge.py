"""Telling the pipeline what became of signals, and how far a stream was read.

Belongs here: the files of the way back, written whole under names that never get other bytes.
Does not belong here: bringing them to another place: put a file where the pipeline looks, under
the name it has here.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from signals.reader.errors import ReaderError
from signals.reader.state import State

Status = Literal["handled", "ignored", "wrong"]
#: Status → the reasons that may go with it; ``None`` where none need be given.
REASONS: Mapping[str, tuple[str | None, ...]] = {
    "handled": (None,),
    "ignored": (None, "not_relevant", "already_known", "bad_time"),
    "wrong": ("wrong_company", "wrong_event", "outdated", "duplicate"),
}


@dataclass(frozen=True)
class Said:
    """What became of a signal.

    Attributes:
        signalid: as in its rows.
        status: ``handled``, ``ignored`` or ``wrong``.
        reason: one of :data:`REASONS`; there is no free text.
        at: when; the instant of :func:`acknowledge` by default. The latest holds.
    """

    signalid: str
    status: Status
    reason: str | None = None
    at: datetime | None = None


def acknowledge(
    folder: Path, state: State, said: Iterable[Said], *, now: datetime | None = None
) -> Path:
    """Write what became of signals of the stream of ``state``; return the new file.

    Args:
        folder: the account's folder where the pipeline looks, e.g. ``feedback/accounts/acme``.
        state: what is kept of the stream.
        said: one or more; a row twice is one row.
        now: the instant; that of the machine by default.

    Raises:
        ReaderError: nothing was read yet, nothing is said, or a reason does not fit.
    """
    at = now or datetime.now(UTC)
    rows = []
    for one in said:
        if one.reason not in REASONS.get(one.status, ()):
            raise ReaderError(f"{one.status} is not said with the reason {one.reason}")
        row = {
            "source": _source(state),
            "signal_id": one.signalid,
            "status": one.status,
            "reason": one.reason,
            "at": _text(one.at or at),
        }
        rows.append(row)
    return _written(folder, "feedback", at, rows)


def report_cursor(
    folder: Path, state: State, consumer: str, *, now: datetime | None = None
) -> Path:
    """Write how far ``consumer`` has read, so that what it lacks is not dropped so soon.

    Args:
        folder: as for :func:`acknowledge`; ``feedback/company`` for the company stream.
        state: what is kept of the stream.
        consumer: name of the program: lower case letters, digits, ``.``, ``_``, ``-``.
        now: the instant; that of the machine by default.
    """
    at = now or datetime.now(UTC)
    row = {
        "source": _source(state),
        "consumer": consumer,
        "sequence": state.cursor,
        "at": _text(at),
    }
    return _written(folder, "consumer_offsets", at, [row])


def _source(state: State) -> str:
    if state.source is None:
        raise ReaderError("nothing was read of the stream yet: read it first")
    return state.source


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _written(folder: Path, kind: str, at: datetime, rows: list[dict[str, Any]]) -> Path:
    if not rows:
        raise ReaderError("nothing is said")
    body = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    digest = hashlib.sha256(body).hexdigest()[:12]
    path = folder / f"{kind}-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest}.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{path.name}.part"
    with temporary.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    return path
