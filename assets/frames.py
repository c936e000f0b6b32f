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
from opendata.diff import OP
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
        """Return all current rows of ``table``; none if it was never loaded."""
        return self.store.scan(table) if self.has(table) else self._nothing(table)

    def delta(self, table: str) -> pl.LazyFrame:
        """Return what is new since the cursor, with ``_op``; nothing on the baseline."""
        since = self.cursors.get(self.datasets[table].name)
        if since is None or not self.has(table):
            return self._nothing(table).with_columns(pl.lit("").alias(OP))
        return self.store.delta(table, since)

    def _nothing(self, table: str) -> pl.LazyFrame:
        columns = self.datasets[table].described_columns(table)
        return pl.LazyFrame(schema={column.name: DTYPES[column.type] for column in columns})
