"""The normalised tables: as they are, as they were, as they changed.

Belongs here: reading tables by version. Does not belong here: writing them
(``staging.py``), the state file (``state.py``), rollback and cleaning (``retention.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl

from opendata.diff import OP, diff
from opendata.errors import StateError
from opendata.row_hashes import LINEAGE as LINEAGE
from opendata.row_hashes import Pair, pair
from opendata.staging import SOURCE, Staging
from opendata.state import DatasetState, Version


class TableStore(Staging):
    """Tables under ``data_dir``, by version.

    Usage:
        ``version = store.stage(dataset, draft, frames)``, then ``store.promote(version)``
        or ``store.hold(version, reason)``. Nothing is visible before.
    """

    def scan(self, table: str) -> pl.LazyFrame:
        """Return the current rows of ``table``.

        A snapshot is its current file. Events are all their good windows; of a key that
        stands in several, the latest window has the last word.

        Raises:
            StateError: no version of it is good yet.
        """
        state = self._owner(table)
        return self._union(table, _having(table, _visible(state, state.current)))

    def scan_version(self, table: str, version: str) -> pl.LazyFrame:
        """Return the rows that one version brought: its file."""
        return self._file(self._known(self._owner(table).dataset, version), table)

    def scan_until(self, table: str, version: str, *, since: date | None = None) -> pl.LazyFrame:
        """Return the rows of ``table`` that were current when ``version`` was.

        Args:
            table: the table.
            version: the version that served.
            since: windows that ended before it are left out (events only).
        """
        state = self._owner(table)
        visible = _visible(state, self._known(state.dataset, version).id)
        having = _having(table, visible)
        recent = [one for one in having if not _ended(one, since)]
        return self._union(table, recent) if recent else self._file(having[-1], table).head(0)

    def rows_of(self, version: Version) -> dict[str, pl.LazyFrame]:
        """Return the rows of each table of a version, staged ones included."""
        return {name: self._file(version, name) for name in version.tables}

    def paths(self, table: str) -> list[Path]:
        """Return the files behind :meth:`scan`, oldest first."""
        state = self._owner(table)
        visible = _visible(state, state.current)
        return [self.data_dir / one.tables[table].file for one in _having(table, visible)]

    def delta(self, table: str, since: str | None) -> pl.LazyFrame:
        """Return the rows that are new, changed or gone since version ``since``.

        Args:
            table: the table.
            since: version that was current when last looked; ``None`` gives every row as
                added.

        Returns:
            The columns of the table and ``_op``: ``added``, ``modified`` or ``removed`` (with
            the last values). What only moved from one version to another is not a change.
        """
        state = self._owner(table)
        now = _having(table, _visible(state, state.current))
        if since is None:
            return self._union(table, now).with_columns(pl.lit("added").alias(OP))
        then = _having(table, _visible(state, self._known(state.dataset, since).id))
        if not (then and now):
            # A table that the dataset has just gained: its first sight is a baseline.
            return self._union(table, now or then).head(0).with_columns(pl.lit("").alias(OP))
        key = now[-1].tables[table].key
        before, after = self._union(table, then), self._union(table, now)
        if state.kind == "events":
            turned = [one for one in (*then, *now) if (one in then) != (one in now)]
            if not turned:
                return after.head(0).with_columns(pl.lit("").alias(OP))
            # Only the keys of the windows that came or went can differ.
            keys = pl.concat([self._file(one, table).select(key) for one in turned]).unique()
            before = before.join(keys, on=list(key), how="semi", nulls_equal=True)
            after = after.join(keys, on=list(key), how="semi", nulls_equal=True)
        hashes = self.hashes(table, then[-1], now[-1]) if state.kind == "snapshot" else None
        return diff(before, after, key, ignore=LINEAGE, hashes=hashes).lazy()

    def hashes(self, table: str, before: Version, after: Version) -> Pair | None:
        """Return key and hash of the rows of two versions, if they say what the rows do.

        While somebody is being hidden, what is shown is not what was hashed.
        """
        ends = [self._shown_as_written(one, table) for one in (before, after)]
        return pair(*ends)

    def sources(self) -> pl.DataFrame:
        """Return the ``sources`` table: what each ``source_id`` stands for."""
        rows = [
            {
                SOURCE: version.source_id,
                "dataset": version.dataset,
                **version.provenance.model_dump(),
                "publication_date": version.publisher_date,
                "fetched_at": version.fetched_at.replace(tzinfo=None),
            }
            for dataset in self.datasets()
            for version in self.state(dataset).versions
        ]
        return pl.DataFrame(rows, schema=SOURCES_SCHEMA).sort(SOURCE)

    def _owner(self, table: str) -> DatasetState:
        for dataset in self.datasets():
            state = self.state(dataset)
            if any(table in version.tables for version in state.good()):
                return state
        raise StateError(
            f"table {table} has no good version yet",
            next_step="run its dataset first; `company-signals status` says where it stands",
        )

    def _file(self, version: Version, table: str) -> pl.LazyFrame:
        rows = pl.scan_parquet(self.data_dir / version.tables[table].file, glob=False)
        if self.screen is None:
            return rows
        return self.screen.reading(table, version.publisher_date, rows)

    def _shown_as_written(self, version: Version, table: str) -> Path | None:
        """Return the file of hashes of a version, if its rows are shown as they were written."""
        held = version.tables.get(table)
        if held is None or held.hashes is None:
            return None
        rows = pl.scan_parquet(self.data_dir / held.file, glob=False)
        if self.screen and self.screen.reading(table, version.publisher_date, rows) is not rows:
            return None
        return self.data_dir / held.hashes

    def _union(self, table: str, versions: Sequence[Version]) -> pl.LazyFrame:
        frames = [self._file(version, table) for version in reversed(versions)]
        if len(frames) == 1:
            return frames[0]
        key = versions[-1].tables[table].key
        union = pl.concat(frames, how="diagonal_relaxed")
        return union.unique(subset=list(key), keep="first").sort(*key)


SOURCES_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    SOURCE: pl.String,
    "dataset": pl.String,
    "title": pl.String,
    "publisher": pl.String,
    "publisher_url": pl.String,
    "landing_page": pl.String,
    "licence_id": pl.String,
    "licence_title": pl.String,
    "licence_url": pl.String,
    "publication_date": pl.Date,
    "fetched_at": pl.Datetime("us"),
    "attribution": pl.String,
}


def _having(table: str, versions: Sequence[Version]) -> tuple[Version, ...]:
    """Return the versions that have ``table``: those older than the table do not."""
    return tuple(version for version in versions if table in version.tables)


def _ended(version: Version, since: date | None) -> bool:
    return since is not None and version.window_to is not None and version.window_to < since


def _visible(state: DatasetState, moment: str | None) -> tuple[Version, ...]:
    """Return the versions whose rows are read when ``moment`` is the current one."""
    if state.kind == "snapshot":
        return tuple(one for one in state.versions if one.id == moment)
    ids = [one.id for one in state.versions]
    until = ids.index(moment) if moment in ids else -1
    return tuple(
        one
        for at, one in enumerate(state.versions)
        if at <= until and (one.status == "good" or one.id == moment)
    )
