"""How detectors read registers of labels: lists that say who holds one today.

Belongs here: who was not in a list before, and who is in none of two lists that followed
one another, which is what gaining and losing mean. Does not belong here: what a list
holds, and the rule of any one signal.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from signals.base import Frames

#: How many lists a holder must be missing from before it counts as gone.
MISSING = 2


def newcomers(
    frames: Frames, table: str, key: Sequence[str], held: pl.Expr | None = None
) -> pl.LazyFrame:
    """Return the rows of the holders that none of the last two lists had.

    Two lists, because a portal that left somebody out for a day would else make a
    newcomer of it.

    Args:
        frames: the tables.
        table: the register.
        key: what names a holder.
        held: what makes a row a holder's; every row if not given.
    """
    condition = pl.lit(True) if held is None else held.fill_null(False)
    moved = frames.delta(table).select(key).unique()
    rows = frames.current(table).filter(condition).join(moved, on=key, how="semi")
    for steps in range(1, MISSING + 1):
        earlier = frames.past(table, steps).filter(condition).select(key)
        rows = rows.join(earlier, on=key, how="anti")
    return rows


def leavers(
    frames: Frames, table: str, key: Sequence[str], held: pl.Expr | None = None
) -> pl.LazyFrame:
    """Return the last rows of the holders that are missing from two lists in a row.

    They carry ``seen_missing``, the day of the latest list.

    Args:
        frames: the tables.
        table: the register.
        key: what names a holder.
        held: what makes a row a holder's; every row if not given.
    """
    condition = pl.lit(True) if held is None else held.fill_null(False)
    rows = frames.past(table, MISSING).filter(condition)
    for later in (frames.past(table, 1), frames.current(table)):
        rows = rows.join(later.filter(condition).select(key), on=key, how="anti")
    latest = frames.current(table).select(seen_missing=pl.col("publication_date").max())
    return rows.join(latest, how="cross")


def told(values: pl.Expr, most: int = 5) -> pl.Expr:
    """Return distinct values as one text, for an aggregation: the first ones and how many more."""
    distinct = values.drop_nulls().unique().sort()
    rest = distinct.len().cast(pl.Int64) - most
    more = pl.when(rest > 0).then(pl.format(" (+{})", rest)).otherwise(pl.lit(""))
    return pl.concat_str([distinct.head(most).str.join(", "), more])
