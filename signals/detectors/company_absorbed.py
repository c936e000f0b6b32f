"""A company disappears into another by merger or universal transfer of its assets (BODACC B)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._registry import MODIFICATIONS
from signals.detectors.merger import merger_events, operations

SIGNAL = Signal(
    code="company_absorbed",
    family="transaction",
    title_fr="Société absorbée",
    title_en="Company absorbed",
    explanation_fr="La société disparaît dans une autre : suivre celle qui absorbe.",
    explanation_en="The company disappears into another: follow the one that absorbs.",
    inputs=(MODIFICATIONS,),
    window_days=180,
    half_life_days=90,
    base_score=60,
    polarity="risk",
    guards=(
        "Only where the text says which side disappears, or the company dissolves with it.",
        "A dissolution alone, without transfer, is not an absorption.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return the companies that the operation ends."""
    ends = (pl.col("merger_role") == "absorbed") | (
        pl.col("dissolution") & (pl.col("merger_role") == "absorbing").fill_null(value=False).not_()
    )
    return merger_events(operations(frames).filter(ends.fill_null(value=False)), SIGNAL, frames)
