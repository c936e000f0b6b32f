"""A company ceases (Sirene)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._sirene import change_events, changes

SIGNAL = Signal(
    code="company_closed",
    family="lifecycle",
    title_fr="Cessation de l'entreprise",
    title_en="Company closed",
    explanation_fr="L'entreprise a cessé : ne plus prospecter, nettoyer la fiche.",
    explanation_en="The company has ceased: stop prospecting, clean the record.",
    inputs=("sirene_changes",),
    window_days=730,
    half_life_days=365,
    base_score=80,
    polarity="suppressor",
    real_example="EBI-CONCEPT (504296955), 2015-07-31, Sirene",
    guards=(
        "Mass cessations decided by the register are marked and never actionable.",
        "Lifted by a later company_reactivated.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return units that went from active to ceased."""
    return change_events(
        changes(frames, "unit_closed"),
        SIGNAL,
        frames.today,
        key=[pl.col("occurred_at")],
        title_fr=pl.lit(SIGNAL.title_fr),
        title_en=pl.lit(SIGNAL.title_en),
        before={"etat_administratif": pl.col("before")},
        after={"etat_administratif": pl.col("after")},
    )
