"""Official files for the file interface: real cuts of 2020 and 2024, and small written ones."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

DATA = Path(__file__).parents[1] / "data" / "sirene"
UNITS_2020 = DATA / "2020-06" / "StockUniteLegale_utf8.csv"
SITES_2020 = DATA / "2020-06" / "StockEtablissement_utf8.csv"
UNITS_2022 = DATA / "2022-04" / "StockUniteLegale_utf8.csv"
SITES_2024 = DATA / "2024-03" / "StockEtablissement_utf8.csv"

#: Headers of the files that no real cut is bundled of, as Insee publishes them.
UNIT_HISTORY = [
    "siren",
    "dateFin",
    "dateDebut",
    "etatAdministratifUniteLegale",
    "denominationUniteLegale",
    "denominationUsuelle1UniteLegale",
    "denominationUsuelle2UniteLegale",
    "denominationUsuelle3UniteLegale",
    "categorieJuridiqueUniteLegale",
]
SITE_HISTORY = [
    "siren",
    "nic",
    "siret",
    "dateFin",
    "dateDebut",
    "etatAdministratifEtablissement",
    "enseigne1Etablissement",
    "enseigne2Etablissement",
    "enseigne3Etablissement",
    "denominationUsuelleEtablissement",
]
DUPLICATES = ["siren", "sirenDoublon", "dateDernierTraitementDoublon"]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def write(path: Path, header: list[str], rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, header, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def zipped(path: Path, folder: Path) -> Path:
    target = folder / f"{path.stem}.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, path.name)
    return target


def a_named_unit(number: int = 0) -> dict[str, str]:
    """Return an open unit of 2020 whose name nobody else there bears."""
    rows = rows_of(UNITS_2020)
    names = [row["denominationUniteLegale"] for row in rows]
    good = [
        row
        for row in rows
        if row["etatAdministratifUniteLegale"] == "A"
        and row["statutDiffusionUniteLegale"] == "O"
        and len(row["denominationUniteLegale"]) > 12
        and names.count(row["denominationUniteLegale"]) == 1
    ]
    return good[number]
