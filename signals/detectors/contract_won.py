"""A company wins a public contract (DECP)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._decp import award_events, awards

SIGNAL = Signal(
    code="contract_won",
    family="procurement",
    title_fr="Marché public remporté",
    title_en="Public contract won",
    explanation_fr="L'entreprise remporte un marché public : charge, recrutement, achats.",
    explanation_en="The company wins a public contract: workload, hiring, purchases.",
    inputs=("decp__awards",),
    window_days=120,
    half_life_days=45,
    base_score=60,
    guards=(
        "Dated by its notification, within 120 days: contracts published again years later, no.",
        "One contract is one event, however many versions or establishments are published.",
        "The correction of a contract published before amends, it never announces.",
        "The amount is divided among the winners; of a framework it is a ceiling, not shown.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return the winners of new contracts."""
    return award_events(awards(frames), SIGNAL, frames.today)
