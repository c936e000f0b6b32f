"""From a portal to a version that serves, fail-closed.

Belongs here: the order of the steps (fetch, unpack, read by contract, normalise, gate,
publish). Does not belong here: how any of the steps works. Whatever fails, what is
published stays as it was, and the reason is kept for `status`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import polars as pl

from opendata.archive import unpack
from opendata.catalogue import Dataset, Resource
from opendata.clock import Clock
from opendata.contract import ReadResult, read_resource
from opendata.errors import OpenDataError
from opendata.fetch import Fetched
from opendata.fetched import load_fetched
from opendata.magic import identify
from opendata.quality import CheckResult, check_rejected, check_table, reason_to_hold, require
from opendata.source_status import record_failure, record_success
from opendata.state import Draft, InputFile, Version, version_id
from opendata.receipt import receipt_path
from opendata.versions import TableStore

Rows = Mapping[str, pl.LazyFrame]
Normalise = Callable[[Rows], Rows]
#: previous state (``None`` before the first), current state, its date → tables.
Derive = Callable[[Rows | None, Rows, date], Rows]


@dataclass(frozen=True)
class Source:
    """A dataset with the function that makes its tables.

    Attributes:
        dataset: the description.
        code_version: bumped when the result of the function changes.
        normalise: resource name → typed rows, to table name → rows; pure and columnar.
        derive: the same for a derived dataset, from two versions of its origin.
    """

    dataset: Dataset
    code_version: str
    normalise: Normalise | None = None
    derive: Derive | None = None

    @property
    def fingerprint(self) -> str:
        """Return a hash of everything in our code that shapes the tables."""
        shape = self.dataset.model_dump(mode="json", include={"resources": True, "tables": True})
        text = json.dumps([self.code_version, shape], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


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


@contextmanager
def noted(dataset: str, data_dir: Path, clock: Clock) -> Iterator[None]:
    """Keep the reason of a failure for `status`, naming the dataset in it."""
    try:
        yield
    except OpenDataError as error:
        error.located(dataset=dataset)
        record_failure(data_dir, dataset, str(error), clock)
        raise
    except Exception as error:
        # The text may quote data, so only the kind of the error is kept.
        record_failure(data_dir, dataset, f"unforeseen {type(error).__name__}", clock)
        raise


def build(
    source: Source, store: TableStore, clock: Clock, *, changed_ceiling: float | None = None
) -> Outcome:
    """Make a version of what was last fetched and let it serve if every gate passes.

    Args:
        source: the dataset.
        store: the versions.
        clock: clock of the run.
        changed_ceiling: an operator's own limit of the mass-change guard.

    Raises:
        ContractError: a file is not what ``dataset.yml`` describes.
        QualityError: a gate failed.
    """
    dataset, data_dir = source.dataset, store.data_dir
    fetched = load_fetched(data_dir, dataset.name)
    hashes = [receipt.sha256 for receipt in fetched.receipts.values()]
    identity = version_id(fetched.publisher_date, hashes, source.fingerprint)
    known = store.state(dataset.name).find(identity)
    if known is not None:
        return _known(store, known, clock)
    with _workspace(data_dir, dataset.name) as work:
        reads = _read_all(dataset, fetched, data_dir, work)
        draft = _draft(identity, source, fetched, reads, clock)
        rejected = [one.rejected for one in reads.values() if one.rejected is not None]
        blocked = check_rejected(dataset, draft.read, draft.rejected)
        require([blocked], dataset=dataset.name)
        rows = {name: pl.scan_parquet(one.path, glob=False) for name, one in reads.items()}
        frames = dated(source.normalise(rows) if source.normalise else {}, fetched.publisher_date)
        version = store.stage(dataset, draft, frames, rejected=rejected)
    checks = (blocked, *_gates(dataset, version, store, clock, changed_ceiling))
    return settle(store, version, checks, clock)


def settle(
    store: TableStore, version: Version, checks: Sequence[CheckResult], clock: Clock
) -> Outcome:
    """Refuse, hold or publish a staged version according to its gates."""
    require(checks, dataset=version.dataset)
    kept = [check.model_dump(mode="json") for check in checks]
    reason = reason_to_hold(checks)
    if reason is not None:
        held = store.hold(version, reason, checks=kept)
        record_failure(store.data_dir, version.dataset, f"held: {reason}", clock)
        return Outcome("held", held, tuple(checks))
    served = store.promote(version, checks=kept)
    record_success(store.data_dir, version.dataset, version.publisher_date, clock)
    return Outcome("published", served, tuple(checks))


def _known(store: TableStore, version: Version, clock: Clock) -> Outcome:
    if version.status == "held":
        return Outcome("held", version)
    record_success(store.data_dir, version.dataset, version.publisher_date, clock)
    return Outcome("unchanged", store.current(version.dataset) or version)


@contextmanager
def _workspace(data_dir: Path, dataset: str) -> Iterator[Path]:
    """Give an empty folder for one build; what a killed one left there is removed first."""
    work = data_dir / "tmp" / f"build-{dataset}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _read_all(
    dataset: Dataset, fetched: Fetched, data_dir: Path, work: Path
) -> dict[str, ReadResult]:
    reads = {}
    for name, receipt in fetched.receipts.items():
        resource = dataset.resource(name)
        declared, asked = resource.window, fetched.window
        empty_ok = bool(declared and asked and asked.days <= declared.empty_ok_days)
        raw = receipt.verify(data_dir)
        try:
            path = _opened(raw, resource, work / "unpacked" / name)
            reads[name] = read_resource(resource, [path], work=work / name, empty_ok=empty_ok)
        except OpenDataError as error:
            error.located(dataset=dataset.name, resource=name, file=receipt.file)
            raise
    return reads


def _opened(raw: Path, resource: Resource, folder: Path) -> Path:
    """Return the file inside ``raw``; its first bytes say how it is packed, not its name."""
    kind = "taz" if resource.archive == "taz" else identify(raw)
    if kind in ("zip", "gzip", "taz"):
        return unpack(raw, kind, folder, member=resource.member)  # type: ignore[arg-type]
    return raw


def _draft(
    identity: str,
    source: Source,
    fetched: Fetched,
    reads: Mapping[str, ReadResult],
    clock: Clock,
) -> Draft:
    inputs = [
        InputFile(
            resource=name,
            sha256=receipt.sha256,
            bytes=receipt.bytes,
            receipt=str(receipt_path(receipt.path(Path()))),
        )
        for name, receipt in fetched.receipts.items()
    ]
    return Draft(
        id=identity,
        created_at=clock.now(),
        publisher_date=fetched.publisher_date,
        fetched_at=max(receipt.fetched_at for receipt in fetched.receipts.values()),
        code_version=source.code_version,
        inputs=tuple(inputs),
        read=sum(one.read for one in reads.values()),
        accepted=sum(one.accepted for one in reads.values()),
        rejected=sum(one.rejected_rows for one in reads.values()),
        rules={f"{name}.{rule}": n for name, one in reads.items() for rule, n in one.rules.items()},
        new_columns=tuple(f"{name}.{col}" for name, one in reads.items() for col in one.new_columns),
        window_from=fetched.window.start if fetched.window else None,
        window_to=fetched.window.end if fetched.window else None,
    )


def dated(frames: Rows, published: date) -> dict[str, pl.LazyFrame]:
    """Give rows whose record is not dated the date of the publication."""
    when = pl.col("publication_date").cast(pl.Date).fill_null(published)
    return {name: rows.with_columns(publication_date=when) for name, rows in frames.items()}


def _gates(
    dataset: Dataset,
    version: Version,
    store: TableStore,
    clock: Clock,
    changed_ceiling: float | None,
) -> list[CheckResult]:
    if changed_ceiling is not None:
        dataset = _with_ceiling(dataset, changed_ceiling)
    staged = {
        name: pl.scan_parquet(store.data_dir / table.file, glob=False)
        for name, table in version.tables.items()
    }
    compare = dataset.kind == "snapshot" and store.current(dataset.name) is not None
    results: list[CheckResult] = []
    for name, rows in staged.items():
        results += check_table(
            dataset,
            name,
            rows,
            previous=store.scan(name) if compare else None,
            others={other: frame for other, frame in staged.items() if other != name},
            today=clock.today(),
        )
    return results


def _with_ceiling(dataset: Dataset, ceiling: float) -> Dataset:
    update: dict[str, Any] = {
        name: table.model_copy(
            update={"assertions": table.assertions.model_copy(update={"changed_ceiling": ceiling})}
        )
        for name, table in dataset.tables.items()
    }
    return dataset.model_copy(update={"tables": update})
