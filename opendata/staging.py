"""Taking up a version: written first, visible last.

Belongs here: writing the tables of a version, then making it current, holding it or
releasing it. Does not belong here: reading tables (``versions.py``), rollback and cleaning
(``retention.py``), deciding whether a version is good (``quality.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from opendata import attribution, parquet, row_hashes
from opendata.catalogue import Dataset
from opendata.errors import StateError
from opendata.files import reached
from opendata.retention import Retention
from opendata.state import DatasetState, Draft, Provenance, TableFile, Version

SOURCE = "source_id"
#: Columns of ``contract.py`` that a table does not keep.
_FROM_CONTRACT = ("_line", "_file")
Rows = Mapping[str, pl.LazyFrame]


class Staging(Retention):
    """The part of the store that adds."""

    def stage(
        self,
        dataset: Dataset,
        draft: Draft,
        frames: Mapping[str, pl.LazyFrame],
        *,
        rejected: Sequence[Path] = (),
        further: Callable[[Rows], Rows] | None = None,
    ) -> Version:
        """Write the tables of a version, visible to nobody yet.

        A version that is known already is returned as it is. Files that a killed run left
        behind are removed.

        Args:
            dataset: its description; ``frames`` and ``further`` must give exactly its tables
                and columns.
            draft: what is known of the version.
            frames: table → rows; ``source_id`` is added.
            rejected: Parquet files of refused rows, one a resource.
            further: the tables of ``frames`` as written → tables made of them.

        Raises:
            StateError: a table or a column is missing, or not described.
        """
        state = self.state(dataset.name)
        if (known := state.find(draft.id)) is not None:
            return known
        if further is None:
            _require(set(frames), set(dataset.tables), "tables", dataset.name)
        self._sweep(dataset)
        provenance = _provenance(dataset, draft)
        source = f"{dataset.name}@{draft.id}"
        tables = {
            name: self._write(dataset, name, draft, rows, provenance)
            for name, rows in frames.items()
        }
        if further is not None:
            written = {
                name: pl.scan_parquet(self.data_dir / table.file, glob=False)
                for name, table in tables.items()
            }
            more = further(written)
            _require({*frames, *more}, set(dataset.tables), "tables", dataset.name)
            for name, rows in more.items():
                tables[name] = self._write(dataset, name, draft, rows, provenance)
        quarantine = self._quarantine(dataset.name, draft.id, rejected)
        reached(f"stage:{source}:written")
        return Version(
            **dict(draft),
            dataset=dataset.name,
            kind=dataset.kind,
            tables=tables,
            quarantine=quarantine,
            baseline=not state.versions,
            provenance=provenance,
        )

    def _write(
        self,
        dataset: Dataset,
        name: str,
        draft: Draft,
        rows: pl.LazyFrame,
        provenance: Provenance,
    ) -> TableFile:
        described = [column.name for column in dataset.described_columns(name)]
        found = rows.collect_schema().names()
        _require(
            set(found) - {SOURCE, *_FROM_CONTRACT}, set(described) - {SOURCE}, name, dataset.name
        )
        if self.screen is not None:
            rows = self.screen.arriving(name, draft.publisher_date, rows)
        source = f"{dataset.name}@{draft.id}"
        columns = [column for column in described if column != SOURCE]
        key = dataset.tables[name].key
        target = self.data_dir / "tables" / name / f"{draft.id}.parquet"
        rows = rows.select(*columns, pl.lit(source).alias(SOURCE))
        narrow = None
        if dataset.tables[name].row_hashes:
            narrow = row_hashes.beside(rows, key, self.hashes_file(target))
        written = parquet.sink(
            rows,
            target,
            metadata={
                "dataset": dataset.name,
                "version": draft.id,
                "table": name,
                "publisher_date": draft.publisher_date.isoformat(),
                **provenance.model_dump(),
            },
            sort_by=key,
            point="table",
            beside=narrow,
        )
        return self.table_file(written, key, narrow)

    def _quarantine(self, dataset: str, version: str, rejected: Sequence[Path]) -> str | None:
        if not rejected:
            return None
        target = self.data_dir / "quarantine" / dataset / f"{version}.parquet"
        rows = pl.concat([pl.scan_parquet(path, glob=False) for path in rejected])
        order = ("resource", "file", "line", "column")
        parquet.sink(rows, target, sort_by=order, point="quarantine")
        return str(target.relative_to(self.data_dir))

    def _sweep(self, dataset: Dataset) -> None:
        """Remove files in the dataset's folders that its state does not name."""
        named: set[Path] = set()
        for version in self.state(dataset.name).versions:
            named |= {self.data_dir / file for one in version.tables.values() for file in one.files}
            if version.quarantine:
                named.add(self.data_dir / version.quarantine)
        both = ("tables", "hashes")
        folders = [self.data_dir / where / name for where in both for name in dataset.tables]
        for folder in [*folders, self.data_dir / "quarantine" / dataset.name]:
            for path in folder.glob("*") if folder.is_dir() else ():
                if path.is_file() and path not in named:
                    path.unlink()

    def discard(self, version: Version) -> None:
        """Remove the tables of a staged version that was refused.

        Its quarantine stays to be looked at, until the next version is staged.
        """
        if self.state(version.dataset).find(version.id) is None:
            for file in (file for one in version.tables.values() for file in one.files):
                (self.data_dir / file).unlink(missing_ok=True)

    def promote(self, version: Version, *, checks: Sequence[Mapping[str, Any]] = ()) -> Version:
        """Make a staged or held version the current one, in one step.

        Args:
            version: from :meth:`stage`.
            checks: results of the gates, kept with it.

        Raises:
            StateError: it was withdrawn by a rollback.
        """
        state = self.state(version.dataset)
        known = state.find(version.id)
        if known is not None and known.status == "withdrawn":
            raise StateError(
                f"version {version.id} was withdrawn: {known.reason}",
                next_step=f"to serve it again: `company-signals release {version.dataset}`",
                dataset=version.dataset,
            )
        if known is not None and known.status == "good":
            return known
        return self._serve(state, version, checks)

    def _serve(
        self,
        state: DatasetState,
        version: Version,
        checks: Sequence[Mapping[str, Any]] = (),
    ) -> Version:
        update: dict[str, Any] = {"status": "good", "reason": None}
        if checks:
            update["checks"] = tuple(dict(check) for check in checks)
        good = version.model_copy(update=update)
        # One that was taken back goes where it stood: what was taken back after it still follows.
        last = good.id not in {one.id for one in state.since()}
        self._save(state.put(good, last=last).model_copy(update={"current": good.id}))
        return good

    def seed(self, version: Version, *, checks: Sequence[Mapping[str, Any]] = ()) -> Version:
        """Let a staged version of a past period stand before all others; what is current stays.

        Raises:
            StateError: nothing serves yet.
        """
        state = self.state(version.dataset)
        if state.current is None:
            raise StateError(
                "nothing serves yet, so that there is nothing to stand before",
                next_step=f"run `company-signals fetch {version.dataset}` first",
                dataset=version.dataset,
            )
        update = {"status": "good", "backfilled": True, "baseline": True, "checks": tuple(checks)}
        good = version.model_copy(update=update)
        self._save(state.with_history(good))
        return good

    def hold(
        self,
        version: Version,
        reason: str,
        *,
        checks: Sequence[Mapping[str, Any]] = (),
    ) -> Version:
        """Keep a staged version for inspection; what is current stays."""
        update = {"status": "held", "reason": reason, "checks": tuple(dict(c) for c in checks)}
        held = version.model_copy(update=update)
        state = self.state(version.dataset)
        self._save(state.put(held))
        return held

    def release(self, dataset: str, version: str | None = None) -> Version:
        """Make a held or withdrawn version current; the latest held one if none is named.

        Raises:
            StateError: there is none, or it is good already.
        """
        state = self.state(dataset)
        waiting = [one.id for one in state.versions if one.status == "held"]
        chosen = version or (waiting[-1] if waiting else None)
        if chosen is None:
            raise StateError(
                "no version is held", next_step="there is nothing to release", dataset=dataset
            )
        known = self._known(dataset, chosen)
        if known.status == "good":
            raise StateError(
                f"version {chosen} is not held",
                next_step="`company-signals status` lists the versions",
                dataset=dataset,
            )
        return self._serve(state, known)


def _provenance(dataset: Dataset, draft: Draft) -> Provenance:
    return Provenance(
        title=dataset.title,
        publisher=dataset.publisher.name,
        publisher_url=dataset.publisher.url,
        landing_page=dataset.landing_page,
        licence_id=dataset.licence.id,
        licence_title=dataset.licence.title,
        licence_url=dataset.licence.url,
        attribution=attribution.sentence(dataset, draft.publisher_date),
    )


def _require(found: set[str], described: set[str], what: str, dataset: str) -> None:
    if found == described:
        return
    missing, unknown = sorted(described - found), sorted(found - described)
    raise StateError(
        f"{what}: missing {missing or 'nothing'}, not described {unknown or 'nothing'}",
        next_step="make `normalise.py` and `dataset.yml` say the same",
        dataset=dataset,
    )
