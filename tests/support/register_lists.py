"""Tables of registers as a run sees them, list after list.

Belongs here: versions of a table with the columns that its ``dataset.yml`` gives, and the
difference between the last two by the engine's own :mod:`opendata.diff`. Does not belong
here: any row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from assets import discovery
from opendata.diff import OP, diff
from opendata.typing_rules import DTYPES
from opendata.versions import LINEAGE
from signals.registry import registry

Row = Mapping[str, Any]


def table(name: str, rows: Sequence[Row], version: int, published: date) -> pl.DataFrame:
    """Return ``rows`` as the table ``name``; what a row does not give is null or usual."""
    described = discovery.owners()[name].described_columns(name)
    schema = {column.name: DTYPES[column.type] for column in described}
    key = discovery.owners()[name].tables[name].key
    full = []
    for row in rows:
        assert not set(row) - set(schema), set(row) - set(schema)
        usual = {
            "source_id": f"{name.split('__')[0]}@v{version}",
            "record_key": "/".join(str(row.get(part)) for part in key),
            "publication_date": published,
        }
        full.append({**dict.fromkeys(schema), **usual, **row})
    return pl.DataFrame(full, schema=schema)


@dataclass
class Lists:
    """Versions of tables, oldest first; the last is current, the one before was last seen.

    Attributes:
        today: legal date of the run.
        versions: table → the rows of each version; with a single one it is the baseline.
        published: day of the current version; earlier ones are a day apart.
        seen: legal day on which the version last seen was made.
        moved: whether the current version is new to this run; if not, it was last seen.
    """

    today: date
    versions: Mapping[str, Sequence[Sequence[Row]]]
    published: date | None = None
    seen: date | None = None
    moved: bool = True

    def has(self, name: str) -> bool:
        return name in self.versions

    def _version(self, name: str, back: int) -> pl.LazyFrame:
        lists = self.versions.get(name, [])
        at = len(lists) - 1 - back
        rows = lists[at] if at >= 0 else []
        day = date.fromordinal((self.published or self.today).toordinal() - back)
        return table(name, rows, at, day).lazy()

    def _first(self, name: str) -> bool:
        return len(self.versions.get(name, [])) < 2

    def current(self, name: str) -> pl.LazyFrame:
        return self._version(name, 0)

    def past(self, name: str, steps: int) -> pl.LazyFrame:
        if not self.moved or self._first(name):
            return self._version(name, len(self.versions.get(name, [])))
        return self._version(name, steps)

    def delta(self, name: str) -> pl.LazyFrame:
        if self._first(name) or not self.moved:
            return self.current(name).head(0).with_columns(pl.lit("").alias(OP))
        key = discovery.owners()[name].tables[name].key
        return diff(self._version(name, 1), self.current(name), key, ignore=LINEAGE).lazy()

    def since(self, name: str) -> date | None:
        return None if self._first(name) else self.seen


def detected(code: str, lists: Lists) -> list[dict[str, Any]]:
    """Return the events that a rule finds."""
    return registry()[code].detect(lists).collect().to_dicts()
