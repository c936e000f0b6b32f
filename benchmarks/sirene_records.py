"""Real records through the rules of the register: names as shown elsewhere, histories as they come.

Belongs here: what can be measured on real rows but not bundled, or compared with what another
reader of the same register shows. Does not belong here: speed at national size (``france``).

Usage: ``python -m benchmarks.sirene_records``; ``BENCH_DATA`` is the folder of real histories.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import polars as pl

from assets import discovery
from opendata import parquet
from opendata.contract import ReadResult, read_resource
from sirene.names import display_name
from sirene.periods import at, followed

ROOT = Path(__file__).resolve().parents[1]
SHOWN = ROOT / "tests" / "data" / "sirene" / "annuaire" / "names.csv"
HISTORY = "sirene/merazig+observatoire-sirene/periodes_sample.parquet"
#: Columns of the extract → headers of StockEtablissementHistorique.
HEADERS = {
    "siret": "siret",
    "dateDebut": "dateDebut",
    "dateFin": "dateFin",
    "etat": "etatAdministratifEtablissement",
    "code_ape": "activitePrincipaleEtablissement",
}


def names() -> tuple[int, int]:
    """Return how many legal persons are shown as the annuaire shows them, and of how many."""
    rows = pl.read_csv(SHOWN, infer_schema=False)
    ours = display_name(
        pl.col("denomination"), pl.col("sigle"), pl.col("denomination_usuelle_siege")
    )
    return rows.filter(ours.eq_missing(pl.col("nom_complet"))).height, rows.height


def official(extract: Path, target: Path) -> Path:
    """Write the extract under the headers of the official file; what it lacks is empty."""
    rows = pl.read_parquet(extract).select(pl.col(old).alias(new) for old, new in HEADERS.items())
    known = rows.with_columns(
        pl.col("siret").str.slice(0, 9).alias("siren"), pl.col("siret").str.slice(9).alias("nic")
    )
    described = discovery.sources()["sirene"].dataset.resource("stock-etablissement-historique")
    headers = [column.header for column in described.columns]
    missing = [pl.lit(None, pl.String).alias(name) for name in headers if name not in known.columns]
    known.with_columns(missing).select(headers).write_csv(target)
    return target


def periods(extract: Path, work: Path) -> tuple[ReadResult, pl.LazyFrame]:
    """Read the extract by the contract and put it in order, as a load does."""
    described = discovery.sources()["sirene"].dataset.resource("stock-etablissement-historique")
    read = read_resource(described, [official(extract, work / "history.csv")], work=work / "read")
    rows = parquet.arranged(read.rows, described.order, read.path)
    return read, followed(rows, "siret")


def main() -> None:
    """Print what was found."""
    same, total = names()
    print(f"names shown as by the annuaire des entreprises: {same} of {total} legal persons")
    extract = Path(os.environ.get("BENCH_DATA", ROOT.parent / "shared" / "data")) / HISTORY
    if not extract.exists():
        print(f"{extract.name} is not there (BENCH_DATA): no real history is measured")
        return
    with tempfile.TemporaryDirectory(prefix="records-") as folder:
        read, rows = periods(extract, Path(folder))
        found = rows.collect()
        follows = found["contigue"].drop_nulls()
        print(
            f"periods of establishments: {read.accepted:,} accepted, {read.rejected_rows:,} refused"
        )
        print(f"establishments: {found['siret'].n_unique():,}")
        print(f"contiguous: {int(follows.sum()):,} of {len(follows):,} that have one before")
        print(f"periods without a start: {found['date_debut'].null_count():,}")
        for year in (1990, 2005, 2020):
            stood = at(found.lazy(), pl.select(pl.date(year, 1, 1)).item()).collect()
            unique = "one each" if stood["siret"].is_unique().all() else "REPEATED"
            print(f"on 1 January {year}: {stood.height:,} establishments, {unique}")


if __name__ == "__main__":
    main()
