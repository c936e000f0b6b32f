"""Egapro index: two vintages of the official CSV of 2022.

Belongs here: which declarants are taken. Rows are the publisher's, untouched; a declarant keeps all
its years.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import polars as pl
from safety import all_clean, has_legal_form, siren_ok
from selection import rank

#: Date of publication → last year declared.
VINTAGES = {"2020-03-01": "2019", "2021-03-01": "2020"}
#: Declarants taken besides those seen in another source.
OTHERS = 450


def read(path: Path) -> pl.DataFrame:
    """Return the original as text."""
    return pl.read_csv(path, separator=";", infer_schema=False)


def proven(table: pl.DataFrame) -> set[str]:
    """Return the SIRENs whose declared name carries a legal form."""
    names = table.select("SIREN", "Raison Sociale").drop_nulls().unique()
    return {siren for siren, name in names.iter_rows() if has_legal_form(name)}


def build(
    table: pl.DataFrame, legal_persons: Collection[str], wanted: Collection[str]
) -> dict[str, bytes]:
    """Return path below the sample → content; ``wanted`` are the SIRENs of the other sources."""
    unclean = {
        row["SIREN"]
        for row in table.iter_rows(named=True)
        if not all_clean([row["Raison Sociale"], row["Nom UES"], row["Entreprises UES (SIREN)"]])
    }
    allowed = {
        siren
        for siren in table["SIREN"].unique()
        if siren in legal_persons and siren_ok(siren) and siren not in unclean
    }
    seen = allowed & set(wanted)
    chosen = seen | set(sorted(allowed - seen, key=rank)[:OTHERS])
    kept = table.filter(pl.col("SIREN").is_in(sorted(chosen)))
    return {
        f"egapro/{vintage}/index-egalite-fh.csv": kept.filter(pl.col("Année") <= last)
        .write_csv(separator=";", line_terminator="\n")
        .encode()
        for vintage, last in VINTAGES.items()
    }
