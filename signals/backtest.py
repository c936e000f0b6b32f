"""How many signals a day a rule would have made on the history that is loaded.

Belongs here: showing a rule the tables as they were published day by day, and counting.
Does not belong here: the rules, the log: nothing is written and nothing emitted.

A record counts as seen on the day its publisher dates it. A table whose rows all carry one
date is a list published whole: the lists that are kept are shown one after the other, each from
the day it was taken. Of a single one nothing is new, and a rule that compares lists says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Protocol

import polars as pl

from opendata.clock import Clock
from opendata.diff import OP, diff
from opendata.errors import StateError
from opendata.versions import LINEAGE
from signals.base import Frames
from signals.detect import detect_all
from signals.registry import Detector

DATED = "publication_date"
#: A rule that time alone makes speak is asked at least this often.
_STEP_DAYS = 7


#: The lists of a table, oldest first, each with the legal day it was taken.
Lists = Sequence[tuple[date, pl.LazyFrame]]


class History(Frames, Protocol):
    """The tables, and of those that are published whole the lists that are kept."""

    def lists(self, table: str) -> Lists:
        """Return the lists of ``table`` that are kept; none of a table of events."""


@dataclass(frozen=True)
class Replayed:
    """The tables as they were on ``day``, last looked at on ``before``.

    Attributes:
        frames: the tables as they are.
        dated: the tables whose rows tell when they were published.
        lists: the tables published whole of which several lists are kept.
        day: the day of the look.
        before: the day of the look before it.
    """

    frames: Frames
    dated: frozenset[str]
    lists: Mapping[str, Lists]
    day: date
    before: date

    @property
    def today(self) -> date:
        """Return the day of the look."""
        return self.day

    def has(self, table: str) -> bool:
        """Return whether ``table`` is loaded."""
        return self.frames.has(table)

    def current(self, table: str) -> pl.LazyFrame:
        """Return the rows published up to the day, or the list that stood on it."""
        if table in self.lists:
            return self._list(table, self._taken(table, self.day) - 1)
        rows = self.frames.current(table)
        return rows.filter(pl.col(DATED) <= self.day) if table in self.dated else rows

    def delta(self, table: str) -> pl.LazyFrame:
        """Return the rows published since the look before, or what the lists since differ in."""
        rows = self.current(table)
        if table in self.lists and (seen := self._taken(table, self.before)):
            earlier = self._list(table, seen - 1)
            return diff(earlier, rows, ["record_key"], ignore=LINEAGE).lazy()
        new = rows.filter(pl.col(DATED) > self.before) if table in self.dated else rows.head(0)
        return new.with_columns(pl.lit("added").alias(OP))

    def past(self, table: str, steps: int) -> pl.LazyFrame:
        """Return the list that many before the one that stands; empty if none is kept.

        Raises:
            StateError: no two lists of the table are kept.
        """
        if table not in self.lists:
            raise StateError(
                f"the rule compares lists of {table}, of which no two are kept",
                next_step="ask again when the next list has come in",
            )
        seen, now = self._taken(table, self.before), self._taken(table, self.day)
        return self._list(table, -1 if seen == now else seen - steps)

    def _taken(self, table: str, day: date) -> int:
        """Return how many lists had been taken by the end of ``day``."""
        return sum(taken <= day for taken, _ in self.lists[table])

    def _list(self, table: str, place: int) -> pl.LazyFrame:
        lists = self.lists[table]
        return lists[place][1] if place >= 0 else lists[0][1].head(0)

    def since(self, table: str) -> date | None:
        """Return the day of the look before."""
        return self.before if self.has(table) else None


@dataclass(frozen=True)
class Backtest:
    """What a rule would have made.

    Attributes:
        rows: ``day``, ``signals``, ``companies``: one row per day on which it made any.
        first, last: the days of history replayed, both included.
        looks: how often the tables were looked at.
        lists: tables published whole that were shown as they stand today.
    """

    rows: pl.DataFrame
    first: date
    last: date
    looks: int
    lists: tuple[str, ...] = field(default=())

    @property
    def days(self) -> int:
        """Return the number of calendar days replayed."""
        return (self.last - self.first).days + 1

    @property
    def total(self) -> int:
        """Return the number of signals."""
        return int(self.rows["signals"].sum())


def backtest(detector: Detector, frames: History, first: date, last: date) -> Backtest:
    """Replay the publications from ``first`` to ``last`` and count what ``detector`` says.

    The history begins with the day after the earliest publication that is loaded, or list that
    is kept: what was there first is the silent baseline, as it is in a run. An event is counted
    on the day it is first told; corrections are not counted.

    Raises:
        StateError: no dated publication of the inputs is loaded and no two lists are kept.
    """
    loaded = [table for table in detector.signal.inputs if frames.has(table)]
    published = {table: _days(frames.current(table)) for table in loaded}
    dated = frozenset(table for table, days in published.items() if len(days) > 1)
    kept = {table: frames.lists(table) for table in loaded if table not in dated}
    lists = {table: found for table, found in kept.items() if len(found) > 1}
    taken = {day for found in lists.values() for day, _ in found}
    days = sorted(taken | {day for table in dated for day in published[table]})
    if not days:
        raise StateError(
            f"signal {detector.signal.code} has no dated history to be replayed on",
            next_step="load its datasets; of a list that is published whole, two are needed",
        )
    start, end = max(first, days[0] + timedelta(days=1)), min(last, max(days[-1], first))
    if detector.signal.time_driven:
        end = last
    looks = _looks(days, start, end, steady=detector.signal.time_driven)
    told = _told(detector, Replayed(frames, dated, lists, start, start), looks)
    counted = (
        told.group_by("day")
        .agg(
            signals=pl.len().cast(pl.Int64),
            companies=pl.col("siren").n_unique().cast(pl.Int64),
        )
        .sort("day")
    )
    standing = tuple(table for table in kept if table not in lists)
    return Backtest(counted, start, max(start, end), len(looks), standing)


def _days(rows: pl.LazyFrame) -> list[date]:
    found = rows.select(pl.col(DATED).drop_nulls().unique()).collect()[DATED]
    return [day for day in found.sort().to_list() if isinstance(day, date)]


def _looks(days: Sequence[date], start: date, end: date, *, steady: bool) -> list[date]:
    looks = {day for day in days if start <= day <= end}
    if steady:
        weeks = (end - start).days // _STEP_DAYS
        looks |= {end - timedelta(days=_STEP_DAYS * week) for week in range(weeks + 1)}
    return sorted(looks)


def _told(detector: Detector, tables: Replayed, looks: Sequence[date]) -> pl.DataFrame:
    """Return ``day``, ``signalid`` and ``siren`` of each event on the day it is first told."""
    empty = pl.Schema({"day": pl.Date(), "signalid": pl.String(), "siren": pl.String()})
    found, before = [empty.to_frame()], tables.before - timedelta(days=1)
    for day in looks:
        seen = replace(tables, day=day, before=before)
        candidates = detect_all(
            seen,
            recorded=Clock.at(day).now(),
            run_id="backtest",
            detectors={detector.signal.code: detector},
        )
        new = candidates.filter(pl.col("amends_only").not_())
        found.append(new.select(pl.lit(day).alias("day"), "signalid", "siren"))
        before = day
    return pl.concat(found).sort("day").unique("signalid", keep="first", maintain_order=True)
