"""A snapshot and what its publisher said since, seen as one state.

Belongs here: which rows of an overlay count on top of a version of its snapshot, the lazy union
of both, and the days that nobody asked for. Does not belong here: fetching, what the rows mean.

Nothing is rewritten: the overlay stays in its own small sorted tables and a reader sees the rows
of the snapshot whose key it does not have, and its own. The next snapshot holds what was treated
before it, so that those rows of the overlay no longer count (docs/adr/0010).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from opendata.catalogue import Dataset, Overlay
from opendata.receipt import load_receipt
from opendata.state import Version
from opendata.versions import TableStore

Rows = Mapping[str, pl.LazyFrame]
#: One day and the last of a run of days, both included.
Days = tuple[date, date]


def entity(table: str) -> str:
    """Return what a table is about: the part of its name after the dataset."""
    return table.partition("__")[2] or table


def pairs(base: str, over: Dataset) -> dict[str, str]:
    """Return table of the snapshot → table of the overlay that replaces its rows."""
    return {f"{base}__{entity(table)}": table for table in over.tables}


def latest(base: pl.LazyFrame, over: pl.LazyFrame, key: tuple[str, ...]) -> pl.LazyFrame:
    """Return the rows of ``over``, and those of ``base`` whose key it does not have."""
    rest = base.join(over.select(key), on=list(key), how="anti", nulls_equal=True)
    return pl.concat([rest, over], how="diagonal_relaxed")


def treated_until(path: Path, column: str) -> datetime | None:
    """Return the latest instant in ``column``, from the statistics of the row groups alone."""
    metadata = pq.read_metadata(path)
    names = list(metadata.schema.to_arrow_schema().names)
    if column not in names:
        return None
    at = names.index(column)
    groups = [metadata.row_group(number).column(at) for number in range(metadata.num_row_groups)]
    found = [
        group.statistics.max
        for group in groups
        if group.statistics is not None and group.statistics.has_min_max
    ]
    return max(found, default=None)


def held_until(store: TableStore, base: Version, table: str, column: str) -> datetime:
    """Return the instant up to which a snapshot holds every treatment.

    That is the latest one it shows, but never later than the day of its publication: one
    absurd date must not make the overlay vanish.
    """
    published = datetime.combine(base.publisher_date, time())
    shown = treated_until(store.data_dir / base.tables[table].file, column)
    return min(shown, published) if shown is not None else published


def on_top(store: TableStore, base: Version, over: Version | None, declared: Dataset) -> Rows:
    """Return the rows of an overlay that count on top of ``base``, by table of the overlay.

    Args:
        store: the versions.
        base: version of the snapshot.
        over: version of the overlay that was the latest at that moment; ``None`` for none.
        declared: description of the overlay.
    """
    overlay = declared.overlays
    if over is None or overlay is None:
        return {}
    found = {}
    for base_table, table in pairs(overlay.dataset, declared).items():
        since = held_until(store, base, base_table, overlay.treated)
        rows = store.scan_until(table, over.id, since=since.date())
        found[table] = rows.filter(pl.col(overlay.treated) > since)
    return found


def current(store: TableStore, table: str, declared: Dataset) -> pl.LazyFrame:
    """Return the current rows of a table of the snapshot with the overlay on top of it."""
    overlay = declared.overlays
    rows = store.scan(table)
    if overlay is None:
        return rows
    base, over = store.current(overlay.dataset), store.current(declared.name)
    replaced = pairs(overlay.dataset, declared).get(table)
    if base is None or over is None or replaced is None:
        return rows
    return latest(rows, on_top(store, base, over, declared)[replaced], base.tables[table].key)


@dataclass(frozen=True)
class Coverage:
    """Which days of an overlay were asked once they were closed.

    Attributes:
        since: first day that the snapshot does not hold.
        until: last day that could be asked: yesterday.
        missing: runs of days in between that nobody asked, or that were not closed when asked.
    """

    since: date
    until: date
    missing: tuple[Days, ...]

    @property
    def holes(self) -> tuple[Days, ...]:
        """Return the runs that are followed by days that were asked: no delay, but a gap."""
        return tuple(days for days in self.missing if days[1] < self.until)


def coverage(store: TableStore, base: Version, declared: Dataset, today: date) -> Coverage:
    """Return which days after ``base`` every resource of its overlay was asked for.

    A day is closed once the publisher has brought its data up to date on a later one: until
    then more may come for it.
    """
    overlay: Overlay | None = declared.overlays
    until = today - timedelta(days=1)
    if overlay is None:
        return Coverage(today, until, ())
    tables = pairs(overlay.dataset, declared)
    # What a table was treated until is in it; the day itself may have gone on after that.
    since = min(held_until(store, base, table, overlay.treated).date() for table in tables)
    asked = [_closed(store, declared.name, resource.name) for resource in declared.resources]
    days = (since + timedelta(days=offset) for offset in range((until - since).days + 1))
    missing = [day for day in days if not all(day in closed for closed in asked)]
    return Coverage(since, until, _runs(missing))


def begins(store: TableStore, declared: Dataset, today: date) -> date | None:
    """Return the first day that the next fetch of an overlay has to ask again.

    That is the first day of a gap, else today. ``None`` while its snapshot has no version: then
    there is nothing to go on from.
    """
    base = store.current(declared.overlays.dataset) if declared.overlays else None
    if base is None:
        return None
    missing = coverage(store, base, declared, today).missing
    return missing[0][0] if missing else today


def gap(store: TableStore, declared: Dataset, today: date) -> str | None:
    """Return what an overlay that was loaded does not know of, as a sentence; ``None`` if all.

    Over a gap nobody may say that nothing changed.
    """
    overlay = declared.overlays
    base = store.current(overlay.dataset) if overlay else None
    if base is None or store.current(declared.name) is None:
        return None
    holes = coverage(store, base, declared, today).holes
    shown = ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in holes[:3])
    return f"days that nobody asked for: {shown}" if holes else None


def _closed(store: TableStore, dataset: str, resource: str) -> set[date]:
    found: set[date] = set()
    for version in store.state(dataset).good():
        for one in version.inputs:
            path = store.data_dir / one.receipt
            if one.resource != resource or not path.exists():
                continue
            receipt = load_receipt(path)
            if receipt.window_from is not None:
                span = (receipt.publisher_date - receipt.window_from).days
                found |= {receipt.window_from + timedelta(days=offset) for offset in range(span)}
    return found


def _runs(days: list[date]) -> tuple[Days, ...]:
    runs: list[Days] = []
    for day in days:
        if runs and day - runs[-1][1] == timedelta(days=1):
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    return tuple(runs)
