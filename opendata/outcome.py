"""What becomes of a version once its gates have spoken, and of one that is known already.

Belongs here: refusing, holding, publishing and releasing a version, with the note that
`status` shows. Does not belong here: making the version (:mod:`opendata.ingest`,
:mod:`opendata.derive`), the gates (:mod:`opendata.quality`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from opendata.clock import Clock
from opendata.diff import diff
from opendata.errors import OpenDataError, QualityError
from opendata.quality import CheckResult, reason_to_hold, require
from opendata.source_status import record_failure, record_success
from opendata.state import Version
from opendata.versions import LINEAGE, TableStore


@dataclass(frozen=True)
class Outcome:
    """What became of one dataset in one run.

    Attributes:
        status: ``published`` (a new version serves), ``held`` (it waits for a person),
            ``unchanged`` (nothing new).
        version: the version concerned.
        checks: results of the gates; none when unchanged.
    """

    status: Literal["published", "held", "unchanged"]
    version: Version
    checks: tuple[CheckResult, ...] = ()


def settle(
    store: TableStore, version: Version, checks: Sequence[CheckResult], clock: Clock
) -> Outcome:
    """Refuse, hold or publish a staged version according to its gates.

    Raises:
        QualityError: a blocking gate failed; the tables are removed, the quarantine stays.
    """
    kept = [check.model_dump(mode="json") for check in checks]
    reason = reason_to_hold(checks)
    try:
        require(checks, dataset=version.dataset)
        if reason is not None:
            return _held(store, store.hold(version, reason, checks=kept), clock, checks)
        served = store.promote(version, checks=kept)
    except OpenDataError:
        store.discard(version)
        raise
    record_success(store.data_dir, version.dataset, version.publisher_date, clock)
    return Outcome("published", served, tuple(checks))


def seed(
    store: TableStore, version: Version, checks: Sequence[CheckResult], clock: Clock
) -> Outcome:
    """Refuse a staged version of a past period, or let it stand before all that serves.

    Raises:
        QualityError: a gate failed, also one that would hold another version: the period can
            be asked for again.
    """
    reason = reason_to_hold(checks)
    try:
        require(checks, dataset=version.dataset)
        if reason is not None:
            raise QualityError(
                reason, next_step="look at that period at the portal", dataset=version.dataset
            )
        served = store.seed(version, checks=[check.model_dump(mode="json") for check in checks])
    except OpenDataError:
        store.discard(version)
        raise
    return Outcome("published", served, tuple(checks))


def release(store: TableStore, dataset: str, clock: Clock, version: str | None = None) -> Version:
    """Let a held or withdrawn version serve, as a person decided, and note that it does.

    Raises:
        StateError: there is none.
    """
    released = store.release(dataset, version)
    record_success(store.data_dir, dataset, released.publisher_date, clock)
    return released


def unchanged(store: TableStore, serving: Version, clock: Clock) -> Outcome:
    """Note that a dataset was asked and that what serves is still what there is."""
    record_success(store.data_dir, serving.dataset, serving.publisher_date, clock)
    return Outcome("unchanged", serving)


def repeated(store: TableStore, version: Version) -> Version | None:
    """Return what serves, if a staged window only repeats its records, of the same publication.

    Asked again before its source publishes anew, a window begins later than the one that serves:
    other bytes, no other record.
    """
    serving = store.current(version.dataset)
    if serving is None or version.kind != "events":
        return None
    same = (version.publisher_date, version.code_version, set(version.tables))
    if same != (serving.publisher_date, serving.code_version, set(serving.tables)):
        return None
    for name, rows in store.rows_of(version).items():
        key = list(version.tables[name].key)
        served = store.scan(name).join(rows.select(key), on=key, how="semi", nulls_equal=True)
        if not diff(served, rows, key, ignore=LINEAGE).is_empty():
            return None
    return serving


def _held(
    store: TableStore, version: Version, clock: Clock, checks: Sequence[CheckResult] = ()
) -> Outcome:
    record_failure(store.data_dir, version.dataset, f"held: {version.reason}", clock)
    return Outcome("held", version, tuple(checks))


def known(store: TableStore, version: Version, clock: Clock, *, history: bool = False) -> Outcome:
    """Return what to do about a version that was judged in an earlier run."""
    if history:
        return Outcome("unchanged", version)
    if version.status == "held":
        return _held(store, version, clock)
    serving = store.current(version.dataset) or version
    if version.status == "good" and version.kind == "snapshot" and version.id != serving.id:
        raise QualityError(
            f"the portal shows the version {version.id} again, and {serving.id} serves",
            next_step="look at the page of the dataset; if the later one was withdrawn there, "
            f"run `company-signals rollback {version.dataset}`",
            dataset=version.dataset,
        )
    return unchanged(store, serving, clock)
