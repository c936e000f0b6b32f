"""A company wins a public contract of a million euros or more (DECP)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._decp import award_events, awards

SIGNAL = Signal(
    code="big_win",
    family="procurement",
    title_fr="Marché public d'un million d'euros ou plus",
    title_en="Public contract of a million euros or more",
    explanation_fr="Marché important : l'entreprise va recruter, acheter et sous-traiter.",
    explanation_en="A large contract: the company will hire, buy and subcontract.",
    inputs=("decp__awards",),
    window_days=120,
    half_life_days=60,
    base_score=85,
    real_example="IDVERDE (339609661), 2024-10-14, DECP 214000655000162024T00043",
    guards=(
        "The share of each winner counts, not the full amount that each of them carries.",
        "A framework agreement states a ceiling: it is never a big win.",
        "Placeholder, thousand-euro and absurd amounts (above 12.3 G€) are unknown amounts.",
    ),
)
THRESHOLD_EUR = 1_000_000


def detect(frames: Frames) -> pl.LazyFrame:
    """Return the winners whose share reaches the threshold."""
    big = awards(frames).filter(pl.col("share") >= THRESHOLD_EUR, pl.col("framework").not_())
    return award_events(big, SIGNAL, frames.today)
