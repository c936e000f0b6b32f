"""From two versions of one dataset to a version of a dataset derived from it.

Belongs here: which two versions are compared and under which identity the result is
kept. Does not belong here: what the comparison says.
"""

from __future__ import annotations

import polars as pl

from opendata.clock import Clock
from opendata.errors import SettingsError
from opendata.ingest import Outcome, Source, dated, settle
from opendata.quality import check_table
from opendata.state import Draft, InputFile, Version, version_id
from opendata.versions import TableStore


def build_derived(source: Source, store: TableStore, clock: Clock) -> Outcome | None:
    """Bring a derived dataset up to the current version of its origin.

    The comparison starts from the version that was compared last, so that nothing is
    skipped when a run was missed. The first one has nothing to be compared with: it is
    the silent baseline.

    Returns:
        What became of it; ``None`` while its origin has no version.
    """
    dataset = source.dataset
    if dataset.derived_from is None or source.derive is None:
        raise SettingsError(
            "it is not derived from another dataset", next_step="call `build`", dataset=dataset.name
        )
    origin = store.current(dataset.derived_from)
    if origin is None:
        return None
    last = store.current(dataset.name)
    seen = last.inputs[0].resource if last is not None and last.inputs else None
    if last is not None and seen == origin.id:
        return Outcome("unchanged", last)
    previous = store.state(origin.dataset).find(seen) if seen else None
    draft = _draft(source, origin, previous, clock)
    known = store.state(dataset.name).find(draft.id)
    if known is not None and known.status == "good":
        return Outcome("unchanged", known)
    before = _rows(store, previous) if previous is not None else None
    frames = source.derive(before, _rows(store, origin), origin.publisher_date)
    version = store.stage(dataset, draft, dated(frames, origin.publisher_date))
    checks = [
        result
        for name, table in version.tables.items()
        for result in check_table(
            dataset, name, pl.scan_parquet(store.data_dir / table.file, glob=False)
        )
    ]
    return settle(store, version, checks, clock)


def _rows(store: TableStore, version: Version) -> dict[str, pl.LazyFrame]:
    return {
        name: pl.scan_parquet(store.data_dir / table.file, glob=False)
        for name, table in version.tables.items()
    }


def _draft(source: Source, origin: Version, previous: Version | None, clock: Clock) -> Draft:
    compared = [origin, *([previous] if previous is not None else [])]
    hashes = [table.sha256 for version in compared for table in version.tables.values()]
    return Draft(
        id=version_id(origin.publisher_date, hashes, source.fingerprint),
        created_at=clock.now(),
        publisher_date=origin.publisher_date,
        fetched_at=origin.fetched_at,
        code_version=source.code_version,
        inputs=tuple(
            InputFile(
                resource=version.id,
                sha256=next(iter(version.tables.values())).sha256,
                bytes=sum(table.bytes for table in version.tables.values()),
                receipt=f"state/{version.dataset}.json",
            )
            for version in compared
        ),
    )
