"""Units registered twice, and the number that stands for both.

Belongs here: the list of duplicates with its chains followed. Does not belong here: merging
anything: rows of both numbers stay where they are.

StockDoublons gives pairs (``sirenDoublon`` was created by mistake, ``siren`` stands). A number
that stands may itself have been withdrawn later: ``siren_retenu`` is the end of the chain. A
chain that comes back to itself has no end: ``boucle`` is true and ``siren_retenu`` null. A
number that was given two right ones keeps both rows, ``ambigu`` on each; the chain then goes
on by the lowest.
"""

from __future__ import annotations

import polars as pl

#: Each step doubles what is followed: chains of up to 64 numbers.
_DOUBLINGS = 6


def duplicates(raw: pl.LazyFrame) -> pl.LazyFrame:
    """Return one row a pair, with the end of its chain, ``ambigu`` and ``boucle``.

    Args:
        raw: StockDoublons: ``siren``, ``siren_doublon``, ``date_dernier_traitement``.
    """
    pairs = raw.select("siren_doublon", "siren", "date_dernier_traitement").unique(
        ["siren_doublon", "siren"], keep="first", maintain_order=True
    )
    onward = pairs.group_by("siren_doublon").agg(
        pl.col("siren").min().alias("end"), (pl.len() > 1).alias("ambigu")
    )
    reached = onward.select("siren_doublon", "end")
    for _ in range(_DOUBLINGS):
        further = reached.select(pl.col("siren_doublon").alias("end"), pl.col("end").alias("next"))
        reached = reached.join(further, on="end", how="left").select(
            "siren_doublon", pl.coalesce("next", "end").alias("end")
        )
    # Whoever is still on the way after that many steps goes round in a circle.
    withdrawn = onward.select(pl.col("siren_doublon").alias("siren"), pl.lit(True).alias("_again"))
    return (
        pairs.join(onward.select("siren_doublon", "ambigu"), on="siren_doublon", how="left")
        .pipe(_ended, reached)
        .join(withdrawn.rename({"siren": "_end"}), on="_end", how="left")
        .select(
            "siren_doublon",
            "siren",
            pl.when(pl.col("_again").is_null()).then("_end").alias("siren_retenu"),
            "ambigu",
            pl.col("_again").is_not_null().alias("boucle"),
            "date_dernier_traitement",
            pl.concat_str("siren_doublon", "siren", separator="/").alias("record_key"),
            pl.lit(None, dtype=pl.Date).alias("publication_date"),
        )
    )


def _ended(pairs: pl.LazyFrame, reached: pl.LazyFrame) -> pl.LazyFrame:
    """Add the end of the chain that each pair's right number begins; itself if it stands."""
    ends = reached.rename({"siren_doublon": "siren", "end": "_end"})
    return pairs.join(ends, on="siren", how="left").with_columns(
        pl.coalesce("_end", "siren").alias("_end")
    )
