"""Six files → typed tables, through the real engine, against doing less.

Belongs here: putting made files where the engine looks for fetched ones, one build in a
process of its own with every step timed, and the floors. Does not belong here: making the
files (``write.py``).

The floor is what the fastest of two engines needs to copy the same files to zstd Parquet
without looking at them: bare Polars and bare DuckDB, every column as it is, same threads.

Usage: ``python -m benchmarks.france.load FILES DATA MONTH``: one build, facts as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

import opendata.ingest
import opendata.quality
from assets.sirene import normalise as sirene
from benchmarks.france.recipe import AFTER, BEFORE
from benchmarks.france.write import forget_peak, held_bytes, month_folder, peak_mb
from opendata import files, parquet
from opendata.catalogue import load_dataset
from opendata.clock import Clock
from opendata.fetch import Fetched
from opendata.fetched import save_fetched
from opendata.ingest import Source, build
from opendata.receipt import Receipt
from opendata.versions import TableStore

#: Tables that repeat no official file, made of the others: timed on lines of their own.
DERIVED = frozenset({"sirene__names", "sirene__addresses"})


def source() -> Source:
    """Return the dataset as the pipeline builds it, whatever the other datasets are."""
    dataset = load_dataset(Path(str(sirene.__file__)).with_name("dataset.yml"))
    return Source(
        dataset, sirene.CODE_VERSION, sirene.normalise, further=getattr(sirene, "further", None)
    )


def official_name(resource: str) -> str:
    """Return the name of the official file of a resource of ``assets/sirene``."""
    return "".join(part.capitalize() for part in resource.split("-"))


def fetched(folder: Path, data: Path, month: int) -> None:
    """Place the files of a month as if they had just been fetched, by links."""
    dataset = source().dataset
    published = (BEFORE, AFTER)[month]
    receipts = {}
    for resource in dataset.resources:
        name = official_name(resource.name)
        found = sorted(month_folder(folder, month).glob(f"{name}.*"))
        if len(found) != 1:
            raise SystemExit(f"{name}: {len(found)} files in {month_folder(folder, month)}")
        sha256, size = files.digest(found[0]), found[0].stat().st_size
        one = Receipt(
            dataset="sirene", resource=resource.name, portal="datagouv",
            dataset_id=dataset.dataset_id or "", resource_id=resource.id or "", title=name,
            publisher="Insee", licence_id="lov2", licence_title="", licence_url="",
            url="https://example.org/made", final_url="https://example.org/made",
            publisher_date=published, fetched_at=Clock.at(published).now(),
            file=found[0].name, sha256=sha256, bytes=size,
        )  # fmt: skip
        target = one.path(data)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            os.link(found[0], target)
        one.save(data)
        receipts[resource.name] = one
    save_fetched(data, Fetched("sirene", receipts, unchanged=False, publisher_date=published))


class Steps:
    """Elapsed and processor seconds and the most memory of each step of a build, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.busy: dict[str, float] = defaultdict(float)
        self.peak: dict[str, int] = defaultdict(int)
        #: Of the whole process: asking for the peak of a step forgets those before it.
        self.highest = 0

    def watch(self, module: Any, name: str, label: Callable[..., str]) -> None:
        """Time every call of a function of the engine, without changing what it does."""
        function = getattr(module, name)

        @wraps(function)
        def timed(*given: Any, **named: Any) -> Any:
            step = label(*given, **named)
            self.highest = max(self.highest, peak_mb())
            forget_peak()
            started, busy = time.perf_counter(), time.process_time()
            try:
                return function(*given, **named)
            finally:
                self.seconds[step] += time.perf_counter() - started
                self.busy[step] += time.process_time() - busy
                self.peak[step] = max(self.peak[step], peak_mb())
                self.highest = max(self.highest, peak_mb())

        setattr(module, name, timed)


def watched() -> Steps:
    """Time the steps of every build of this process."""
    steps = Steps()
    steps.watch(Receipt, "verify", lambda *_: "verify the hashes of the files")
    steps.watch(opendata.ingest, "read_resource", lambda one, *_, **__: f"read {one.name}")
    steps.watch(opendata.ingest, "check_table", lambda _, table, *__, **___: f"gates {table}")
    steps.watch(
        parquet, "sink", lambda _, target, **__: f"write {target.parent.name or target.name}"
    )
    return steps


class Peak:
    """The most memory this process and the disk folder have held, seen every half second."""

    def __init__(self, folder: Path) -> None:
        self.disk = 0
        self._folder = folder
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.5):
            self.disk = max(self.disk, held_bytes(self._folder))


def one_build(folder: Path, data: Path, month: int) -> dict[str, Any]:
    """Build the dataset from the files of a month; return what it took."""
    fetched(folder, data, month)
    steps = watched()
    began, busy = time.perf_counter(), time.process_time()
    with Peak(data / "tmp") as peak:
        outcome = build(source(), TableStore(data), Clock.at((BEFORE, AFTER)[month]))
    version = outcome.version
    return {
        "seconds": round(time.perf_counter() - began, 2),
        "cpu_seconds": round(time.process_time() - busy, 2),
        "peak_mb": max(steps.highest, peak_mb()),
        "status": outcome.status,
        "read": version.read,
        "accepted": version.accepted,
        "rejected": version.rejected,
        "steps": {name: round(took, 2) for name, took in steps.seconds.items()},
        "steps_cpu": {name: round(took, 2) for name, took in steps.busy.items()},
        "steps_peak_mb": dict(steps.peak),
        "tables": {
            # With the hashes of the rows, where a table has them.
            name: {
                "rows": one.rows,
                "bytes": sum((data / file).stat().st_size for file in one.files),
            }
            for name, one in version.tables.items()
        },
        "temporary_bytes": peak.disk,
        "held": outcome.version.reason,
    }  # fmt: skip


def by_polars(source: Path, target: Path) -> None:
    """Copy one file to zstd Parquet with bare Polars."""
    if source.suffix == ".parquet":
        frame = pl.scan_parquet(source)
    else:
        frame = pl.scan_csv(_unzipped(source, target), infer_schema=False)
    frame.sink_parquet(target, compression="zstd")


def by_duckdb(source: Path, target: Path) -> None:
    """Copy one file to zstd Parquet with bare DuckDB, as many threads, order kept."""
    reader = f"read_parquet('{source}')"
    if source.suffix != ".parquet":
        reader = f"read_csv('{_unzipped(source, target)}', all_varchar = true, header = true)"
    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": pl.thread_pool_size(),
        "memory_limit": "4GB",
        "temp_directory": str(target.parent / "spill"),
    }
    with duckdb.connect(config=settings) as db:
        db.execute(f"COPY (FROM {reader}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")


def _unzipped(source: Path, target: Path) -> Path:
    loose = target.with_suffix(".csv")
    with zipfile.ZipFile(source) as archive:
        name = archive.namelist()[0]
        archive.extract(name, loose.parent)
        (loose.parent / name).rename(loose)
    return loose


def floors(folder: Path, work: Path, month: int) -> dict[str, dict[str, float]]:
    """Return the seconds of each bare engine for each file, and the bytes it leaves."""
    work.mkdir(parents=True, exist_ok=True)
    found: dict[str, dict[str, float]] = {}
    for source in sorted(month_folder(folder, month).glob("Stock*")):
        times: dict[str, float] = {}
        for name, way in (("polars", by_polars), ("duckdb", by_duckdb)):
            target = work / f"{source.stem}.{name}.parquet"
            started, busy = time.perf_counter(), time.process_time()
            way(source, target)
            times[name] = round(time.perf_counter() - started, 2)
            times[f"{name}_cpu"] = round(time.process_time() - busy, 2)
            times[f"{name}_bytes"] = target.stat().st_size
            for path in work.glob(f"{source.stem}*"):
                path.unlink()
        found[source.stem] = times
    return found


def main() -> None:
    """Run one build, or the floors of one month, and print its facts as JSON."""
    folder, data, month = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    floor = len(sys.argv) > 4
    print(json.dumps(floors(folder, data, month) if floor else one_build(folder, data, month)))


if __name__ == "__main__":
    main()
