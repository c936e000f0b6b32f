"""How a version ends.

Belongs here: going back one version, removing what nobody needs, rewriting the bytes of
rows that must disappear. Does not belong here: making and reading versions
(``versions.py``), and knowing what a published row cites (``signals/``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import polars as pl

from opendata import parquet, row_hashes
from opendata.errors import StateError
from opendata.screening import Screen
from opendata.state import DatasetState, StateFolder, TableFile, Version


class Retention(StateFolder):
    """The part of the store that takes away.

    Args:
        data_dir: the data folder.
        screen: what must not be kept or shown; everything may be without it.
    """

    def __init__(self, data_dir: Path, screen: Screen | None = None) -> None:
        super().__init__(data_dir)
        self.screen = screen

    def rollback(self, dataset: str, *, reason: str = "rolled back by an operator") -> Version:
        """Serve the previous good version again; the current one is withdrawn.

        Raises:
            StateError: there is no previous version to serve.
        """
        current, previous = self.going_back(dataset)
        self.withdraw(dataset, current.id, reason=reason)
        return previous

    def going_back(self, dataset: str) -> tuple[Version, Version]:
        """Return the version that serves and the one that a rollback would serve instead.

        Raises:
            StateError: there is no previous version to serve.
        """
        current = self.current(dataset)
        previous = self.state(dataset).before(current.id) if current is not None else None
        if current is None or previous is None:
            raise StateError(
                "there is no previous version to go back to",
                next_step="leave it as it is; a version that is bad can only be replaced",
                dataset=dataset,
            )
        return current, previous

    def withdraw(self, dataset: str, version: str, *, reason: str) -> None:
        """Take a good version back; if it serves, the good one before it serves again, if any.

        A version that is not good is left as it is, so that doing it twice is harmless.
        """
        state = self.state(dataset)
        found = state.find(version)
        if found is None or found.status != "good":
            return
        previous = state.before(version)
        current = state.current
        if current == version:
            current = previous.id if previous is not None else None
        withdrawn = found.model_copy(update={"status": "withdrawn", "reason": reason})
        self._save(state.put(withdrawn).model_copy(update={"current": current}))

    def derived(self, version: Version) -> list[Version]:
        """Return the versions of other datasets that tell the changes up to ``version``."""
        return [
            one
            for dataset in self.datasets()
            for one in self.state(dataset).versions
            if one.told(version.dataset) == version.id
        ]

    def gc(self, keep: int | Mapping[str, int], cited: Collection[str] = ()) -> list[str]:
        """Remove versions that neither serve, wait, roll back nor are cited.

        Windows of events that are good are the current state and always stay. So does what
        was withdrawn after the version that serves: its publisher still shows it, and the
        next run would take a version that nobody knows any more for a new one.

        Args:
            keep: good versions kept of each snapshot dataset, the current one included;
                a mapping gives it by dataset.
            cited: ``source_id`` of the rows that published records cite.

        Returns:
            The ``source_id`` of what was removed.
        """
        removed = []
        for dataset in self.datasets():
            state = self.state(dataset)
            number = keep if isinstance(keep, int) else keep.get(dataset, 1)
            leaving = _leaving(state, number, frozenset(cited))
            if not leaving:
                continue
            staying = tuple(one for one in state.versions if one not in leaving)
            # The state first: a file that nothing names is harmless, the reverse is not.
            self._save(state.model_copy(update={"versions": staying}))
            for version in leaving:
                self._unlink(version)
                removed.append(version.source_id)
        return removed

    def _unlink(self, version: Version) -> None:
        names = [file for table in version.tables.values() for file in table.files]
        for name in [*names, *([version.quarantine] if version.quarantine else [])]:
            (self.data_dir / name).unlink(missing_ok=True)

    def rewrite(
        self,
        table: str,
        touched: Callable[[Version, pl.Schema], pl.Expr | None],
        change: Callable[[Version, pl.LazyFrame], pl.LazyFrame],
    ) -> dict[str, int]:
        """Rewrite the bytes of every version of ``table`` in which a row is touched.

        For erasure and masking: purge wins over history, held and withdrawn versions
        included, and files without such a row are left alone.

        Args:
            table: the table.
            touched: tells the rows concerned of a version, from its columns; ``None`` if
                none can be. A file without any is not rewritten.
            change: rows of a version to the rows that may stay, keys and columns kept.

        Returns:
            ``source_id`` of the versions that were rewritten → rows that were touched.
        """
        rewritten = {}
        for version, held, rows, count in self.concerned(table, touched):
            self._replace_file(version, table, held, change(version, rows))
            rewritten[version.source_id] = count
        return rewritten

    def concerned(
        self, table: str, touched: Callable[[Version, pl.Schema], pl.Expr | None]
    ) -> Iterator[tuple[Version, TableFile, pl.LazyFrame, int]]:
        """Give each version of ``table`` with a row that is touched: file, rows, how many."""
        for dataset in self.datasets():
            for version in self.state(dataset).versions:
                held = version.tables.get(table)
                if held is None:
                    continue
                rows = pl.scan_parquet(self.data_dir / held.file, glob=False)
                hit = touched(version, rows.collect_schema())
                if hit is None:
                    continue
                count = int(rows.select(hit.sum()).collect(engine="streaming").item() or 0)
                if count:
                    yield version, held, rows, count

    def _replace_file(
        self, version: Version, table: str, held: TableFile, rows: pl.LazyFrame
    ) -> None:
        old = self.data_dir / held.file
        stem, _, turn = old.stem.partition(".r")
        target = old.with_name(f"{stem}.r{int(turn or 0) + 1}.parquet")
        narrow = None
        if held.hashes is not None:
            narrow = row_hashes.beside(rows, held.key, self.hashes_file(target))
        written = parquet.sink(
            rows,
            target,
            metadata=parquet.metadata(old),
            sort_by=held.key,
            point="rewrite",
            beside=narrow,
        )
        now = self.table_file(written, held.key, narrow)
        state = self.state(version.dataset)
        latest = state.find(version.id) or version
        tables = {**latest.tables, table: now}
        self._save(state.put(latest.model_copy(update={"tables": tables})))
        for file in held.files:
            (self.data_dir / file).unlink(missing_ok=True)

    def hashes_file(self, table: Path) -> Path:
        """Return where the hashes of the rows of a table's file are kept."""
        return self.data_dir / "hashes" / table.parent.name / table.name

    def table_file(
        self, written: parquet.Written, key: tuple[str, ...], narrow: parquet.Beside | None
    ) -> TableFile:
        """Return what the state says of a file that was written."""
        return TableFile(
            file=str(written.path.relative_to(self.data_dir)),
            rows=written.rows,
            sha256=written.sha256,
            bytes=written.bytes,
            key=key,
            hashes=None if narrow is None else str(narrow.path.relative_to(self.data_dir)),
        )

    def disk_use(self) -> dict[str, int]:
        """Return the bytes under each folder and file of the data folder."""
        return {
            entry.name: _size(entry) for entry in sorted(self.data_dir.iterdir()) if entry.exists()
        }


def _size(entry: Path) -> int:
    if entry.is_file():
        return entry.stat().st_size
    return sum(path.stat().st_size for path in entry.rglob("*") if path.is_file())


def _leaving(state: DatasetState, keep: int, cited: frozenset[str]) -> tuple[Version, ...]:
    good = [one.id for one in state.good()]
    kept = set(good if state.kind == "events" else good[-max(1, keep) :])
    kept |= {one.id for one in state.since() if one.status == "withdrawn"}
    return tuple(
        one
        for one in state.versions
        if one.id not in kept
        and one.id != state.current
        and one.status != "held"
        and one.source_id not in cited
    )
