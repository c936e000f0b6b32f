"""A company's turnover grows by a fifth or more (INPI accounts)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._ratios import TABLE, compared, turnover_titles, year_events

SIGNAL = Signal(
    code="revenue_growth",
    family="finance",
    title_fr="Forte croissance du chiffre d'affaires",
    title_en="Strong growth of turnover",
    explanation_fr="Croissance de 20 % ou plus : recrutements, locaux, outils à la hauteur.",
    explanation_en="Growth of 20% or more: hiring, premises, tools to match.",
    inputs=(TABLE,),
    window_days=720,
    half_life_days=180,
    base_score=60,
    guards=(
        "Same kind of accounts, closed 11 to 13 months apart; consolidated before own ones.",
        "Turnover multiplied or divided by more than five is a mistaken unit (k€ for €).",
        "A turnover of 0 is not declared: it is unknown.",
        "A year that repeats the figures of the one before was copied.",
    ),
)
THRESHOLD = 1.2


def detect(frames: Frames) -> pl.LazyFrame:
    """Return the years whose turnover is at least a fifth above the one before."""
    grown = compared(frames).filter(pl.col("now") >= THRESHOLD * pl.col("was"))
    titles = turnover_titles("Chiffre d'affaires ", "Turnover ")
    return year_events(grown, SIGNAL, frames.today, titles=titles)
