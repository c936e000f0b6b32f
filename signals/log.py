"""The company log: everything ever signalled, append-only, in one order.

Belongs here: immutable segments, the last row of each signal, the cursors, and
``log.json``, which is replaced last and alone decides what exists. One process writes at
a time and gives the sequence, so that it has no gap. Does not belong here: deciding what
is new (:mod:`signals.amend`); tenants (:mod:`signals.feed`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from opendata import files, parquet
from opendata.errors import StateError
from signals import amend
from signals.contract import CANDIDATE_SCHEMA, SIGNAL_SCHEMA, Reason
from signals.doubts import Doubts, weighed
from signals.identity import numbered, sequence_text
from signals.segments import (
    Segment,
    latest,
    read_segments,
    sweep,
    write_segment,
)
from signals.weights import weights

COMPANY_SOURCE = "urn:company-signals:company"
FORMAT = 1


@dataclass(frozen=True)
class LogState:
    """What ``log.json`` says; numbers up to ``floor`` may be known from before a restore."""

    segments: tuple[Segment, ...] = ()
    current: str | None = None
    current_hash: str | None = None
    next_sequence: int = 1
    cursors: Mapping[str, str] = field(default_factory=dict)
    floor: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the content of ``log.json``."""
        return {
            "format": FORMAT,
            "source": COMPANY_SOURCE,
            "segments": [segment.as_json() for segment in self.segments],
            "current": self.current,
            "current_hash": self.current_hash,
            "next_sequence": self.next_sequence,
            "cursors": dict(self.cursors),
            "floor": self.floor,
        }

    @property
    def paths(self) -> list[str]:
        """Return the files that exist as far as the log is concerned."""
        return [part.path for part in self.segments] + ([self.current] if self.current else [])


@dataclass(frozen=True)
class Appended:
    """What one call added to the log, and the events about natural persons it was spared."""

    rows: pl.DataFrame
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """Return the number of rows added, by ``op``."""
        return dict(self.rows.group_by("op").len().sort("op").iter_rows())


class SignalLog:
    """The log under one folder.

    Usage:
        ``log.append(detect_all(frames, …), {"bodacc": "2021-01-08-0123456789ab"})``
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def state(self) -> LogState:
        """Read ``log.json``; an empty state if there is none yet.

        Raises:
            StateError: the file is there and cannot be used.
        """
        path = self.folder / "log.json"
        if not path.exists():
            return LogState()
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["format"] != FORMAT:
                raise ValueError(f"format {content['format']}")
            return LogState(
                segments=tuple(Segment.parse(part) for part in content["segments"]),
                current=content["current"],
                current_hash=content["current_hash"],
                next_sequence=content["next_sequence"],
                cursors=content["cursors"],
                # A log that was never restored by a release that writes it has none.
                floor=int(content.get("floor", 0)),
            )
        except (ValueError, LookupError, TypeError, OverflowError, RecursionError) as error:
            raise StateError(
                f"the log cannot be read ({error!r})",
                next_step="restore the folder from a backup",
                file=path.name,
            ) from error

    def cursor(self, dataset: str) -> str | None:
        """Return the version of ``dataset`` up to which signals were detected."""
        return self.state().cursors.get(dataset)

    def current(self, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return the last row of each logical signal, retracted and erased ones included.

        Args:
            columns: those that are needed; all of them by default.
        """
        return self._current(self.state(), columns)

    def rows(self, *, after: int = 0) -> pl.DataFrame:
        """Return every row that comes after the sequence number ``after``, in order."""
        return read_segments(self.folder, self.state().segments, after=sequence_text(after))

    def cited(self) -> set[str]:
        """Return the ``source_id`` of every version that a row cites, to be described forever."""
        records = self.rows()["evidence"].explode().struct.field("source_id")
        return set(records.drop_nulls().unique().to_list())

    def append(
        self,
        candidates: pl.DataFrame,
        cursors: Mapping[str, str],
        withdrawn: pl.DataFrame | None = None,
        doubts: Doubts | None = None,
    ) -> Appended:
        """Add what the candidates say that the log does not know, and move the cursors.

        Args:
            candidates: rows of :func:`signals.detect.detect_all`, one per ``signalid``.
            cursors: dataset → version that the candidates come from.
            withdrawn: RETRACT rows of :func:`signals.withdrawn.withdrawn`; one whose event
                is among the candidates is left out, for it is then amended.
            doubts: what the registers contradict each other on; signals told before that are
                concerned, or no longer are, are amended. ``None`` if nobody compared them.

        Returns:
            The rows added; none when the same is given again.
        """
        if candidates.schema != CANDIDATE_SCHEMA or candidates["signalid"].is_duplicated().any():
            raise StateError(
                "candidates must have the columns of CANDIDATE_SCHEMA and one row per signal",
                next_step="give the answer of detect_all as it is",
            )
        state = self._swept()
        known = self._current(state)
        new = [amend.assertions(known, candidates)]
        if candidates.height and known.height:
            recorded = candidates["recordedtime"][0]
            new.append(amend.amendments(known, candidates, weights().source_precedence, recorded))
        if withdrawn is not None:
            new.append(withdrawn.join(candidates, on="signalid", how="anti"))
        rows = pl.concat(new)
        if doubts is not None:
            rows = weighed(rows, known, doubts)
        return self._extend(state, known, rows, cursors)

    def retract(
        self, signalids: Collection[str], *, reason: Reason, recorded: datetime, run_id: str
    ) -> Appended:
        """Withdraw signals whose event was annulled; those already withdrawn stay as they are."""
        state = self._swept()
        known = self._current(state)
        rows = amend.retractions(known, signalids, reason=reason, recorded=recorded, run_id=run_id)
        return self._extend(state, known, rows, {})

    def erase(
        self,
        sirens: Collection[str],
        *,
        sirets: Collection[str] = (),
        reason: Reason,
        recorded: datetime,
        run_id: str,
    ) -> Appended:
        """Forget companies and establishments: values leave the old segments, ERASE rows follow.

        Only the segments that name one of them are written again, with the same
        sequence numbers; they are gone for good once ``log.json`` is replaced.
        """
        state = self._swept()
        known = self._current(state)
        named = amend.about(sirens, sirets)
        rows = amend.erasures(known, named, reason=reason, recorded=recorded, run_id=run_id)
        segments = scrubbed(self.folder, state.segments, named, reason, point="log-scrub")
        cleaned = replace(state, segments=segments)
        return self._extend(cleaned, known, rows, {})

    def close_to_prospecting(
        self,
        sirens: Collection[str],
        *,
        sirets: Collection[str] = (),
        recorded: datetime,
        run_id: str,
    ) -> Appended:
        """Amend what stands about legal persons that came under partial diffusion."""
        state = self._swept()
        known = self._current(state)
        named = amend.about(sirens, sirets)
        rows = amend.closed_to_prospecting(known, named, recorded=recorded, run_id=run_id)
        return self._extend(state, known, rows, {})

    def go_on_above(self, floor: int, published: str) -> None:
        """Give no number up to ``floor`` any more; doing it again does nothing.

        Segments that were not published whole get numbers above it, for the streams take up
        what comes after the last number that they have.

        Args:
            floor: the highest number that anybody may know.
            published: last sequence of the company stream.
        """
        state = self._swept()
        if floor <= state.floor:
            return
        floor = max(floor, state.next_sequence - 1)
        told = tuple(part for part in state.segments if part.last_sequence <= published)
        waiting = read_segments(self.folder, state.segments[len(told) :])
        rows = numbered(waiting, floor + 1)
        moved = replace(state, floor=floor, next_sequence=floor + 1 + rows.height)
        if rows.is_empty():
            self._publish(moved)
            return
        segment = write_segment(self.folder, rows, point="log-segment")
        numbers = rows.select("id", _number="sequence")
        known = self._current(state).join(numbers, on="id", how="left", maintain_order="left")
        last_rows = known.with_columns(sequence=pl.coalesce("_number", "sequence"))
        self._show(moved, (*told, segment), last_rows.drop("_number"))

    def _current(self, state: LogState, columns: Sequence[str] | None = None) -> pl.DataFrame:
        wanted = SIGNAL_SCHEMA.names() if columns is None else list(columns)
        if state.current is None:
            return SIGNAL_SCHEMA.to_frame().select(wanted)
        path = self.folder / state.current
        return pl.read_parquet(path, columns=wanted, glob=False, hive_partitioning=False)

    def _swept(self) -> LogState:
        state = self.state()
        self._sweep(state)
        return state

    def _extend(
        self, state: LogState, known: pl.DataFrame, new: pl.DataFrame, cursors: Mapping[str, str]
    ) -> Appended:
        state = replace(state, cursors={**state.cursors, **cursors})
        if new.is_empty():
            if state != self.state():
                self._publish(state)
            return Appended(new)
        ordered = new.sort("time", "type", "subject", "signalid", "id")
        rows = numbered(ordered, state.next_sequence, COMPANY_SOURCE)
        segment = write_segment(self.folder, rows, point="log-segment")
        grown = replace(state, next_sequence=state.next_sequence + rows.height)
        self._show(grown, (*state.segments, segment), latest(pl.concat([known, rows])))
        return Appended(rows)

    def _show(
        self, state: LogState, segments: tuple[Segment, ...], last_rows: pl.DataFrame
    ) -> None:
        """Write the last row of each signal, then the state that names it and ``segments``."""
        current = f"current/{segments[-1].last_sequence}.parquet"
        written = parquet.sink(last_rows.lazy(), self.folder / current, point="log-current")
        digest = f"sha256:{written.sha256}"
        self._publish(replace(state, segments=segments, current=current, current_hash=digest))

    def _sweep(self, state: LogState) -> None:
        for part in ("segments", "current"):
            sweep(self.folder, part, state.paths)

    def _publish(self, state: LogState) -> None:
        files.write_json(self.folder / "log.json", state.as_json(), point="log")
        self._sweep(state)


def scrubbed(
    folder: Path, segments: Collection[Segment], erased: pl.Expr, reason: str | None, *, point: str
) -> tuple[Segment, ...]:
    """Return ``segments`` with those that hold ``erased`` rows written again without values.

    The old files stay until the manifest that names the new ones is in place.
    """
    result = []
    for segment in segments:
        rows = read_segments(folder, [segment])
        hit = rows.filter(erased & (pl.col("op") != "ERASE"))
        if hit.is_empty():
            result.append(segment)
            continue
        kept = rows.join(hit.select("sequence"), on="sequence", how="anti")
        rewritten = pl.concat([kept, amend.blank(hit, reason)]).sort("sequence")
        round_ = segment.path.count("-e") + 1
        result.append(write_segment(folder, rewritten, point=point, suffix="-e" * round_))
    return tuple(result)
