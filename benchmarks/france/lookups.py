"""One unit or one establishment among all of them.

Belongs here: the time of a point look-up on the published tables, warm. Does not belong
here: building them (``load.py``).

Usage: ``python -m benchmarks.france.lookups FILES DATA``: facts as JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.france.diff import tables
from opendata.warehouse import Warehouse, literal
from sirene.periods import at

ASKED = 60
_BY = {
    "legal unit by SIREN": ("sirene__legal_units", "siren"),
    "establishment by SIRET": ("sirene__establishments", "siret"),
    "establishments of a SIREN": ("sirene__establishments", "siren"),
    "periods of a unit": ("sirene__unit_periods", "siren"),
    "periods of an establishment": ("sirene__establishment_periods", "siret"),
}
#: What a page about one company would ask for. A whole row costs DuckDB the more, the more row
#: groups the file has: it prepares each column in each of them, also where nothing can be found.
_SIX = {
    "legal unit by SIREN": (
        "siren", "denomination", "etat_administratif", "activite_principale", "tranche_effectifs",
        "nic_siege",
    ),
    "establishment by SIRET": (
        "siret", "etat_administratif", "code_postal", "libelle_commune", "activite_principale",
        "enseigne_1",
    ),
}  # fmt: skip


def lookups(data: Path) -> dict[str, Any]:
    """Return median and 95th percentile, in milliseconds, of each look-up in both engines."""
    found = tables(data, 1)
    facts: dict[str, Any] = {}
    # One thread: to share out what one reads in milliseconds costs DuckDB as much again.
    with Warehouse.in_memory(temporary=data / "tmp" / "spill", threads=1) as db:
        # Kept between questions, as a service that answers many of them would.
        db.execute("SET parquet_metadata_cache = true")
        for name, (table, key) in _BY.items():
            if table not in found:
                continue
            rows = pl.scan_parquet(found[table])
            size = int(rows.select(pl.len()).collect().item())
            sample = rows.select(pl.col(key).gather_every(size // ASKED + 1))
            asked = sample.collect(engine="streaming")[key].to_list()
            query = f"FROM read_parquet({literal(found[table])}) WHERE {key} = ?"
            six = f"SELECT {', '.join(_SIX[name])} {query}" if name in _SIX else None

            def by_sql(one: str, query: str = query) -> int:
                return len(db.connection.execute(query, [one]).fetchall())

            def by_scan(one: str, rows: pl.LazyFrame = rows, key: str = key) -> int:
                return rows.filter(pl.col(key) == one).collect().height

            facts[f"{name}, DuckDB"] = _measured(by_sql, asked)
            if six is not None:
                facts[f"{name}, six columns, DuckDB"] = _measured(partial(by_sql, query=six), asked)
            facts[f"{name}, Polars"] = _measured(by_scan, asked)
            if "periods" in name:
                facts[f"{name} on a day, Polars"] = _measured(partial(_as_of, rows, key), asked)
    return facts


def _as_of(rows: pl.LazyFrame, key: str, one: str) -> int:
    """Ask for one unit as it stood on its first known day."""
    return at(rows.filter(pl.col(key) == one), date(2026, 10, 1)).collect().height


def _measured(ask: Callable[[str], int], asked: list[str]) -> dict[str, float]:
    ask(asked[0])
    times, busy = [], time.process_time()
    for one in asked:
        started = time.perf_counter()
        ask(one)
        times.append((time.perf_counter() - started) * 1000)
    return {
        "median_ms": round(statistics.median(times), 2),
        "p95_ms": round(sorted(times)[len(times) * 95 // 100], 2),
        "cpu_ms": round((time.process_time() - busy) * 1000 / len(asked), 2),
        "asked": len(asked),
    }


def main() -> None:
    """Print the facts."""
    print(json.dumps(lookups(Path(sys.argv[2]))))


if __name__ == "__main__":
    main()
