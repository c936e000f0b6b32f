"""Labels of living heritage → one row per establishment, from its first label to its last.

Belongs here: an establishment listed for several labels is one holder. Does not belong here: who is
new and whose label ends (``signals/``).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

CODE_VERSION = "1"


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return ``epv__labels``; a row without SIRET is nobody's."""
    said = ["raison_sociale", "code_naf", "region", "univers"]
    return {
        "epv__labels": (
            raw["labels"]
            .filter(pl.col("siret").is_not_null())
            .sort("siret", "date_fin", *said, descending=[False, True] + [False] * 4)
            .group_by("siret", maintain_order=True)
            .agg(
                pl.col(said).first(),
                pl.col("date_debut").min(),
                pl.col("date_fin").max(),
            )
            .select(
                "siret",
                pl.col("siret").str.head(9).alias("siren"),
                *said,
                "date_debut",
                "date_fin",
                record_key=pl.col("siret"),
                publication_date=pl.lit(None, dtype=pl.Date),
            )
        )
    }
