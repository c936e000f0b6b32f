"""What a consumer keeps: the last row of each signal, its cursor, what it has done.

Belongs here: one SQLite file in which rows and cursor change together, so that a process killed
at any instant goes on where it was. Does not belong here: reading the feed; deciding what to do
about a row (:mod:`signals.reader.work`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

from signals.reader.errors import StopError
from signals.reader.feed import Batch
from signals.reader.manifest import NOTHING_READ
from signals.reader.rows import Row, instant

Kind = Literal["new", "changed", "withdrawn", "erased"]
STANDS = ("ASSERT", "AMEND")
# told, told_op: the row last dealt with. begun: the signal under whose name work is under way.
_TABLES = """
CREATE TABLE IF NOT EXISTS said (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS held (
  signalid TEXT PRIMARY KEY, id TEXT NOT NULL, sequence TEXT NOT NULL, op TEXT NOT NULL,
  row TEXT NOT NULL, told TEXT, told_op TEXT, begun TEXT
);
CREATE INDEX IF NOT EXISTS held_news ON held (sequence) WHERE told IS NOT id;
"""
_KEEP = """
INSERT INTO held (signalid, id, sequence, op, row) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (signalid) DO UPDATE
SET id = excluded.id, sequence = excluded.sequence, op = excluded.op, row = excluded.row
"""


@dataclass(frozen=True)
class Change:
    """A signal that is not as it was when it was last dealt with.

    Attributes:
        kind: ``new`` also for one that was withdrawn and stands again.
        row: what holds now; an erased one has no values left.
        begun: ``signalid`` under which work was begun because of this signal, and not undone;
            another one where this signal took over from it (``identity_merge``).
    """

    kind: Kind
    row: Row
    begun: str | None


class State:
    """The file of one stream's state; one process at a time.

    Usage:
        ``with State(Path("state.db")) as state: catch_up(feed, state)``
    """

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        # Erased values must not stay in free pages of the file, nor (see apply) in its log.
        self._db.execute("PRAGMA secure_delete = ON")
        # A loss of power may take back the last marks of `done`, never a part of a step.
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_TABLES)

    def __enter__(self) -> State:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @property
    def cursor(self) -> str:
        """Return the last sequence applied."""
        return self._said("cursor") or NOTHING_READ

    @property
    def source(self) -> str | None:
        """Return the URI of the stream; ``None`` before anything was read."""
        return self._said("source")

    def apply(self, batch: Batch) -> None:
        """Keep what a batch says, and its cursor, in one step.

        Raises:
            StopError: the state is of another stream.
        """
        mine = self._said("source")
        if mine not in (None, batch.manifest.source):
            raise StopError("this state is of another stream: give each stream a file of its own")
        with self._step():
            self._note("source", batch.manifest.source)
            if batch.restart:
                self._end_all_but(batch)
            self._keep(batch.rows)
            self._note("cursor", batch.cursor)
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def standing(self) -> Iterator[Row]:
        """Yield what is neither withdrawn nor erased, by sequence; it may have expired."""
        found = self._db.execute(
            "SELECT row FROM held WHERE op IN (?, ?) ORDER BY sequence", STANDS
        ).fetchall()
        for (row,) in found:
            yield json.loads(row)

    def changes(self) -> list[Change]:
        """Return what is to be dealt with, by sequence; :meth:`done` takes it off."""
        found = self._db.execute(
            "SELECT op, row, told_op, begun FROM held WHERE told IS NOT id ORDER BY sequence"
        ).fetchall()
        changes = []
        for op, row, told_op, begun in found:
            kind = _kind(op, told_op)
            if kind is not None:
                changes.append(Change(kind, json.loads(row), begun))
        return changes

    def handed_on(self) -> list[Change]:
        """Return what was withdrawn while its work goes on: another signal tells the event."""
        found = self._db.execute(
            "SELECT row, begun FROM held WHERE op = 'RETRACT' AND told IS id AND begun IS NOT NULL "
            "ORDER BY sequence"
        ).fetchall()
        return [Change("withdrawn", json.loads(row), begun) for row, begun in found]

    def done(self, dealt: Iterable[tuple[Row, str | None]]) -> None:
        """Note that rows were dealt with, and for each under whose name work is under way."""
        with self._step():
            self._db.executemany(
                "UPDATE held SET told = ?, told_op = ?, begun = ? WHERE signalid = ?",
                [(row["id"], row["op"], begun, row["signalid"]) for row, begun in dealt],
            )

    @contextmanager
    def _step(self) -> Iterator[None]:
        """Make all of it hold, or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _said(self, name: str) -> str | None:
        found = self._db.execute("SELECT value FROM said WHERE name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def _note(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO said VALUES (?, ?)", (name, value))

    def _keep(self, rows: Iterable[Row]) -> None:
        for row in rows:
            # A row that comes again, even after a later one of its signal, says nothing.
            new = self._db.execute("INSERT OR IGNORE INTO seen VALUES (?)", (row["id"],)).rowcount
            if new:
                text = json.dumps(row, ensure_ascii=False)
                values = (row["signalid"], row["id"], row["sequence"], row["op"], text)
                self._db.execute(_KEEP, values)

    def _end_all_but(self, batch: Batch) -> None:
        """End what the snapshot no longer holds, as its tombstones say, and follow it again."""
        self._db.execute("DELETE FROM seen")
        standing = {row["signalid"] for row in batch.rows}
        for signalid, text in self._db.execute("SELECT signalid, row FROM held").fetchall():
            if signalid in standing:
                continue
            row = json.loads(text)
            stone = batch.ended.get(signalid)
            if stone is not None:
                self._end(row, str(stone["op"]), str(stone["sequence"]), stone["reason"])
            elif row["op"] in STANDS and instant(row["expirytime"]) > batch.manifest.created:
                # Neither standing, nor expired, nor ended: it belongs to a stream begun anew.
                self._end(row, "RETRACT", batch.cursor, None)

    def _end(self, row: Row, op: str, sequence: str, reason: str | None) -> None:
        if row["op"] == op:
            return
        if op == "ERASE":
            row = {"signalid": row["signalid"], "type": row["type"]}
        name = f"{row['signalid']}:{sequence}"
        ended = {**row, "id": name, "op": op, "sequence": sequence, "reason": reason}
        text = json.dumps(ended, ensure_ascii=False)
        self._db.execute(_KEEP, (ended["signalid"], ended["id"], sequence, op, text))


def _kind(op: str, told_op: str | None) -> Kind | None:
    """Return what happened to a signal since it was dealt with; ``None`` if nothing that counts."""
    if op in STANDS:
        return "changed" if told_op in STANDS else "new"
    if told_op is None or told_op == op:
        return None
    return "erased" if op == "ERASE" else "withdrawn"
