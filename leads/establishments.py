"""Which establishment of the unit a lead is about, and what became of it.

Belongs here: the choice of a SIRET within the matched unit, and following a closed one to
its successor. Does not belong here: choosing the unit (``verdicts``).
"""

from __future__ import annotations

import polars as pl

from leads.arrays import U64, Bool, positions
from leads.features import siret_texts
from leads.index import Index
from leads.index_sites import CLOSED

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
        pl.when(nowhere | (pl.col("sign_here") > 0)).then(of_sign),
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
    asked = rows["siret"].cast(pl.UInt64).fill_null(0).to_numpy()
    was_active, known = _state(asked, index)
    final, closed = asked.copy(), known & ~was_active
    for _ in range(MAX_STEPS if index.meta["rows"]["successions"] else 0):
        link, found = positions(index.array("link.siret"), final)
        moves = closed & found
        final[moves] = index.array("link.successor")[link[moves]]
        active, there = _state(final, index)
        closed = there & ~active
    return rows.select("lead").with_columns(
        siret_texts(final).alias("final_siret"),
        pl.Series("was_closed", known & ~was_active),
        pl.Series("was_known", known),
        pl.Series("succeeded", (final != asked) & (final != 0)),
    )


def _state(sirets: U64, index: Index) -> tuple[Bool, Bool]:
    """Return whether each establishment is open, and whether the register knows it."""
    place, known = positions(index.array("site.siret"), sirets)
    active = known.copy()
    active[known] = index.array("site.state")[place[known]] < CLOSED
    return active, known
