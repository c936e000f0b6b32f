"""A company makes a profit after a loss (INPI accounts)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._ratios import TABLE, compared, result_titles, year_events

SIGNAL = Signal(
    code="turned_to_profit",
    family="finance",
    title_fr="Retour au bénéfice",
    title_en="Turned to profit",
    explanation_fr="Bénéfice après une perte : les projets remis à plus tard reviennent.",
    explanation_en="A profit after a loss: projects put off come back.",
    inputs=(TABLE,),
    window_days=720,
    half_life_days=180,
    base_score=50,
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
    """Return the years with a profit after a year with a loss."""
    lost = pl.col("result_was") <= -SMALLEST_EUR
    turned = compared(frames).filter(lost, pl.col("result") >= SMALLEST_EUR)
    titles = result_titles("Bénéfice en ", "Profit in ")
    return year_events(turned, SIGNAL, frames.today, titles=titles)
