"""Public contracts → one row per buyer."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

CODE_VERSION = "1"


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return ``buyers__names``; of several names the first in alphabetical order is kept."""
    rows = raw["decp"].sort("acheteur_id", "acheteur_nom", nulls_last=True)
    return {
        "buyers__names": rows.unique("acheteur_id", keep="first", maintain_order=True).select(
            "acheteur_id",
            "acheteur_nom",
            record_key="acheteur_id",
            # The engine gives the date of the publication to rows that have none of their own.
            publication_date=pl.lit(None, dtype=pl.Date),
        )
    }
