"""Who objected between the two months: hidden at once, then out of every file.

Belongs here: the run's own look at the status of diffusion over the tables that ``load.py``
has built, timed, and what is left afterwards. It changes the tables: nothing is measured on
them later. Does not belong here: what is taken out (``pipelines/diffusion.py``).

Who must be found is counted in the official files, and what must be gone is looked for in
the tables as they lie on disk.

Usage: ``python -m benchmarks.france.purge FILES DATA``: facts as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl

from assets.workspace import Workspace
from benchmarks.france.diff import tables
from benchmarks.france.recipe import AFTER
from benchmarks.france.write import month_folder, peak_mb
from opendata.clock import Clock
from opendata.lock import one_writer
from pipelines.diffusion import look

_STATUS = {
    "StockUniteLegale": ("siren", "statutDiffusionUniteLegale"),
    "StockEtablissement": ("siret", "statutDiffusionEtablissement"),
}


def objected(folder: Path, file: str) -> pl.Series:
    """Return the numbers of an official file that were shown in the first month and are no longer.

    Only Parquet is read: this is asked of the large runs.
    """
    number, status = _STATUS[file]
    was, now = (
        pl.scan_parquet(month_folder(folder, month) / f"{file}.parquet") for month in (0, 1)
    )
    shown = was.filter(pl.col(status) == "O").select(number)
    hidden = now.filter(pl.col(status) != "O").select(number)
    return hidden.join(shown, on=number, how="semi").collect(engine="streaming").to_series()


def purge(folder: Path, data: Path) -> dict[str, Any]:
    """Run the look, timed; count whom it found and what is left of them."""
    units, sites = (objected(folder, file) for file in _STATUS)
    workspace = Workspace(data, Clock.at(AFTER))
    before = _names(data)
    began, busy = time.perf_counter(), time.process_time()
    with one_writer(data):
        found = look(workspace)
    taken = time.perf_counter() - began, time.process_time() - busy
    after = _names(data)
    return {
        "seconds": round(taken[0], 2),
        "cpu_seconds": round(taken[1], 2),
        "hidden_in": round(found.hidden_in, 2),
        "rewritten_in": round(found.rewritten_in, 2),
        "peak_mb": peak_mb(),
        "expected": len(units) + len(sites),
        "found": found.natural + found.legal,
        "natural": found.natural,
        "rows": sum(place.rows for place in found.places),
        "files_rewritten": sum(name.startswith("tables") for name in after - before),
        "tables_kept": sum(name.startswith("tables") for name in after & before),
        "raw_removed": sum(name.startswith("raw") for name in before - after),
        "left": _left(data, units, sites),
    }


def _names(data: Path) -> set[str]:
    """Return the files of tables and the publisher's own; what is rewritten has another name."""
    found = (path for name in ("tables", "raw") for path in (data / name).rglob("*.parquet"))
    return {str(path.relative_to(data)) for path in found}


def _left(data: Path, units: pl.Series, sites: pl.Series) -> int:
    """Count the rows of natural persons that still show them as diffused in full."""
    left = 0
    for month in (0, 1):
        found = {name: pl.scan_parquet(path) for name, path in tables(data, month).items()}
        natural = found["sirene__legal_units"].filter(~pl.col("personne_morale")).select("siren")
        for table, number, hidden in (
            ("sirene__legal_units", "siren", units),
            ("sirene__establishments", "siret", sites),
        ):
            asked = pl.LazyFrame({number: hidden})
            shown = found[table].filter(pl.col("statut_diffusion") == "O")
            rows = shown.join(asked, on=number, how="semi").join(natural, on="siren", how="semi")
            left += int(rows.select(pl.len()).collect(engine="streaming").item())
    return left


def main() -> None:
    """Print the facts."""
    print(json.dumps(purge(Path(sys.argv[1]), Path(sys.argv[2]))))


if __name__ == "__main__":
    main()
