"""Public contracts of decp.info: two vintages of the second half of 2024.

Belongs here: which contracts are taken. The rows are the publisher's, untouched; the original at
hand holds 17 of the 58 columns and none is added. A contract is taken only when every winner is
proven to be a legal person, so that shares between co-winners stay right.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import polars as pl
from safety import all_clean, has_legal_form, siren_ok, siret_ok

#: Date of publication → last date of notification shown.
VINTAGES = {"2024-10-01": "2024-09-30", "2025-01-06": "2025-01-06"}


def read(path: Path) -> pl.DataFrame:
    """Return the original as text: identifiers keep their zeros."""
    return pl.read_csv(path, infer_schema=False)


def proven(table: pl.DataFrame) -> set[str]:
    """Return the SIRENs whose winner's name carries a legal form."""
    names = table.select("titulaire_id", "titulaire_nom").drop_nulls().unique()
    return {siret[:9] for siret, name in names.iter_rows() if has_legal_form(name)}


def build(table: pl.DataFrame, legal_persons: Collection[str]) -> dict[str, bytes]:
    """Return path below the sample → content of the two vintages."""
    refused = {
        row["uid"]
        for row in table.iter_rows(named=True)
        if not siret_ok(row["titulaire_id"] or "")
        or not siren_ok((row["acheteur_id"] or "")[:9])
        or row["titulaire_id"][:9] not in legal_persons
        or not all_clean([row["titulaire_nom"], row["acheteur_nom"], row["id"]])
    }
    kept = table.filter(~pl.col("uid").is_in(sorted(refused)))
    return {
        f"decp/{vintage}/decp.csv": kept.filter(pl.col("dateNotification") <= last)
        .write_csv(line_terminator="\n")
        .encode()
        for vintage, last in VINTAGES.items()
    }
