"""Two states of some tables, as a rule sees them: what is there, and what is new of it.

The columns are those of ``dataset.yml``; what a row does not give is null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from assets import discovery
from opendata.catalogue import SOURCE_ID
from opendata.diff import OP, diff
from opendata.typing_rules import DTYPES
from signals.contract import EVENT_SCHEMA
from signals.registry import registry

State = Mapping[str, pl.DataFrame]


def rows(table: str, *given: Mapping[str, Any]) -> pl.DataFrame:
    """Return ``given`` as rows of ``table``, with a record key of their own."""
    dataset = discovery.owners()[table]
    schema = {column.name: DTYPES[column.type] for column in dataset.described_columns(table)}
    key = dataset.tables[table].key
    usual = {SOURCE_ID.name: f"{dataset.name}@v1", "publication_date": date(2021, 1, 8)}
    full = []
    for row in given:
        assert not set(row) - set(schema), set(row) - set(schema)
        named = "/".join(str(row.get(name)) for name in key)
        full.append({**dict.fromkeys(schema), **usual, "record_key": named, **row})
    return pl.DataFrame(full, schema=schema)


@dataclass(frozen=True)
class World:
    """The tables of one run: ``after`` now, ``before`` when last looked at, on ``seen``."""

    today: date
    after: State
    before: State = field(default_factory=dict)
    seen: date | None = date(2000, 1, 1)

    def has(self, table: str) -> bool:
        return table in self.after

    def current(self, table: str) -> pl.LazyFrame:
        return self.after.get(table, rows(table)).lazy()

    def past(self, table: str, steps: int) -> pl.LazyFrame:
        return (self.before.get(table, rows(table)) if steps == 1 else rows(table)).lazy()

    def lists(self, table: str) -> Sequence[tuple[date, pl.LazyFrame]]:
        return ()

    def since(self, table: str) -> date | None:
        return self.seen if self.has(table) else None

    def delta(self, table: str) -> pl.LazyFrame:
        if self.seen is None:
            return rows(table).with_columns(pl.lit("").alias(OP)).lazy()
        key = discovery.owners()[table].tables[table].key
        before = self.before.get(table, rows(table)).lazy()
        return diff(before, self.current(table), key, ignore=(SOURCE_ID.name,)).lazy()


def told(code: str, world: World) -> list[dict[str, Any]]:
    """Return the events that the rule ``code`` finds, as the contract has them."""
    events = registry()[code].detect(world).collect()
    assert events.schema == EVENT_SCHEMA
    return events.sort("siren", "event_key", "record_key").to_dicts()
