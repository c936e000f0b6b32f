"""A company's gender equality index falls by ten points or more in a year (Egapro)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.events import Reading, events

SIGNAL = Signal(
    code="index_fell",
    family="equality",
    title_fr="Index égalité en baisse de dix points ou plus",
    title_en="Equality index down by ten points or more",
    explanation_fr="Une forte baisse appelle des mesures : besoin de conseil RH.",
    explanation_en="A sharp fall calls for measures: need for HR advice.",
    inputs=("egapro__declarations",),
    window_days=365,
    half_life_days=120,
    base_score=40,
    time_precision="year",
    nature="inference",
    guards=("An index that cannot be computed (NC) is unknown: no fall to or from it.",),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return new declarations ten points or more under those of the year before."""
    new = frames.delta("egapro__declarations").filter(pl.col("_op") != "removed")
    before = frames.current("egapro__declarations").select(
        "siren", annee=pl.col("annee") + 1, was="note_index"
    )
    fell = new.join(before, on=["siren", "annee"]).filter(
        pl.col("was") - pl.col("note_index") >= 10
    )
    reading = Reading(
        siren=pl.col("siren"),
        name=pl.col("raison_sociale"),
        key=[pl.col("annee")],
        occurred=pl.date(pl.col("annee"), 12, 31),
        title_fr=pl.format("Index égalité : {} après {}", "note_index", "was"),
        title_en=pl.format("Equality index: {} after {}", "note_index", "was"),
        before={"note_index": pl.col("was")},
        after={"note_index": pl.col("note_index")},
        confidence=0.9,
    )
    return events(fell, SIGNAL, frames.today, reading)
