"""From two states of one dataset to a version of a dataset derived from it.

Belongs here: which two states are compared and under which identity the result is kept. A
state is a version of the origin and, where another dataset overlays it, the version of that
one. Does not belong here: what the comparison says.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date

from opendata import overlay
from opendata.clock import Clock
from opendata.errors import SettingsError, StateError
from opendata.ingest import Rows, Source, dated
from opendata.outcome import Outcome, settle, unchanged
from opendata.quality import check_table
from opendata.row_hashes import Pair
from opendata.state import Draft, InputFile, Version, version_id
from opendata.versions import TableStore


@dataclass(frozen=True)
class State:
    """What is compared: a version of the origin, and one of its overlay if there is one."""

    base: Version
    over: Version | None = None

    @property
    def versions(self) -> tuple[Version, ...]:
        """Return the versions, the origin's first."""
        return (self.base,) if self.over is None else (self.base, self.over)

    @property
    def date(self) -> date:
        """Return the legal date of the latest publication."""
        return max(version.publisher_date for version in self.versions)


def build_derived(source: Source, store: TableStore, clock: Clock) -> Outcome | None:
    """Bring a derived dataset up to the current state of its origin.

    The comparison starts from the state that was compared last, so that nothing is
    skipped when a run was missed. The first one has nothing to be compared with: it is
    the silent baseline.

    Returns:
        What became of it; ``None`` while its origin has no version.

    Raises:
        QualityError: a gate failed.
        StateError: the state that was compared last is gone or was withdrawn; going on
            from another one would skip or invent changes.
    """
    dataset = source.dataset
    if dataset.derived_from is None or source.derive is None:
        raise SettingsError(
            "it is not derived from another dataset", next_step="call `build`", dataset=dataset.name
        )
    base = store.current(dataset.derived_from)
    if base is None:
        return None
    state = State(base, store.current(source.overlay.name) if source.overlay else None)
    last = store.current(dataset.name)
    if last is not None and _told(last, source) == [one.id for one in state.versions]:
        return unchanged(store, last, clock)
    previous = _previous(store, source, last) if last is not None else None
    draft = _draft(source, state, previous, clock)
    before = _rows(store, source, previous) if previous is not None else None
    hashes = _hashes(store, previous, state) if previous is not None else {}
    frames = source.derive(before, _rows(store, source, state), state.date, hashes)
    version = store.stage(dataset, draft, dated(frames, state.date))
    checks = [
        result
        for name, rows in store.rows_of(version).items()
        for result in check_table(dataset, name, rows)
    ]
    return settle(store, version, checks, clock)


def _rows(store: TableStore, source: Source, state: State) -> Rows:
    """Return the tables of the origin, and those of its overlay that count on top of it."""
    rows = dict(store.rows_of(state.base))
    if source.overlay is not None:
        rows |= overlay.on_top(store, state.base, state.over, source.overlay)
    return rows


def _hashes(store: TableStore, previous: State, state: State) -> dict[str, Pair]:
    """Return the hashes of the rows of both versions of the origin, where there are any."""
    before, after = previous.base, state.base
    found = {
        name: store.hashes(name, before, after) for name in after.tables if name in before.tables
    }
    return {name: pair for name, pair in found.items() if pair is not None}


def _told(derived: Version, source: Source) -> list[str]:
    """Return the versions up to which ``derived`` tells the changes."""
    origins = [str(source.dataset.derived_from), *([source.overlay.name] if source.overlay else [])]
    found = (derived.told(origin) for origin in origins)
    return [version for version in found if version is not None]


def _previous(store: TableStore, source: Source, last: Version) -> State:
    origin = str(source.dataset.derived_from)
    base = _known(store, origin, str(last.told(origin)), last)
    told = last.told(source.overlay.name) if source.overlay else None
    if source.overlay is None or told is None:
        return State(base)
    return State(base, _known(store, source.overlay.name, told, last))


def _known(store: TableStore, origin: str, seen: str, last: Version) -> Version:
    found = store.state(origin).find(seen)
    if found is None or found.status == "withdrawn":
        fate = "is no longer there" if found is None else "was withdrawn since"
        raise StateError(
            f"it was last compared with {origin} {seen}, which {fate}",
            next_step=f"run `company-signals rollback {last.dataset}`, or remove its state file "
            "to begin again with a silent baseline",
            dataset=last.dataset,
        )
    return found


def _draft(source: Source, state: State, previous: State | None, clock: Clock) -> Draft:
    compared = [*state.versions, *(previous.versions if previous is not None else ())]
    hashes = {version.id: [t.sha256 for t in version.tables.values()] for version in compared}
    every = [digest for digests in hashes.values() for digest in digests]
    return Draft(
        id=version_id(state.date, every, source.fingerprint),
        created_at=clock.now(),
        publisher_date=state.date,
        fetched_at=max(version.fetched_at for version in state.versions),
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
