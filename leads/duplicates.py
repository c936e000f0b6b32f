"""Numbers that the register gave to one unit twice.

Belongs here: replacing a number given by mistake by the unit's right one, in what is asked.
Does not belong here: the names of such units (``index`` gives them to the right unit).
"""

from __future__ import annotations

import polars as pl

from leads.index import Index
from leads.queries import Queries


def followed(queries: Queries, index: Index | None) -> Queries:
    """Return the questions with the right SIREN in the place of a duplicate.

    The SIRET given with a duplicate belongs to the duplicate and is not kept. Each
    replacement leaves the remark ``siren:duplicate_of(<SIREN>)``.
    """
    if index is None or not index.meta["rows"]["duplicates"]:
        return queries
    links = index.scan("duplicates").rename({"siren": "right"}).collect()

    def joined(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.join(
            links, left_on="siren", right_on="duplicate", how="left", maintain_order="left"
        )

    twice = pl.col("right").is_not_null()
    siren = pl.coalesce("right", "siren").alias("siren")
    remark = pl.when(twice).then(pl.concat_list(pl.format("siren:duplicate_of({})", "right")))
    asked = joined(queries.asked).with_columns(
        siren,
        pl.when(~twice).then("siret").alias("siret"),
        pl.concat_list("remarks", remark.fill_null([])).alias("remarks"),
    )
    return Queries(
        queries.leads,
        asked.drop("right"),
        joined(queries.spellings).with_columns(siren).drop("right"),
    )
