"""Reading a stream from a cursor, segment by segment, every hash compared.

Belongs here: which files to read and in which order; what to do when a publication comes in
between. Does not belong here: what is kept of the rows (:mod:`signals.reader.state`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from signals.reader.errors import MissingError, StaleError, StopError
from signals.reader.fetch import Fetch, fetcher
from signals.reader.manifest import NAME, NOTHING_READ, File, Manifest, parse
from signals.reader.rows import Row, rows

_NEEDED = frozenset({"op", "sequence", "signalid"})
OPS = frozenset({"ASSERT", "AMEND", "RETRACT", "ERASE"})


@dataclass(frozen=True)
class Batch:
    """Rows to apply in one step, and the cursor that then holds.

    Attributes:
        rows: by sequence.
        cursor: last sequence of the step.
        restart: the rows are all that stands; what is not among them is over.
        ended: with ``restart``: ``signalid`` → the tombstone row of what was withdrawn or erased.
        manifest: the publication read.
    """

    rows: list[Row]
    cursor: str
    manifest: Manifest
    restart: bool = False
    ended: Mapping[str, Row] = field(default_factory=dict)


@dataclass(frozen=True)
class Feed:
    """A stream at a place."""

    fetch: Fetch

    @classmethod
    def at(cls, base: str | Path, headers: Mapping[str, str] | None = None) -> Feed:
        """Return the stream under ``base``, which :func:`~signals.reader.fetch.fetcher` takes."""
        return cls(fetcher(base, headers))

    def manifest(self) -> Manifest:
        """Return the publication in place."""
        return parse(self.fetch(NAME))

    def read(self, cursor: str = NOTHING_READ, manifest: Manifest | None = None) -> Iterator[Batch]:
        """Yield what comes after ``cursor``, a segment at a time; nothing if there is no news.

        A cursor before the oldest segment, or beyond the last row, starts from the snapshot.

        Args:
            cursor: last sequence applied.
            manifest: the publication to read; the one in place by default.

        Raises:
            StaleError: a publication came in between; read again from the last batch's cursor.
            StopError: something this reader does not know; nothing of that segment was yielded.
        """
        said = manifest or self.manifest()
        if int(cursor) + 1 < int(said.first) or cursor > said.last:
            yield self._snapshot(said)
            cursor = said.as_of
        for segment in said.segments:
            if segment.last > cursor:
                found = self._known(segment)
                _check_sequence(segment, found)
                yield Batch([row for row in found if row["sequence"] > cursor], segment.last, said)
                cursor = segment.last

    def table(self, name: str, manifest: Manifest | None = None) -> list[Row]:
        """Return the rows of a table beside the log, e.g. ``source_status``; none if not there."""
        said = manifest or self.manifest()
        file = said.tables.get(name)
        return [] if file is None else list(rows(self._body(file)))

    def _snapshot(self, said: Manifest) -> Batch:
        standing = self._known(said.snapshot)
        ended = {str(row.get("signalid")): row for row in self.table("tombstones", said)}
        return Batch(standing, said.as_of, said, restart=True, ended=ended)

    def _known(self, file: File) -> list[Row]:
        found = list(rows(self._body(file)))
        if found and not found[0].keys() >= _NEEDED:
            raise StopError(f"{file.path} has not the columns of signals; report it")
        if unknown := {str(row["op"]) for row in found} - OPS:
            raise StopError(f"unknown op {sorted(unknown)}: read what changed, then update")
        return found

    def _body(self, file: File) -> bytes:
        try:
            body = self.fetch(file.path)
        except MissingError as error:
            raise StaleError(f"{file.path} is gone: read the manifest again") from error
        if f"sha256:{hashlib.sha256(body).hexdigest()}" != file.hash:
            raise StaleError(f"{file.path} is not the one described: read the manifest again")
        return body


def _check_sequence(segment: File, found: list[Row]) -> None:
    numbers = [int(row["sequence"]) if str(row["sequence"]).isdecimal() else -1 for row in found]
    if numbers != list(range(int(segment.first), int(segment.last) + 1)):
        raise StopError(f"{segment.path} has not the rows that its name says; report it")
