"""A company signs an agreement on job cuts or short-time work (ACCO)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._acco import (
    TABLE,
    about,
    agreement_events,
    concluded,
    deposit,
    signed_on,
    topic,
)

SIGNAL = Signal(
    code="restructuring_agreement",
    family="workforce",
    title_fr="Accord de restructuration",
    title_en="Restructuring agreement",
    explanation_fr="Départs collectifs ou activité partielle : budgets gelés, besoins de conseil.",
    explanation_en="Collective departures or short-time work: frozen budgets, need for advice.",
    inputs=(TABLE,),
    window_days=180,
    half_life_days=90,
    base_score=50,
    polarity="risk",
    guards=(
        "By the theme the administration recorded, not by words of the title.",
        "A denunciation ends an agreement, it signs none.",
        "Named by its deposit: an agreement delivered again is the same event.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return new agreements on job protection plans, collective departures, short-time work."""
    rows = frames.delta(TABLE).filter(
        pl.col("_op") == "added", concluded(), topic() == "restructuring"
    )
    return agreement_events(rows, SIGNAL, frames.today, signed_on(), about(SIGNAL), deposit())
