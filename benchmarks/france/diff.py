"""Two months of the register compared: how long, how much memory, and is the answer right.

Belongs here: the two comparisons of the engine over the tables that ``load.py`` has built,
checked against the recipe, and the floor. Does not belong here: what must be found
(``expected.py``).

The floor is a bare full outer join of two columns, key and hash of the row, computed
beforehand (by DuckDB, half as long as those that the store keeps): the fastest of bare DuckDB
and bare Polars. It finds the keys that differ and says neither what changed nor why.

Usage: ``python -m benchmarks.france.diff STEP FILES DATA``: one of ``STEPS``; facts as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from benchmarks.france.expected import CHANGES
from benchmarks.france.recipe import AFTER, BEFORE
from benchmarks.france.write import peak_mb
from opendata.diff import diff, tally
from opendata.overlay import entity
from opendata.state import Version
from opendata.versions import LINEAGE, TableStore
from sirene.changes import compare
from sirene.flux import State
from sirene.flux import changes as flux_changes
from sirene.registry import Registry

#: Records of a day, as the busiest have.
FLUX_ROWS = 50_000
#: Table → its key and the list of the recipe.
COMPARED = {
    "sirene__legal_units": ("siren", "expected_units"),
    "sirene__establishments": ("siret", "expected_sites"),
}


def tables(data: Path, month: int) -> dict[str, Path]:
    """Return the files of the tables of a month."""
    day = (BEFORE, AFTER)[month].isoformat()
    return {path.parent.name: path for path in data.glob(f"tables/*/{day}*.parquet")}


def registry(data: Path, month: int) -> Registry:
    """Return one state of the register."""
    names = ("sirene__legal_units", "sirene__establishments", "sirene__successions")
    found = tables(data, month)
    return Registry(*(pl.scan_parquet(found[name]) for name in names))


def disagreement(found: pl.DataFrame, expected: pl.DataFrame) -> dict[str, Any]:
    """Return how many rows were missed and how many invented, with a few of each."""
    columns = expected.columns
    missed = expected.join(found, on=columns, how="anti", nulls_equal=True)
    invented = found.join(expected, on=columns, how="anti", nulls_equal=True)
    return {
        "expected": expected.height,
        "found": found.height,
        "missed": missed.height,
        "invented": invented.height,
        "examples": [str(row) for row in (*missed.head(3).rows(), *invented.head(3).rows())],
    }


def changes(folder: Path, data: Path) -> dict[str, Any]:
    """Compare two states of the register as a run does, by hashes; check every change."""
    began, busy = time.perf_counter(), time.process_time()
    store, versions = TableStore(data), _versions(data)
    pairs = {table: store.hashes(table, *versions) for table in COMPARED}
    states = [
        State(registry(data, month), None, version.id) for month, version in enumerate(versions)
    ]
    hashes = {entity(table): pair for table, pair in pairs.items() if pair is not None}
    found = flux_changes(*states, observed_at=AFTER, hashes=hashes).collect()
    return _changes_checked(folder, found, _taken(began, busy))


def walked(folder: Path, data: Path) -> dict[str, Any]:
    """Compare two states of the register as without hashes; check every change."""
    began, busy = time.perf_counter(), time.process_time()
    found = compare(registry(data, 0), registry(data, 1), observed_at=AFTER).collect()
    return _changes_checked(folder, found, _taken(began, busy))


def _changes_checked(folder: Path, found: pl.DataFrame, facts: dict[str, Any]) -> dict[str, Any]:
    """Add to the time of a change log what it missed and invented, and what it told."""
    flagged = found.filter("is_mass_operation").select("change", "occurred_at").unique()
    return {
        **facts,
        **disagreement(found.select(CHANGES), pl.read_parquet(folder / "expected_changes.parquet")),
        "by_change": dict(sorted(found["change"].value_counts().rows())),
        "mass_operations": [f"{change} {day}" for change, day in sorted(flagged.rows())],
    }


def rows(folder: Path, data: Path) -> dict[str, Any]:
    """Compare the two largest tables as the store does, by the hashes of their rows."""
    began, busy = time.perf_counter(), time.process_time()
    store, former = TableStore(data), _versions(data)[0].id
    found = {table: store.delta(table, former).collect() for table in COMPARED}
    return _rows_checked(folder, found, _taken(began, busy))


def values(folder: Path, data: Path) -> dict[str, Any]:
    """Compare every value of the two largest tables, as without hashes of their rows."""
    began, busy = time.perf_counter(), time.process_time()
    was, now = tables(data, 0), tables(data, 1)
    found = {}
    for table, (key, _) in COMPARED.items():
        states = pl.scan_parquet(was[table]), pl.scan_parquet(now[table])
        found[table] = diff(*states, [key], ignore=LINEAGE)
    return _rows_checked(folder, found, _taken(began, busy))


def _versions(data: Path) -> tuple[Version, Version]:
    """Return the versions of both months."""
    before, after = TableStore(data).state("sirene").good()
    return before, after


def _rows_checked(
    folder: Path, found: dict[str, pl.DataFrame], facts: dict[str, Any]
) -> dict[str, Any]:
    """Add to the time of a comparison what it missed and invented, and the rows it gave."""
    for table, (key, name) in COMPARED.items():
        seen = found[table].select(pl.col(key).alias("key"), pl.col("_op").alias("op"))
        expected = pl.read_parquet(folder / f"{name}.parquet")
        facts[table] = disagreement(seen, expected)
    return facts


def counted(_folder: Path, data: Path) -> dict[str, Any]:
    """Count what differs, as the gate of mass changes does."""
    began, busy = time.perf_counter(), time.process_time()
    store, versions = TableStore(data), _versions(data)
    found = {}
    for table, (key, _) in COMPARED.items():
        pair = store.hashes(table, *versions)
        if pair is None:
            raise SystemExit(f"{table} has no hashes that can be compared")
        found[table] = tally(*pair, [key], ignore=LINEAGE).changed
    return {**_taken(began, busy), **found}


def _taken(began: float, busy: float) -> dict[str, Any]:
    return {
        "seconds": round(time.perf_counter() - began, 2),
        "cpu_seconds": round(time.process_time() - busy, 2),
        "peak_mb": peak_mb(),
    }


def flux(folder: Path, data: Path) -> dict[str, Any]:
    """Apply a day of ``FLUX_ROWS`` records to the whole stock; the change log of that day."""
    units, sites = (
        pl.scan_parquet(folder / f"expected_{name}.parquet") for name in ("units", "sites")
    )
    sirens = pl.concat([units, sites]).select(pl.col("key").str.slice(0, 9)).unique().sort("key")
    # About one record a unit and two establishments come with each unit that is touched.
    chosen = sirens.head(FLUX_ROWS // 3).collect()["key"]
    stock, now = registry(data, 0), registry(data, 1)
    records = _records(now, chosen, data / "flux")
    began, busy = time.perf_counter(), time.process_time()
    before = State(stock, None, "stock")
    after = State(stock, records, "stock")
    found = flux_changes(before, after, observed_at=AFTER).collect()
    expected = pl.scan_parquet(folder / "expected_changes.parquet").filter(
        pl.col("siren").is_in(chosen.implode())
    )
    count = sum(
        int(rows.select(pl.len()).collect().item())
        for rows in (records.legal_units, records.establishments, records.successions)
    )
    return {
        **_taken(began, busy),
        "records": count,
        **disagreement(found.select(CHANGES), expected.collect()),
    }


def _records(now: Registry, sirens: pl.Series, folder: Path) -> Registry:
    """Write what INSEE's interface would give of these units, and return it."""
    folder.mkdir(exist_ok=True)
    of = pl.col("siren").is_in(sirens.implode())
    links = pl.col("siret_successeur").str.slice(0, 9).is_in(sirens.implode())
    parts = {
        "legal_units": now.legal_units.filter(of),
        "establishments": now.establishments.filter(of),
        "successions": now.successions.filter(links, pl.col("date_lien") >= BEFORE),
    }
    for name, rows in parts.items():
        rows.sink_parquet(folder / f"{name}.parquet")
    return Registry(*(pl.scan_parquet(folder / f"{name}.parquet") for name in parts))


def keys(_folder: Path, data: Path) -> dict[str, Any]:
    """Write key and hash of every row, which the floor joins."""
    target = data / "keys"
    target.mkdir(exist_ok=True)
    for month in (0, 1):
        found = tables(data, month)
        for table, (key, _) in COMPARED.items():
            path = target / f"{table}.{month}.parquet"
            names = [name for name in pl.scan_parquet(found[table]).collect_schema()
                     if name not in LINEAGE]  # fmt: skip
            with _duckdb(target) as db:
                db.execute(
                    f"COPY (SELECT {key}, hash({', '.join(names)}) AS h FROM '{found[table]}') "
                    f"TO '{path}' (FORMAT parquet, COMPRESSION zstd)"
                )
    return {"bytes": sum(path.stat().st_size for path in target.glob("*.parquet"))}


def _duckdb(folder: Path) -> duckdb.DuckDBPyConnection:
    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": pl.thread_pool_size(),
        "memory_limit": "5GB",
        "temp_directory": str(folder / "spill"),
    }
    return duckdb.connect(config=settings)


def floor(_folder: Path, data: Path) -> dict[str, Any]:
    """Join key and hash of both months in either engine."""
    target = data / "keys"
    facts: dict[str, Any] = {}
    for name, way in (("duckdb", _join_duckdb), ("polars", _join_polars)):
        began, busy = time.perf_counter(), time.process_time()
        found = sum(way(target, table, key) for table, (key, _) in COMPARED.items())
        facts[name] = {**_taken(began, busy), "differ": found}
    return facts


def _join_duckdb(folder: Path, table: str, key: str) -> int:
    with _duckdb(folder) as db:
        row = db.execute(
            f"SELECT count(*) FROM '{folder}/{table}.0.parquet' a FULL OUTER JOIN "
            f"'{folder}/{table}.1.parquet' b USING ({key}) WHERE a.h IS DISTINCT FROM b.h"
        ).fetchone()
    return int(row[0]) if row else 0


def _join_polars(folder: Path, table: str, key: str) -> int:
    was, now = (pl.scan_parquet(folder / f"{table}.{month}.parquet") for month in (0, 1))
    joined = was.join(now, on=key, how="full", coalesce=True)
    differ = joined.filter(pl.col("h").ne_missing(pl.col("h_right"))).select(pl.len())
    return int(differ.collect(engine="streaming").item())


STEPS: dict[str, Callable[[Path, Path], dict[str, Any]]] = {
    "changes": changes,
    "walked": walked,
    "rows": rows,
    "values": values,
    "counted": counted,
    "flux": flux,
    "keys": keys,
    "floor": floor,
}


def main() -> None:
    """Run one step and print its facts."""
    print(json.dumps(STEPS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))))


if __name__ == "__main__":
    main()
