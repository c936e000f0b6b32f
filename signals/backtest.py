"""How many signals a day a rule would have made on the history that is loaded.

Belongs here: showing a rule the tables as they were published day by day, and counting.
Does not belong here: the rules, the log: nothing is written and nothing emitted.

A record counts as seen on the day its publisher dates it. A table whose rows all carry one
date is a list published whole: it is shown as it stands, and makes nothing new. A rule that
compares such lists (gained, lost) has no history to be replayed on, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import polars as pl

from opendata.clock import Clock
from opendata.diff import OP
from opendata.errors import StateError
from signals.base import Frames
from signals.detect import detect_all
from signals.registry import Detector

DATED = "publication_date"
#: A rule that time alone makes speak is asked at least this often.
_STEP_DAYS = 7


@dataclass(frozen=True)
class Replayed:
    """The tables as they were on ``day``, last looked at on ``before``.

    Attributes:
        frames: the tables as they are.
        dated: the tables whose rows tell when they were published.
        day: the day of the look.
        before: the day of the look before it.
    """

    frames: Frames
    dated: frozenset[str]
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
        """Return the rows published up to the day; all of a list published whole."""
        rows = self.frames.current(table)
        return rows.filter(pl.col(DATED) <= self.day) if table in self.dated else rows

    def delta(self, table: str) -> pl.LazyFrame:
        """Return the rows published since the look before."""
        rows = self.current(table)
        new = rows.filter(pl.col(DATED) > self.before) if table in self.dated else rows.head(0)
        return new.with_columns(pl.lit("added").alias(OP))

    def past(self, table: str, steps: int) -> pl.LazyFrame:
        """Refuse: earlier lists are not told apart by the date of a row.

        Raises:
            StateError: always.
        """
        raise StateError(
            f"the rule compares list {table} with the {steps} before it, published whole",
            next_step="count its signals in the log as the lists come in",
        )

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


def backtest(detector: Detector, frames: Frames, first: date, last: date) -> Backtest:
    """Replay the publications from ``first`` to ``last`` and count what ``detector`` says.

    The history begins with the day after the earliest loaded publication: what was there
    first is the silent baseline, as it is in a run. An event is counted on the day it is
    first told; corrections are not counted.

    Raises:
        StateError: no dated publication of the inputs is loaded, or the rule compares lists.
    """
    loaded = [table for table in detector.signal.inputs if frames.has(table)]
    published = {table: _days(frames.current(table)) for table in loaded}
    dated = frozenset(table for table, days in published.items() if len(days) > 1)
    days = sorted({day for table in dated for day in published[table]})
    if not days:
        raise StateError(
            f"signal {detector.signal.code} has no dated history to be replayed on",
            next_step="load its datasets; a list that is published whole cannot be replayed",
        )
    start, end = max(first, days[0] + timedelta(days=1)), min(last, max(days[-1], first))
    if detector.signal.time_driven:
        end = last
    looks = _looks(days, start, end, steady=detector.signal.time_driven)
    told = _told(detector, frames, dated, looks, start)
    counted = (
        told.group_by("day")
        .agg(
            signals=pl.len().cast(pl.Int64),
            companies=pl.col("siren").n_unique().cast(pl.Int64),
        )
        .sort("day")
    )
    lists = tuple(table for table in loaded if table not in dated)
    return Backtest(counted, start, max(start, end), len(looks), lists)


def _days(rows: pl.LazyFrame) -> list[date]:
    found = rows.select(pl.col(DATED).drop_nulls().unique()).collect()[DATED]
    return [day for day in found.sort().to_list() if isinstance(day, date)]


def _looks(days: Sequence[date], start: date, end: date, *, steady: bool) -> list[date]:
    looks = {day for day in days if start <= day <= end}
    if steady:
        weeks = (end - start).days // _STEP_DAYS
        looks |= {end - timedelta(days=_STEP_DAYS * week) for week in range(weeks + 1)}
    return sorted(looks)


def _told(
    detector: Detector,
    frames: Frames,
    dated: frozenset[str],
    looks: Sequence[date],
    start: date,
) -> pl.DataFrame:
    """Return ``day``, ``signalid`` and ``siren`` of each event on the day it is first told."""
    empty = pl.Schema({"day": pl.Date(), "signalid": pl.String(), "siren": pl.String()})
    found, before = [empty.to_frame()], start - timedelta(days=1)
    for day in looks:
        seen = Replayed(frames, dated, day, before)
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
