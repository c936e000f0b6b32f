"""Which establishment of the unit a lead is about, and what became of it.

Belongs here: the choice of a SIRET within the matched unit, and following a closed one to
its successor. Does not belong here: choosing the unit (``verdicts``).
"""

from __future__ import annotations

import polars as pl

from leads.index import Index

#: A chain of successions longer than this is a loop or an error of the register.
MAX_STEPS = 5


def likeliest() -> pl.Expr:
    """Return the SIRET of a candidate: at the lead's address or place, else the head office.

    A sign belongs to one establishment: it is that one, unless the lead is elsewhere.
    """
    of_sign = pl.when(pl.col("of_establishment") > 0).then("name_siret")
    nowhere = pl.all_horizontal(
        pl.col(level).is_null() for level in ("postcode", "city", "department")
    )
    return pl.coalesce(
        "at_address",
        pl.when(nowhere | (pl.col("postcode_there") == pl.col("postcode"))).then(of_sign),
        "at_postcode",
        "at_city",
        of_sign,
        "hq",
    )


def follow(rows: pl.DataFrame, index: Index | None) -> pl.DataFrame:
    """Replace closed establishments by the one that took over, as far as the register knows.

    Args:
        rows: ``lead``, ``siret``.
        index: the registry.

    Returns:
        ``lead``, ``final_siret``, ``was_closed``, ``was_known``, ``succeeded``.
    """
    rows = rows.select("lead", "siret")
    if index is None:
        return rows.select(
            "lead",
            pl.col("siret").alias("final_siret"),
            pl.lit(False).alias("was_closed"),
            pl.lit(True).alias("was_known"),
            pl.lit(False).alias("succeeded"),
        )
    links = index.scan("successions").collect()
    needed = pl.concat([rows["siret"], links["siret"], links["successor"]]).unique()
    state = (
        index.scan("establishments")
        .select("siret", "active")
        .join(needed.alias("siret").to_frame().lazy(), on="siret", how="semi")
        .collect()
    )
    first = rows.join(state, on="siret", how="left").with_columns(
        pl.col("siret").alias("final_siret"),
        pl.col("active").is_not_null().alias("was_known"),
        (~pl.col("active")).fill_null(False).alias("was_closed"),
    )
    moved = first.select("lead", "final_siret", "was_closed")
    for _ in range(MAX_STEPS if links.height else 0):
        moved = (
            moved.join(links, left_on="final_siret", right_on="siret", how="left")
            .with_columns(
                pl.when("was_closed").then(pl.coalesce("successor", "final_siret"))
                .otherwise("final_siret").alias("final_siret")
            )
            .drop("successor", "was_closed")
            .join(state, left_on="final_siret", right_on="siret", how="left")
            .with_columns((~pl.col("active")).fill_null(False).alias("was_closed"))
            .drop("active")
        )  # fmt: skip
    return first.drop("final_siret", "active").join(
        moved.select("lead", "final_siret"), on="lead"
    ).select(
        "lead", "final_siret", "was_closed", "was_known",
        (pl.col("final_siret") != pl.col("siret")).fill_null(False).alias("succeeded"),
    )  # fmt: skip
