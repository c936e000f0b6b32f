"""A company makes a loss after a profit (INPI accounts)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._ratios import TABLE, compared, result_titles, year_events

SIGNAL = Signal(
    code="turned_to_loss",
    family="finance",
    title_fr="Passage en perte",
    title_en="Turned to loss",
    explanation_fr="Perte après un bénéfice : économies à trouver, encours à surveiller.",
    explanation_en="A loss after a profit: savings to be found, receivables to be watched.",
    inputs=(TABLE,),
    window_days=720,
    half_life_days=180,
    base_score=50,
    polarity="risk",
    real_example="ESSOR ENERGIES (487444697), 2021-12-31, complete accounts",
    guards=(
        "Same kind of accounts, closed 11 to 13 months apart; consolidated before own ones.",
        "A result of exactly 0 is unknown or copied: neither profit nor loss.",
        "A result below 1 000 € is rounding, not a turn.",
        "A year that repeats the figures of the one before was copied.",
    ),
)
#: Results nearer to zero are not a turn.
SMALLEST_EUR = 1_000


def detect(frames: Frames) -> pl.LazyFrame:
    """Return the years with a loss after a year with a profit."""
    lost = pl.col("result") <= -SMALLEST_EUR
    turned = compared(frames).filter(lost, pl.col("result_was") >= SMALLEST_EUR)
    titles = result_titles("Perte en ", "Loss in ")
    return year_events(turned, SIGNAL, frames.today, titles=titles)
