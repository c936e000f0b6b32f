"""A month of France to signals: detect, log, export to an account of a million leads.

Generated at the volumes of the real sources: the register of all legal units, the changes
between two vintages, a year of BODACC with one new month, all of DECP with one new month.
Registers that are small beside these are left out. Each share of France runs in its own
process, so that its memory is its own; generating is not counted. "work" is the time of all
processors: where others use the machine too, it tells more than the seconds that went by.

Usage: ``python -m benchmarks.signals_month [--shares 16,4,1]``
"""

from __future__ import annotations

import argparse
import itertools
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from assets import discovery
from opendata.clock import Clock
from opendata.diff import OP
from opendata.typing_rules import DTYPES
from signals.detect import detect_all
from signals.feed.attribution import SOURCE_SCHEMA
from signals.feed.customers import Customers
from signals.feed.export import export
from signals.log import SignalLog
from signals.profile import Profile

TODAY = date(2026, 2, 2)
#: What is in France: units, changes of a month, leads of the account.
UNITS, LEADS = 29_000_000, 1_000_000
#: table → rows in the history, and how many of them are of the last month.
VOLUMES = {
    "sirene_changes": (700_000, 700_000),
    "bodacc__insolvencies": (220_000, 18_500),
    "bodacc__sales": (60_000, 5_000),
    "bodacc__registrations": (900_000, 75_000),
    "bodacc__accounts": (1_400_000, 115_000),
    "bodacc__modifications": (1_100_000, 90_000),
    "bodacc__strike_offs": (400_000, 34_000),
    "decp__awards": (1_500_000, 25_000),
}
#: Goals on two cores for the whole of France.
SECONDS, GIGABYTES = 180, 6
_CHANGES = (
    "unit_created", "unit_closed", "unit_renamed", "unit_activity_changed", "hq_moved",
    "establishment_opened", "establishment_closed", "establishment_moved",
)  # fmt: skip


@dataclass(frozen=True)
class Month:
    """The generated tables, as detectors see them."""

    folder: Path
    shares: Mapping[str, tuple[int, int]]

    @property
    def today(self) -> date:
        """Return the day of the run."""
        return TODAY

    def has(self, table: str) -> bool:
        """Return whether the table is generated."""
        return table in self.shares

    def current(self, table: str) -> pl.LazyFrame:
        """Return the whole history."""
        if self.has(table):
            return pl.scan_parquet(self.folder / f"{table}.parquet")
        return pl.LazyFrame(schema=_schema(table))

    def delta(self, table: str) -> pl.LazyFrame:
        """Return the last month."""
        rows = self.current(table).with_columns(pl.lit("added").alias(OP))
        total, new = self.shares.get(table, (0, 0))
        return rows.slice(total - new)

    def past(self, table: str, steps: int) -> pl.LazyFrame:
        """Return nothing: no list was published before."""
        return pl.LazyFrame(schema=_schema(table))

    def since(self, table: str) -> date | None:
        """Return the day of the last look, a month ago."""
        return TODAY - timedelta(days=31) if self.has(table) else None


def _schema(table: str) -> dict[str, Any]:
    columns = discovery.owners()[table].described_columns(table)
    return {column.name: DTYPES[column.type] for column in columns}


def _siren(number: pl.Expr) -> pl.Expr:
    return (number + 100_000_000).cast(pl.String)


def _pick(number: pl.Expr, *values: str) -> pl.Expr:
    return (number % len(values)).replace_strict(dict(enumerate(values)), return_dtype=pl.String)


def _values(table: str, units: int, total: int, new: int) -> dict[str, pl.Expr]:
    """Return what the rows of ``table`` say; what is not given is empty."""
    row = pl.int_range(total, dtype=pl.Int64)
    # A multiplier prime to any share spreads the rows over all units.
    unit = _siren((row * 7_368_787) % units)
    recent, age = row >= total - new, (row * 31) % 330
    days = pl.when(recent).then(row % 28).otherwise(age + 31)
    day = pl.lit(TODAY) - pl.duration(days=days + 1)
    seller = _siren((row * 9_576_890_767) % units)
    by_table: dict[str, dict[str, pl.Expr]] = {
        "sirene_changes": {
            "siren": unit, "siret": unit + "00011", "other_siret": unit + "00029",
            "change": _pick(row, *_CHANGES), "before": pl.lit("43.21A"), "after": pl.lit("62.01Z"),
            "nom_complet": pl.lit("SOCIETE ") + unit, "departement": _pick(row, "75", "69", "13"),
            "from_commune": pl.lit("75101"), "to_commune": pl.lit("69123"),
            "distance_km": pl.lit(391.5), "occurred_at": day, "observed_at": pl.lit(TODAY),
            "is_mass_operation": pl.lit(value=False), "personne_morale": row % 3 == 0,
            "prospecting_allowed": pl.lit(value=True),
        },
        "bodacc__insolvencies": {
            "siren": unit, "jugement_date": day, "type_avis": pl.lit("annonce"),
            "procedure": _pick(row, "liquidation_judiciaire", "redressement_judiciaire"),
            "stage": _pick(row, "opening", "closure", "plan"),
        },
        "bodacc__sales": {
            "buyer_siren": unit, "seller_siren": seller, "price_eur": (row % 900 + 20) * 1000.0,
            "date_effet": day, "type_avis": pl.lit("annonce"), "seller_is_person": row % 2 == 0,
            "category": pl.lit("Vente de fonds de commerce"),
        },
        "bodacc__registrations": {
            "siren": unit, "kind": _pick(row, "creation", "immatriculation"),
            "date_immatriculation": day, "date_commencement": day,
        },
        "bodacc__accounts": {"siren": unit, "date_cloture": day - pl.duration(days=200)},
        "bodacc__modifications": {"siren": unit},
        "bodacc__strike_offs": {"siren": unit},
        "decp__awards": {
            "uid": row.cast(pl.String), "acheteur_id": seller + "00011",
            "titulaire_id": unit + "00011", "titulaire_siren": unit, "nature": pl.lit("Marché"),
            "montant_eur": (row % 5000 + 10) * 1000.0, "winners": pl.lit(1),
            "duree_mois": row % 48 + 1, "date_notification": day, "date_publication": day,
            "date_premiere_notification": day, "versions": pl.lit(1), "modifications": pl.lit(0),
        },
    }  # fmt: skip
    notice = pl.lit(table[8:11]) + row.cast(pl.String)
    common = {
        "record_key": pl.lit(table) + row.cast(pl.String),
        "source_id": pl.lit(f"{table.split('__')[0]}@v1"),
        "publication_date": day, "date_parution": day, "notice_id": notice,
        "type_avis": pl.lit("annonce"),
    }  # fmt: skip
    return {**common, **by_table[table]}


def generate(folder: Path, part: int) -> tuple[Month, int]:
    """Write the tables of one share of France; return them and the number of units."""
    units = UNITS // part
    shares = {name: (total // part, new // part) for name, (total, new) in VOLUMES.items()}
    for table, (total, new) in shares.items():
        _write(folder, table, _values(table, units, total, new), total)
    unit = pl.int_range(units, dtype=pl.Int64)
    said = {
        "siren": _siren(unit), "statut_diffusion": _pick(unit, "O", "O", "O", "P"),
        "personne_morale": unit % 3 == 0, "etat_administratif": _pick(unit, "A", "A", "C"),
        "nom_complet": pl.lit("SOCIETE ") + _siren(unit), "categorie_juridique": pl.lit("5710"),
        "activite_principale": _pick(unit, "43.21A", "62.01Z", "56.10A"),
        "nomenclature_activite": pl.lit("NAFRev2"), "tranche_effectifs": _pick(unit, "NN", "11"),
    }  # fmt: skip
    _write(folder, "sirene__legal_units", said, units)
    return Month(folder, {**shares, "sirene__legal_units": (units, 0)}), units


def _write(folder: Path, table: str, said: Mapping[str, pl.Expr], total: int) -> None:
    columns = [
        said.get(name, pl.lit(None)).cast(kind).alias(name) for name, kind in _schema(table).items()
    ]
    rows = pl.select(pl.int_range(total).alias("_n")).lazy().select(columns)
    rows.sink_parquet(folder / f"{table}.parquet", compression="zstd")


def matched(units: int, leads: int) -> pl.DataFrame:
    """Return one confirmed answer per lead, on legal persons all over the register."""
    row = pl.int_range(leads, dtype=pl.Int64)
    return pl.select(
        match_id=pl.lit("m") + row.cast(pl.String),
        lead_id=pl.lit("l") + row.cast(pl.String),
        account_id=pl.lit("bench"),
        verdict=pl.lit("confirmed"),
        siren=_siren(((row * 7_368_787) % (units // 3)) * 3),
        siret=pl.lit(None, dtype=pl.String),
        probability=pl.lit(0.97),
        reasons=pl.lit(["name"], dtype=pl.List(pl.String)),
    )


def sources() -> pl.DataFrame:
    """Return a description of each generated source."""
    names = sorted({table.split("__")[0] for table in VOLUMES})
    described = [
        {
            **dict.fromkeys(SOURCE_SCHEMA, name), "source_id": f"{name}@v1", "licence_id": "lov2",
            "publication_date": TODAY, "fetched_at": Clock.at(TODAY).now(),
        }
        for name in names
    ]  # fmt: skip
    return pl.DataFrame(described, schema=SOURCE_SCHEMA)


def profile() -> Profile:
    """Return the account's wishes: an activity, and companies to be discovered."""
    return Profile.model_validate(
        {"include": {"naf_rev2": ["F"]}, "discovery": {"fresh_days": 30, "at_most": 10_000}}
    )


def register(month: Month, wanted: pl.LazyFrame) -> pl.LazyFrame:
    """Return the wanted companies of the generated register, as the exports ask for them."""
    units = month.current("sirene__legal_units").join(wanted, on="siren", how="semi")
    return units.select(
        "siren",
        company_name="nom_complet",
        active=pl.col("etat_administratif") == "A",
        personne_morale="personne_morale",
        diffusible=pl.col("statut_diffusion") == "O",
        categorie_juridique="categorie_juridique",
        tranche_effectifs="tranche_effectifs",
        departement=pl.lit("75"),
        nomenclature_activite="nomenclature_activite",
        activite_principale="activite_principale",
        activite_principale_naf25=pl.lit(None, dtype=pl.String),
    )


def measure(part: int) -> None:
    """Run one share and print its line."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        month, units = generate(folder, part)
        log, clock = SignalLog(folder / "signals"), Clock.at(TODAY)
        seconds: list[float] = []
        work: list[float] = []

        def step(action: Callable[[], Any]) -> Any:
            started, worked = time.perf_counter(), time.process_time()
            answer = action()
            seconds.append(time.perf_counter() - started)
            work.append(time.process_time() - worked)
            return answer

        found = step(lambda: detect_all(month, recorded=clock.now(), run_id="bench"))
        step(lambda: log.append(found, {"sirene": "v1"}))
        status = pl.DataFrame({"dataset": ["bodacc"], "state": ["OK"]})
        report = step(
            lambda: export(
                log,
                folder / "exports",
                matches=matched(units, LEADS // part),
                sources=sources(),
                source_status=status,
                clock=clock,
                run_id="bench",
                customers=Customers({"bench": profile()}, partial(register, month)),
            )
        )
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        lead_rows = sum(report.streams[0].counts.values())
        parts = " ".join(f"{one:>8.1f}" for one in seconds)
        print(
            f"1/{part:<4} {found.height:>9,} {lead_rows:>10,} {parts} {sum(work):>8.1f} "
            f"{sum(seconds):>8.1f} {memory:>6.2f}",
            flush=True,
        )


def main() -> int:
    """Measure each share in its own process; fail if the whole of France misses a goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shares", default="16,4,1", help="France divided by these")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        measure(given.one)
        return 0
    shares = [int(one) for one in given.shares.split(",")]
    print(f"goal for 1/1: {SECONDS} s, {GIGABYTES} GB (peak of the process, generating included)")
    print(
        f"{'share':<6} {'signals':>9} {'of leads':>10} {'detect':>8} {'log':>8} {'export':>8} "
        f"{'work':>8} {'seconds':>8} {'GB':>6}",
        flush=True,
    )
    lines = {share: _line(share) for share in shares}
    took = {share: float(line.split()[-2]) for share, line in lines.items()}
    work = {share: float(line.split()[-3]) for share, line in lines.items()}
    for before, after in itertools.pairwise(shares):
        print(
            f"1/{before} to 1/{after}: {before / after:.0f} times the data, "
            f"{took[after] / took[before]:.1f} the time, {work[after] / work[before]:.1f} the work"
        )
    if 1 not in lines:
        print("the whole of France was not run: no goal was measured")
        return 0
    return int(took[1] > SECONDS or float(lines[1].split()[-1]) > GIGABYTES)


def _line(share: int) -> str:
    command = [sys.executable, "-m", "benchmarks.signals_month", "--one", str(share)]
    line = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    print(line, flush=True)
    return line


if __name__ == "__main__":
    sys.exit(main())
