"""Food hygiene inspections → one row per establishment and day, the most severe result.

Belongs here: the rank of a result. Does not belong here: which results matter, and whether a later
inspection answers them (``signals/``).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

CODE_VERSION = "1"

#: The four results of décret 2016-1750, from the best to the worst, as the portal spells them.
LEVELS = {
    "Très satisfaisant": 1,
    "Satisfaisant": 2,
    "A améliorer": 3,
    "À améliorer": 3,
    "A corriger de manière urgente": 4,
    "À corriger de manière urgente": 4,
}


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return ``alimconfiance__inspections``; a row without SIRET or day is nobody's."""
    level = pl.col("synthese").replace_strict(LEVELS, default=None, return_dtype=pl.Int64)
    return {
        "alimconfiance__inspections": (
            raw["inspections"]
            .filter(pl.col("siret").is_not_null(), pl.col("date_inspection").is_not_null())
            .with_columns(niveau=level, siren=pl.col("siret").str.head(9))
            .sort(
                "siret", "date_inspection", "niveau", "activites", "code_postal",
                descending=[False, False, True, False, False], nulls_last=True,
            )
            .unique(["siret", "date_inspection"], keep="first", maintain_order=True)
            .select(
                "siret", "siren", "date_inspection", "niveau", "activites", "code_postal",
                record_key=pl.concat_str("siret", pl.lit("/"), "date_inspection"),
                publication_date=pl.lit(None, dtype=pl.Date),
            )
        )
    }  # fmt: skip
