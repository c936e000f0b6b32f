"""A company wins its first public contract (DECP, seen over its whole history)."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._decp import TABLE, award_events, awards
from signals.events import none

SIGNAL = Signal(
    code="first_public_contract",
    family="procurement",
    title_fr="Premier marché public",
    title_en="First public contract",
    explanation_fr="Aucun marché publié auparavant : l'entreprise découvre la commande publique.",
    explanation_en="No contract published before: the company is new to public procurement.",
    inputs=("decp__awards",),
    window_days=180,
    half_life_days=60,
    base_score=70,
    nature="inference",
    guards=(
        "Only when the history at hand covers three years before; else the first seen is no first.",
        "Contracts under 40 000 € need not be published: an inference, not a fact.",
    ),
)
#: History needed before "first" means anything.
HISTORY = timedelta(days=3 * 365)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return winners with a single contract in all the history."""
    won = pl.col("date_premiere_notification")
    history = frames.current(TABLE).filter(won.dt.year() > 2000)
    oldest = history.select(won.min()).collect().item()
    if oldest is None or oldest > frames.today - HISTORY:
        return none()
    first = history.group_by("titulaire_siren").agg(_first=won.min())
    firsts = awards(frames).join(first, on="titulaire_siren").filter(won == pl.col("_first"))
    return award_events(firsts, SIGNAL, frames.today, key=pl.lit("first"))
