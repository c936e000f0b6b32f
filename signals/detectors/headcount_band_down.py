"""A company's headcount band is lower than in the year before (Sirene, once a year)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._yearly import yearly_events
from signals.detectors.headcount_band_up import bands, words

SIGNAL = Signal(
    code="headcount_band_down",
    family="workforce",
    title_fr="Tranche d'effectifs en baisse",
    title_en="Headcount band down",
    explanation_fr="L'effectif a changé de tranche, à la baisse : vigilance sur les encours.",
    explanation_en="The headcount moved down a band: watch receivables.",
    inputs=("sirene_changes",),
    window_days=1100,
    half_life_days=540,
    base_score=35,
    polarity="risk",
    nature="inference",
    time_precision="year",
    guards=(
        "One figure for everyone, once a year and about two years late.",
        "NN and empty are unknown: a band that becomes unknown is no fall.",
        "Another band of the same year is a correction, not a fall.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return units whose band fell from one known band to another, of a later year."""
    fallen = bands(frames).filter(pl.col("is_now") < pl.col("was"))
    return yearly_events(fallen, SIGNAL, frames.today, words=words())
