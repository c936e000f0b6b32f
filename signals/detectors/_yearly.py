"""How detectors read what Insee computes once a year: headcount band, size class.

Belongs here: the event of a value that rose or fell from one year to a later one. Does not
belong here: which differences count as such (``sirene/unit_changes.py``).
"""

from __future__ import annotations

from datetime import date

import polars as pl

from signals.base import Signal
from signals.detectors._sirene import change_events

#: The figure is right for its year, which is over for long when it comes out.
CONFIDENCE = 0.8


def yearly_events(
    rows: pl.LazyFrame, signal: Signal, today: date, *, words: tuple[pl.Expr, pl.Expr]
) -> pl.LazyFrame:
    """Return ``rows`` as events of the year they count, titled by ``words``.

    ``words`` says in French, then in English, what went from ``before`` to ``after``.
    """
    year = pl.col("occurred_at").dt.year()
    french, english = (
        pl.concat_str([said, pl.lit(" ("), year.cast(pl.String), pl.lit(")")]) for said in words
    )
    return change_events(
        rows,
        signal,
        today,
        key=[pl.col("column"), year],
        title_fr=french,
        title_en=english,
        before={"value": pl.col("before")},
        after={"value": pl.col("after"), "year": year},
        confidence=CONFIDENCE,
    )


def arrow(head: str, labels: pl.Expr, labels_after: pl.Expr) -> pl.Expr:
    """Return ``head``, the value before and the value after."""
    return pl.concat_str([pl.lit(f"{head} "), labels, pl.lit(" → "), labels_after])
