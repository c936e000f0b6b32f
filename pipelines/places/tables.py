"""The versions of the tables, and the rows that were refused.

Belongs here: taking rows out of every version on disk. Does not belong here: which rows
(``leads.privacy.screen``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from assets.workspace import Workspace
from leads.privacy.facts import Facts
from leads.privacy.receipts import PlaceReport
from opendata import parquet
from opendata.state import Version
from pipelines.places import Place

#: What a number of the register looks like in a refused value.
_NUMBER = r"^(\d{9})(?:\d{5})?$"
_RECORD = ("resource", "file", "line")


@dataclass(frozen=True)
class Tables:
    """Normalised tables: every version, held and withdrawn ones included."""

    workspace: Workspace
    name: str = "tables"
    order: int = 10
    follows: bool = False

    def find(self, facts: Facts) -> PlaceReport:
        """Return rows and files that show somebody."""
        rows = files = 0
        for table in self._tables(facts):
            for *_, count in self.workspace.store.concerned(table, self._touched(table, facts)):
                rows, files = rows + count, files + 1
        return PlaceReport(place=self.name, rows=rows, files=files)

    def erase(self, facts: Facts) -> PlaceReport:
        """Write the files again that show somebody; the others are left alone."""
        rows = files = 0
        for table in self._tables(facts):
            written = self.workspace.store.rewrite(
                table,
                self._touched(table, facts),
                lambda version, frame, table=table: self.workspace.screen.applied(  # type: ignore[misc]
                    facts, table, version.publisher_date, frame
                ),
            )
            rows, files = rows + sum(written.values()), files + len(written)
        return PlaceReport(place=self.name, rows=rows, files=files)

    def _tables(self, facts: Facts) -> Iterable[str]:
        return sorted(self.workspace.shapes) if facts.of_units else ()

    def _touched(self, table: str, facts: Facts):  # type: ignore[no-untyped-def]
        def touched(version: Version, schema: pl.Schema) -> pl.Expr | None:
            return self.workspace.screen.touched(facts, table, version.publisher_date, schema)

        return touched


@dataclass(frozen=True)
class Quarantine:
    """Refused rows: personal values were never kept, numbers of the register are."""

    workspace: Workspace
    name: str = "quarantine"
    order: int = 20
    follows: bool = False

    def find(self, facts: Facts) -> PlaceReport:
        """Return refused values of records that name somebody."""
        found = [self._about(path, facts).height for path in self._files(facts)]
        return PlaceReport(place=self.name, rows=sum(found), files=sum(map(bool, found)))

    def erase(self, facts: Facts) -> PlaceReport:
        """Write the files again without those records."""
        rows = files = 0
        for path in self._files(facts):
            about = self._about(path, facts)
            if about.is_empty():
                continue
            records = about.select(_RECORD).unique().lazy()
            kept = pl.read_parquet(path, glob=False).lazy()
            kept = kept.join(records, on=list(_RECORD), how="anti", nulls_equal=True)
            metadata = parquet.metadata(path)
            parquet.sink(
                kept, path, metadata=metadata, sort_by=(*_RECORD, "column"), point="quarantine"
            )
            rows, files = rows + about.height, files + 1
        return PlaceReport(place=self.name, rows=rows, files=files)

    def _files(self, facts: Facts) -> list[Path]:
        if not facts.hidden_units:
            return []
        return sorted((self.workspace.data_dir / "quarantine").glob("*/*.parquet"))

    def _about(self, path: Path, facts: Facts) -> pl.DataFrame:
        number = pl.col("value").str.replace_all(r"[\s.]", "").str.extract(_NUMBER)
        wanted = pl.Series(sorted(facts.hidden_units), dtype=pl.UInt64).implode()
        rows = pl.scan_parquet(path, glob=False)
        hit = self.workspace.suppressions.keys().units(number).is_in(wanted).fill_null(False)
        records = rows.filter(hit).select(_RECORD).unique()
        return rows.join(records, on=list(_RECORD), how="semi", nulls_equal=True).collect()


def places(workspace: Workspace) -> Sequence[Place]:
    """Return the places of this module."""
    return (Tables(workspace), Quarantine(workspace))
