"""What a stream has said: its segments, and what is left of those that compaction dropped.

Belongs here: reading both, dropping old segments, taking values out of either. Does not
belong here: which rows a stream gains, its other files (:mod:`signals.feed.publication`).

A stream that is kept for some days only ("window") drops older segments whole; the last
row of each of their signals goes into one file, so that the publisher still knows what it
said and the snapshot stays complete. ``min_sequence`` rises: a cursor in the window goes
on, an older one starts from the snapshot. What a consumer that reports its cursor has not
read stays up to :data:`CEILING` windows. An erasure waits for nobody.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

import polars as pl

from opendata import files
from opendata.errors import StateError
from signals.amend import blank
from signals.contract import SIGNAL_SCHEMA
from signals.feed import manifest
from signals.feed.attribution import cited_by
from signals.feed.spreadsheets import parquet_bytes
from signals.log import scrubbed
from signals.segments import Segment, latest, read_segments

_NOTHING = SIGNAL_SCHEMA.to_frame()
#: Windows for which rows stay at most, whoever has not read them.
CEILING = 2


@dataclass(frozen=True)
class Kept:
    """Which rows stay in segments.

    Attributes:
        now: instant of the publication, UTC.
        window: rows younger than that stay; ``None`` keeps all.
        read: the sequence up to which every consumer that reports has read, if any does.
    """

    now: datetime
    window: timedelta | None = None
    read: str | None = None

    def since(self, last: str) -> datetime | None:
        """Return the instant from which rows of a segment that ends with ``last`` stay."""
        if self.window is None:
            return None
        unread = self.read is not None and last > self.read
        return self.now - self.window * (CEILING if unread else 1)


@dataclass(frozen=True)
class History:
    """A stream in memory, with the files that it comes from.

    Attributes:
        folder: the stream's folder.
        compacted: the file left of dropped segments, if any were.
        segments: the segments kept, in order.
        base: rows of ``compacted``.
        rows: rows of ``segments``.
    """

    folder: Path
    compacted: manifest.Compacted | None
    segments: tuple[Segment, ...]
    base: pl.DataFrame
    rows: pl.DataFrame

    @cached_property
    def told(self) -> pl.DataFrame:
        """Return every row that may still be the last of its signal, in order."""
        return pl.concat([self.base, self.rows])

    @cached_property
    def cited(self) -> frozenset[str]:
        """Return the sources that the evidence of :attr:`told` names."""
        return frozenset(cited_by(self.told).to_list())

    def followed_by(self, segment: Segment, rows: pl.DataFrame) -> History:
        """Return the history with one more segment."""
        return replace(self, segments=(*self.segments, segment), rows=pl.concat([self.rows, rows]))

    def without(self, erased: pl.Expr) -> History:
        """Return the history with no values in ``erased`` rows; only files touched are written."""
        hit = erased & (pl.col("op") != "ERASE")
        after = self
        if not self.rows.filter(hit).is_empty():
            segments = scrubbed(self.folder, self.segments, erased, None, point="feed-scrub")
            after = replace(self, segments=segments, rows=read_segments(self.folder, segments))
        gone = self.base.filter(hit)
        if self.compacted is None or gone.is_empty():
            return after
        kept = self.base.join(gone.select("sequence"), on="sequence", how="anti")
        base = pl.concat([kept, blank(gone, None)]).sort("sequence")
        return replace(
            after, compacted=self._written(base, self.compacted.as_of_sequence), base=base
        )

    def within(self, kept: Kept, published: int) -> History:
        """Return the history without the leading segments none of whose rows need stay.

        Args:
            kept: which rows stay.
            published: number of segments that were published before: a row is offered once.
        """
        dropped = self._older(kept, published)
        if not dropped:
            return self
        last = self.segments[dropped - 1].last_sequence
        old = pl.col("sequence") <= last
        base = latest(pl.concat([self.base, self.rows.filter(old)]))
        return replace(
            self,
            compacted=self._written(base, last),
            segments=self.segments[dropped:],
            base=base,
            rows=self.rows.filter(~old),
        )

    def begun_anew(self) -> History:
        """Return the history without segments, so that its numbers may go on further up.

        Whatever cursor a consumer has, it then starts from the snapshot.
        """
        if not self.segments:
            return self
        base = latest(self.told)
        compacted = self._written(base, self.segments[-1].last_sequence)
        return replace(self, compacted=compacted, segments=(), base=base, rows=_NOTHING)

    def _older(self, kept: Kept, published: int) -> int:
        first = 0
        for number, segment in enumerate(self.segments[:published]):
            since = kept.since(segment.last_sequence)
            recorded = self.rows["recordedtime"].slice(first, segment.rows)
            if since is None or (recorded >= since).any():
                return number
            first += segment.rows
        return min(published, len(self.segments))

    def _written(self, rows: pl.DataFrame, last: str) -> manifest.Compacted:
        # Named by its content, for a name never gets other bytes.
        body = parquet_bytes(rows, {"as_of_sequence": last})
        digest = hashlib.sha256(body).hexdigest()
        path = f"compacted/{last}-{digest[:12]}.parquet"
        files.write_bytes(self.folder / path, body, point="feed-compacted")
        return manifest.Compacted(path, last, rows.height, len(body), f"sha256:{digest}")


def read(folder: Path, published: manifest.Published | None = None) -> History:
    """Return the history of the stream under ``folder``; empty if it is new.

    Raises:
        StateError: a file that the manifest names is missing or is not the one described.
    """
    said = manifest.read(folder) if published is None else published
    return History(
        folder,
        said.compacted,
        said.segments,
        _NOTHING if said.compacted is None else _base(folder, said.compacted),
        read_segments(folder, said.segments),
    )


def _base(folder: Path, said: manifest.Compacted) -> pl.DataFrame:
    path = folder / said.path
    if not path.is_file() or path.stat().st_size != said.bytes:
        raise StateError(
            "what is left of old segments is missing or was changed",
            next_step="restore the folder from a backup, or remove it whole to publish anew",
            file=path.name,
        )
    return pl.read_parquet(path, glob=False, hive_partitioning=False)
