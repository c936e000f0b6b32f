"""From what was fetched to a version that serves, fail-closed.

Belongs here: the order of the steps (unpack, read by contract, normalise, gate, publish).
Does not belong here: how any of the steps works, fetching (:mod:`opendata.take`), what the
gates lead to (:mod:`opendata.outcome`). Whatever fails, what is published stays as it was,
and the reason is kept for `status`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import polars as pl
import structlog

from opendata import files, outcome, parquet
from opendata.archive import unpack, unpack_documents
from opendata.catalogue import Dataset, Resource
from opendata.clock import Clock
from opendata.contract import ReadResult, read_resource
from opendata.errors import ContractError, OpenDataError, SettingsError, StateError
from opendata.fetch import Fetched
from opendata.fetched import load_fetched
from opendata.magic import Kind, identify
from opendata.outcome import Outcome as Outcome
from opendata.quality import CheckResult, check_new_columns, check_rejected, check_table
from opendata.receipt import Receipt, receipt_path
from opendata.row_hashes import Pair
from opendata.source_status import record_failure
from opendata.state import Draft, InputFile, Version, version_id
from opendata.versions import TableStore

LOG = structlog.get_logger()
Packed = Literal["zip", "gzip", "taz"]
_PACKED: Mapping[Kind, Packed] = {"zip": "zip", "gzip": "gzip"}
Rows = Mapping[str, pl.LazyFrame]
Normalise = Callable[[Rows], Rows]
#: previous state (``None`` before the first), current state, its date, hashes of the rows of both
#: versions of the origin for the tables where they can be believed → tables.
Derive = Callable[[Rows | None, Rows, date, Mapping[str, Pair]], Rows]


@dataclass(frozen=True)
class Source:
    """A dataset with the function that makes its tables.

    Attributes:
        dataset: the description.
        code_version: bumped when the result of the function changes.
        normalise: resource name → typed rows, to table name → rows; pure and columnar.
        further: tables of ``normalise`` as they were written, to the tables made of them.
        derive: the same for a derived dataset, from two versions of its origin.
        overlay: description of the dataset that overlays the origin, if there is one.
    """

    dataset: Dataset
    code_version: str
    normalise: Normalise | None = None
    further: Normalise | None = None
    derive: Derive | None = None
    overlay: Dataset | None = None

    @property
    def fingerprint(self) -> str:
        """Return a hash of everything in our code that shapes the tables."""
        shape = self.dataset.model_dump(
            mode="json",
            include={"resources": True, "tables": True},
            # It changes no row.
            exclude={"tables": {"__all__": {"row_hashes"}}},
        )
        text = json.dumps([self.code_version, shape], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


@contextmanager
def noted(dataset: str, data_dir: Path, clock: Clock) -> Iterator[None]:
    """Keep the reason of a failure for `status`, naming the dataset in it.

    Raises:
        StateError: the disk is full, whichever way it showed.
    """

    def note(reason: str) -> None:
        # Where even the note does not fit, the failure itself matters more.
        with suppress(OSError, StateError):
            record_failure(data_dir, dataset, reason, clock)

    try:
        with files.space_told():
            yield
    except OpenDataError as error:
        error.located(dataset=dataset)
        note(str(error))
        raise
    except Exception as error:
        # The text may quote data, so only the kind of the error is kept.
        note(f"unforeseen {type(error).__name__}")
        raise


def build(
    source: Source,
    store: TableStore,
    clock: Clock,
    *,
    changed_ceiling: float | None = None,
    history: Fetched | None = None,
) -> Outcome:
    """Make a version of what was last fetched and let it serve if every gate passes.

    Args:
        source: the dataset.
        store: the versions.
        clock: clock of the run.
        changed_ceiling: an operator's own limit of the mass-change guard.
        history: a past period to stand before all that serves, instead of what was last fetched.

    Raises:
        ArchiveError: a file is broken, or dangerous to unpack.
        ContractError: a file is not what ``dataset.yml`` describes.
        QualityError: a gate failed.
        SettingsError: the dataset is derived: it has no files.
        StateError: nothing was fetched, or a raw file is no longer what was received.
    """
    dataset, data_dir = source.dataset, store.data_dir
    if source.normalise is None:
        raise SettingsError(
            "it is derived from another dataset",
            next_step="call `build_derived`",
            dataset=dataset.name,
        )
    fetched = load_fetched(data_dir, dataset.name) if history is None else history
    hashes = [receipt.sha256 for receipt in fetched.receipts.values()]
    identity = version_id(fetched.publisher_date, hashes, source.fingerprint)
    found = store.state(dataset.name).find(identity)
    if found is not None:
        return outcome.known(store, found, clock, history=history is not None)
    with _workspace(data_dir, dataset.name) as work, _placed(dataset, fetched):
        reads = _read_all(dataset, fetched, data_dir, work)
        draft = _draft(identity, source, fetched, reads, clock)
        rejected = [one.rejected for one in reads.values() if one.rejected is not None]
        rows = {
            name: parquet.arranged(one.rows, dataset.resource(name).order, one.path)
            for name, one in reads.items()
        }
        frames = dated(source.normalise(rows), fetched.publisher_date)
        further = _further(source, fetched.publisher_date)
        version = store.stage(dataset, draft, frames, rejected=rejected, further=further)
        # Of a flux every window counts: the days it covers are read off them.
        fresh = history is not None or dataset.overlays is not None
        same = None if fresh else outcome.repeated(store, version)
        if same is not None:
            store.discard(version)
            return outcome.unchanged(store, same, clock)
        blocked = check_rejected(dataset, draft.read, draft.rejected)
        serving = store.current(dataset.name)
        known = serving.new_columns if serving is not None else version.new_columns
        added = check_new_columns(version.new_columns, known)
        for one in added:
            LOG.warning("new columns", dataset=dataset.name, columns=one.facts["columns"])
        checks = (blocked, *added, *_gates(dataset, version, store, clock, changed_ceiling))
        settle = outcome.settle if history is None else outcome.seed
        return settle(store, version, checks, clock)


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


@contextmanager
def _placed(dataset: Dataset, fetched: Fetched) -> Iterator[None]:
    """Name the dataset and its files in a failure; say nothing of what the rows hold."""
    place = {
        "dataset": dataset.name,
        "resource": ", ".join(fetched.receipts),
        "file": ", ".join(receipt.file for receipt in fetched.receipts.values()),
    }
    try:
        with files.space_told():
            yield
    except OpenDataError as error:
        error.located(**place)
        raise
    except pl.exceptions.PolarsError as error:
        # Polars quotes values: neither its text nor the error itself is passed on.
        raise ContractError(
            f"the rows do not become the tables of dataset.yml ({type(error).__name__})",
            next_step="compare the file with `normalise.py`; what is published stays",
            **place,
        ) from None


def _read_all(
    dataset: Dataset, fetched: Fetched, data_dir: Path, work: Path
) -> dict[str, ReadResult]:
    described = {resource.name for resource in dataset.resources}
    if described != {name.partition("/")[0] for name in (*fetched.receipts, *fetched.missing)}:
        raise StateError(
            "what was fetched is not what dataset.yml describes now",
            next_step=f"run `company-signals fetch {dataset.name}`",
        )
    reads = {}
    for resource in dataset.resources:
        name, declared, asked = resource.name, resource.window, fetched.window
        quiet = bool(declared and asked and asked.days <= declared.empty_ok_days)
        empty_ok = resource.empty_ok or quiet
        paths: list[Path] = []
        try:
            for key, receipt in _of(fetched, name).items():
                raw = receipt.verify(data_dir)
                paths.append(_opened(raw, resource, work / "unpacked" / key))
            if paths:
                reads[name] = read_resource(
                    resource, paths, work=work / name, empty_ok=empty_ok, again=True
                )
        except OpenDataError as error:
            shown = ", ".join(receipt.file for receipt in _of(fetched, name).values())
            error.located(dataset=dataset.name, resource=name, file=shown)
            raise
    return reads


def _of(fetched: Fetched, resource: str) -> dict[str, Receipt]:
    """Return the receipts of the files of one resource."""
    files_ = fetched.receipts.items()
    return {key: receipt for key, receipt in files_ if key.partition("/")[0] == resource}


def _opened(raw: Path, resource: Resource, folder: Path) -> Path:
    """Return the file inside ``raw``; its first bytes say how it is packed, not its name."""
    if resource.members is not None:
        lines = (resource.lines, resource.records or "") if resource.lines is not None else None
        return unpack_documents(raw, folder, resource.members, lines=lines)
    kind = "taz" if resource.archive == "taz" else _PACKED.get(identify(raw))
    return raw if kind is None else unpack(raw, kind, folder, member=resource.member)


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
        new_columns=tuple(
            f"{name}.{col}" for name, one in reads.items() for col in one.new_columns
        ),
        window_from=fetched.window.start if fetched.window else None,
        window_to=fetched.window.end if fetched.window else None,
    )


def dated(frames: Rows, published: date) -> dict[str, pl.LazyFrame]:
    """Give rows whose record is not dated the date of the publication."""
    when = pl.col("publication_date").cast(pl.Date).fill_null(published)
    return {name: rows.with_columns(publication_date=when) for name, rows in frames.items()}


def _further(source: Source, published: date) -> Normalise | None:
    """Return what makes the tables that are made of others, their rows dated too."""
    make = source.further
    return None if make is None else lambda written: dated(make(written), published)


def _gates(
    dataset: Dataset,
    version: Version,
    store: TableStore,
    clock: Clock,
    changed_ceiling: float | None,
) -> list[CheckResult]:
    if changed_ceiling is not None:
        dataset = _with_ceiling(dataset, changed_ceiling)
    staged = store.rows_of(version)
    serving = store.current(dataset.name) if dataset.kind == "snapshot" else None
    results = _order(version, serving)
    for name, rows in staged.items():
        # A table that dataset.yml has just gained has nothing to be compared with.
        before = serving if serving and name in serving.tables else None
        results += check_table(
            dataset,
            name,
            rows,
            previous=store.scan(name) if before else None,
            others={other: frame for other, frame in staged.items() if other != name},
            today=clock.today(),
            hashes=store.hashes(name, before, version) if before else None,
        )
    return results


def _order(version: Version, serving: Version | None) -> list[CheckResult]:
    """Hold a publication older than the one that serves: portals put back old files."""
    if serving is None:
        return []
    came, stands = version.publisher_date, serving.publisher_date
    return [
        CheckResult(
            name="publication_order",
            table="",
            passed=came >= stands,
            held=came < stands,
            message=f"the publication of {came} is older than the one that serves ({stands}); if "
            f"the publisher went back on purpose, run `company-signals release {version.dataset}`",
            facts={"publisher_date": str(came), "serving": str(stands)},
        )
    ]


def _with_ceiling(dataset: Dataset, ceiling: float) -> Dataset:
    update: dict[str, Any] = {
        name: table.model_copy(
            update={"assertions": table.assertions.model_copy(update={"changed_ceiling": ceiling})}
        )
        for name, table in dataset.tables.items()
    }
    return dataset.model_copy(update={"tables": update})
