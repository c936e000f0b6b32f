"""A company changes its registered name (Sirene)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._sirene import change_events, changes
from signals.events import folded

SIGNAL = Signal(
    code="renamed",
    family="identity",
    title_fr="Changement de dénomination",
    title_en="Company renamed",
    explanation_fr="Nouvelle dénomination : identité visuelle, site, signalétique, documents.",
    explanation_en="A new name: branding, website, signage, documents.",
    inputs=("sirene_changes",),
    window_days=90,
    half_life_days=45,
    base_score=45,
    real_example="SILVER EXPANSION (821740651), 2016-11-14, Sirene",
    guards=(
        "Case, accents and punctuation are not a change.",
        "A name that was or becomes unknown or masked ([ND]) is not a change.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return units whose name differs once folded."""
    old, new = folded(pl.col("before")), folded(pl.col("after"))
    known = ~(pl.col("before").eq("[ND]") | pl.col("after").eq("[ND]"))
    renamed = changes(frames, "unit_renamed").filter(known, old != "", new != "", old != new)
    return change_events(
        renamed,
        SIGNAL,
        frames.today,
        key=[pl.col("occurred_at"), new],
        title_fr=pl.lit(SIGNAL.title_fr),
        title_en=pl.lit(SIGNAL.title_en),
        before={"denomination": pl.col("before")},
        after={"denomination": pl.col("after")},
    )
