"""A company's turnover falls by a fifth or more (INPI accounts)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._ratios import TABLE, compared, turnover_titles, year_events

SIGNAL = Signal(
    code="revenue_drop",
    family="finance",
    title_fr="Chute du chiffre d'affaires",
    title_en="Sharp fall of turnover",
    explanation_fr="Chute de 20 % ou plus : coûts à réduire, encours à surveiller.",
    explanation_en="A fall of 20% or more: costs to be cut, receivables to be watched.",
    inputs=(TABLE,),
    window_days=720,
    half_life_days=180,
    base_score=50,
    polarity="risk",
    guards=(
        "Same kind of accounts, closed 11 to 13 months apart; consolidated before own ones.",
        "Turnover multiplied or divided by more than five is a mistaken unit (k€ for €).",
        "A turnover of 0 is not declared: it is unknown.",
        "A year that repeats the figures of the one before was copied.",
    ),
)
THRESHOLD = 0.8


def detect(frames: Frames) -> pl.LazyFrame:
    """Return the years whose turnover is at least a fifth below the one before."""
    fallen = compared(frames).filter(pl.col("now") <= THRESHOLD * pl.col("was"))
    titles = turnover_titles("Chiffre d'affaires ", "Turnover ")
    return year_events(fallen, SIGNAL, frames.today, titles=titles)
