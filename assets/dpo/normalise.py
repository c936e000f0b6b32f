"""Designations of data protection officers → one row per organisation, the latest one.

Belongs here: which of several designations counts, and that only legal persons are named as
officers. Does not belong here: which designations are news (``signals/``).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

CODE_VERSION = "1"


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return ``dpo__designations``; organisations without SIREN are nobody's."""
    kind = pl.col("type_dpo").str.to_lowercase()
    external = kind.str.contains("morale")
    shown = ["siren", "nom", "code_naf", "code_postal"]
    return {
        "dpo__designations": (
            raw["designations"]
            .filter(pl.col("siren").is_not_null())
            .with_columns(externe=external)
            .with_columns(dpo_siren=pl.when(pl.col("externe")).then("dpo_siren"))
            .sort(
                "siren", "date_designation", "externe", "dpo_siren", *shown[1:],
                descending=[False, True, True, False, False, False, False], nulls_last=True,
            )
            .unique("siren", keep="first", maintain_order=True)
            .select(
                *shown, "externe", "dpo_siren", "date_designation",
                record_key=pl.col("siren"),
                publication_date=pl.lit(None, dtype=pl.Date),
            )
        )
    }  # fmt: skip
