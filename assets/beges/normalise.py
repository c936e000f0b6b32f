"""Greenhouse gas balances → one row per declarant and year.

Belongs here: the number that lost its zero, and which of several balances of a year
counts. Does not belong here: when the next one is due (``signals/``).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

CODE_VERSION = "1"


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return ``beges__reports``.

    The contract lets through eight digits that satisfy the check digit: one leading zero
    was lost. Fewer digits may have lost their end instead and are refused.
    """
    texts = ["raison_sociale", "ape", "type_structure", "consolidation", "region", "departement"]
    return {
        "beges__reports": (
            raw["bilans"]
            .with_columns(
                pl.col(texts).str.strip_chars(),
                siren=pl.col("siren_principal").str.zfill(9),
                date_publication=pl.col("date_de_publication"),
            )
            .select("siren", "annee", "date_publication", "structure_obligee", *texts)
            .sort(
                "siren",
                "annee",
                "date_publication",
                "structure_obligee",
                *texts,
                descending=[False, False, True, True] + [False] * len(texts),
                nulls_last=True,
            )
            .unique(["siren", "annee"], keep="first", maintain_order=True)
            .select(
                "siren",
                "annee",
                "raison_sociale",
                "ape",
                "date_publication",
                "structure_obligee",
                "type_structure",
                "consolidation",
                "region",
                "departement",
                record_key=pl.format("{}/{}", "siren", "annee"),
                publication_date=pl.col("date_publication"),
            )
        )
    }
