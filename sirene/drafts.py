"""The common shape of a change before names and places are added.

Belongs here: the eight columns every detector of changes gives. Does not belong here: any
rule.
"""

from __future__ import annotations

import polars as pl

SCHEMA: dict[str, pl.DataType] = {
    "change": pl.String(),
    "siren": pl.String(),
    "siret": pl.String(),
    "column": pl.String(),
    "before": pl.String(),
    "after": pl.String(),
    "other_siret": pl.String(),
    "occurred_at": pl.Date(),
}


def draft(
    rows: pl.DataFrame,
    change: str,
    *,
    column: str,
    before: pl.Expr | None = None,
    after: pl.Expr | None = None,
    occurred_at: pl.Expr,
    siret: pl.Expr | None = None,
    other_siret: pl.Expr | None = None,
) -> pl.DataFrame:
    """Return ``rows`` (which have ``siren``) as changes of one kind; absent parts are null."""
    parts = {
        "change": pl.lit(change),
        "siren": pl.col("siren"),
        "siret": siret,
        "column": pl.lit(column),
        "before": before,
        "after": after,
        "other_siret": other_siret,
        "occurred_at": occurred_at,
    }
    nothing = pl.lit(None)
    return rows.select(
        (nothing if part is None else part).cast(SCHEMA[name]).alias(name)
        for name, part in parts.items()
    )
