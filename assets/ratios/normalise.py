"""Ratios of the annual accounts → one row per company, closing day and kind of accounts.

Belongs here: telling unknown amounts from zero, and the last of several rows. Does not belong
here: comparing years, and the units they are in (the rules that compare them must tell).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

CODE_VERSION = "1"

KEY = ["siren", "date_cloture", "type_bilan"]
AMOUNTS = ["chiffre_affaires", "resultat_net", "ebe"]
KEPT = ["confidentialite", "taux_endettement", "autonomie_financiere", "ratio_liquidite"]


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return ``ratios__years``; ``dataset.yml`` says its columns.

    Of several rows of one key the last of the file is kept: it is the correction.
    """
    turnover = pl.col("chiffre_affaires")
    last = raw["ratios"].sort(*KEY, "_line").unique(KEY, keep="last", maintain_order=True)
    return {
        "ratios__years": last.select(
            *KEY,
            pl.when(turnover > 0).then(turnover).alias("chiffre_affaires_eur"),
            pl.col("resultat_net").alias("resultat_net_eur"),
            pl.col("ebe").alias("ebe_eur"),
            *KEPT,
            pl.concat_str(KEY, separator="/").alias("record_key"),
            pl.lit(None, dtype=pl.Date).alias("publication_date"),
        )
    }
