"""What the detectors of one run see.

Belongs here: which rows are new since the last run. The first version of a dataset is
the silent baseline: all of it is current, none of it is new. A table whose dataset was
never loaded is empty and has its columns, so that a rule may look at two sources and
work with the one that is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from opendata.catalogue import Dataset
from opendata.clock import PARIS
from opendata.diff import OP
from opendata.overlay import current, pairs
from opendata.typing_rules import DTYPES
from opendata.versions import TableStore


@dataclass(frozen=True)
class StoreFrames:
    """The tables of a store, seen from the cursors of the signal log.

    Attributes:
        store: the versions of all tables.
        datasets: table → description of the dataset it belongs to.
        today: legal date of the run.
        cursors: dataset → version up to which signals were detected.
    """

    store: TableStore
    datasets: Mapping[str, Dataset]
    today: date
    cursors: Mapping[str, str] = field(default_factory=dict)

    def has(self, table: str) -> bool:
        """Return whether ``table`` has a current version."""
        return self.store.current(self.datasets[table].name) is not None

    def current(self, table: str) -> pl.LazyFrame:
        """Return all current rows of ``table``; none if it was never loaded.

        Where a daily flux overlays it, its rows stand in place of those they replace.
        """
        if not self.has(table):
            return self._nothing(table)
        over = next((one for one in self.datasets.values() if self._overlays(one, table)), None)
        return self.store.scan(table) if over is None else current(self.store, table, over)

    def _overlays(self, dataset: Dataset, table: str) -> bool:
        overlay = dataset.overlays
        return overlay is not None and table in pairs(overlay.dataset, dataset)

    def delta(self, table: str) -> pl.LazyFrame:
        """Return what is new since the cursor, with ``_op``; nothing on the baseline."""
        since = self.cursors.get(self.datasets[table].name)
        if since is None or not self.has(table):
            return self._nothing(table).with_columns(pl.lit("").alias(OP))
        return self.store.delta(table, since)

    def past(self, table: str, steps: int) -> pl.LazyFrame:
        """Return the rows of the version ``steps`` before what is new; none if it is not there."""
        name = self.datasets[table].name
        state = self.store.state(name)
        seen = self.cursors.get(name)
        version = None if seen is None or seen == state.current else state.find(seen)
        for _ in range(steps - 1):
            version = None if version is None else state.before(version.id)
        if version is None or table not in version.tables:
            return self._nothing(table)
        return self.store.scan_version(table, version.id)

    def lists(self, table: str) -> list[tuple[date, pl.LazyFrame]]:
        """Return the versions of a snapshot that are kept, up to the one that serves.

        Oldest first, each with the legal day it was made; none of a table of events.
        """
        dataset = self.datasets[table]
        good = self.store.state(dataset.name).good()
        if dataset.kind == "events" or not self.has(table):
            return []
        served = [one.id for one in good].index(self.store.state(dataset.name).current or "")
        return [
            (one.created_at.astimezone(PARIS).date(), self.store.scan_version(table, one.id))
            for one in good[: served + 1]
            if table in one.tables
        ]

    def since(self, table: str) -> date | None:
        """Return the legal day on which the version of the cursor was made, if there is one."""
        name = self.datasets[table].name
        seen = self.store.state(name).find(self.cursors.get(name, ""))
        return None if seen is None else seen.created_at.astimezone(PARIS).date()

    def _nothing(self, table: str) -> pl.LazyFrame:
        columns = self.datasets[table].described_columns(table)
        return pl.LazyFrame(schema={column.name: DTYPES[column.type] for column in columns})
