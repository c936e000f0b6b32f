"""Sit@del: two monthly vintages rebuilt from extracts of later ones.

Belongs here: which permits are taken, and what of them was known at the end of a month. A row says in
which month SDES learned of each of its dates (``DPC_…``): what came later is taken back. Only applicants
that are legal persons are kept; the address and the plots of the site are left empty.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from safety import clean, siren_ok

#: Date of publication → last month known.
VINTAGES = {"2024-08-01": "2024-07", "2025-01-02": "2024-12"}
#: File → original, lines before its header, column of the state, first month taken.
FILES = {
    "locaux": ("locaux_93048_extract.csv", 0, "ETAT_DAU", "2013-01"),
    "amenager": ("Liste-des-permis-damenager.2026-01.csv", 1, "ETAT_PA", "2021-01"),
    "demolir": ("Liste-des-permis-de-demolir.2026-01.csv", 1, "ETAT_PD", "2024-01"),
}
_EMPTIED = ("ADR_", "SEC_CADASTRE", "NUM_CADASTRE", "CODPOST_DEM", "LOCALITE_DEM")
_KEPT = ("ADR_CODPOST_TER",)
CANCELLED, AUTHORISED, BEGUN, FINISHED = "4", "2", "5", "6"


def read(folder: Path) -> dict[str, tuple[list[str], list[dict[str, str]]]]:
    """Return file → header and rows of legal persons."""
    found = {}
    for name, (original, before, _, first) in FILES.items():
        text = (folder / original).read_text(encoding="utf-8-sig").split("\n", before)[before]
        reader = csv.DictReader(io.StringIO(text), delimiter=";")
        rows = [row for row in reader if _admissible(row) and row["DPC_AUT"] >= first]
        found[name] = (list(reader.fieldnames or ()), rows)
    return found


def _admissible(row: Mapping[str, str]) -> bool:
    legal = bool(row["CJ_DEM"]) and row["CJ_DEM"][0] not in "12"
    return legal and siren_ok(row["SIREN_DEM"]) and clean(row["DENOM_DEM"])


def build(tables: Mapping[str, tuple[list[str], list[dict[str, str]]]]) -> dict[str, bytes]:
    """Return path below the sample → content."""
    files = {}
    for day, month in VINTAGES.items():
        for name, (header, rows) in tables.items():
            known = [_as_of(row, month, FILES[name][2]) for row in rows if row["DPC_AUT"] <= month]
            files[f"sitadel/{day}/{name}.csv"] = _written(header, known)
    return files


def _as_of(row: Mapping[str, str], month: str, state: str) -> dict[str, str]:
    """Return what was known of a permit at the end of ``month``."""
    past = {
        name: "" if name.startswith(_EMPTIED) and name not in _KEPT else value
        for name, value in row.items()
    }
    if past["DPC_DERN"] <= month:
        return past
    if past.get("DPC_DOC", "") > month:
        past["DATE_REELLE_DOC"] = past["DPC_DOC"] = ""
    if "DATE_REELLE_DAACT" in past:
        past["DATE_REELLE_DAACT"] = ""
    past[state] = BEGUN if past.get("DATE_REELLE_DOC") else AUTHORISED
    past["DPC_DERN"] = past.get("DPC_DOC") or past["DPC_AUT"]
    return past


def _written(header: list[str], rows: Iterable[Mapping[str, str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, header, delimiter=";", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
