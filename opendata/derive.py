"""From two versions of one dataset to a version of a dataset derived from it.

Belongs here: which two versions are compared and under which identity the result is
kept. Does not belong here: what the comparison says.
"""

from __future__ import annotations

import hashlib

from opendata.clock import Clock
from opendata.errors import SettingsError, StateError
from opendata.ingest import Source, dated
from opendata.outcome import Outcome, settle, unchanged
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

    Raises:
        QualityError: a gate failed.
        StateError: the version that was compared last is gone or was withdrawn; going on
            from another one would skip or invent changes.
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
    if last is not None and _compared(last) == origin.id:
        return unchanged(store, last, clock)
    previous = _previous(store, origin, last) if last is not None else None
    draft = _draft(source, origin, previous, clock)
    before = store.rows_of(previous) if previous is not None else None
    frames = source.derive(before, store.rows_of(origin), origin.publisher_date)
    version = store.stage(dataset, draft, dated(frames, origin.publisher_date))
    checks = [
        result
        for name, rows in store.rows_of(version).items()
        for result in check_table(dataset, name, rows)
    ]
    return settle(store, version, checks, clock)


def _compared(derived: Version) -> str:
    """Return the version of the origin up to which ``derived`` tells the changes."""
    return derived.inputs[0].resource


def _previous(store: TableStore, origin: Version, last: Version) -> Version:
    seen = _compared(last)
    previous = store.state(origin.dataset).find(seen)
    if previous is None or previous.status == "withdrawn":
        fate = "is no longer there" if previous is None else "was withdrawn since"
        raise StateError(
            f"it was last compared with {origin.dataset} {seen}, which {fate}",
            next_step=f"run `company-signals rollback {last.dataset}`, or remove its state file "
            "to begin again with a silent baseline",
            dataset=last.dataset,
        )
    return previous


def _draft(source: Source, origin: Version, previous: Version | None, clock: Clock) -> Draft:
    compared = [origin, *([previous] if previous is not None else [])]
    hashes = {version.id: [t.sha256 for t in version.tables.values()] for version in compared}
    every = [digest for digests in hashes.values() for digest in digests]
    return Draft(
        id=version_id(origin.publisher_date, every, source.fingerprint),
        created_at=clock.now(),
        publisher_date=origin.publisher_date,
        fetched_at=origin.fetched_at,
        code_version=source.code_version,
        inputs=tuple(
            InputFile(
                resource=version.id,
                sha256=hashlib.sha256("".join(sorted(hashes[version.id])).encode()).hexdigest(),
                bytes=sum(table.bytes for table in version.tables.values()),
                receipt=f"state/{version.dataset}.json",
            )
            for version in compared
        ),
    )
