"""A company that had ceased is active again (Sirene)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._sirene import change_events, changes

SIGNAL = Signal(
    code="company_reactivated",
    family="lifecycle",
    title_fr="Réactivation de l'entreprise",
    title_en="Company reactivated",
    explanation_fr="L'entreprise, cessée, est de nouveau active : reprise de contact possible.",
    explanation_en="The company had ceased and is active again: worth a new contact.",
    inputs=("sirene_changes",),
    # The register dates it back to the beginning of the period that it restores.
    window_days=180,
    half_life_days=60,
    base_score=35,
    real_example="L'INSTANT IDEAL (824490734), 2017-01-01, Sirene",
    guards=(
        "Often an administrative correction: low score, and mass operations are not actionable.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return units that went from ceased to active."""
    return change_events(
        changes(frames, "unit_reactivated"),
        SIGNAL,
        frames.today,
        key=[pl.col("occurred_at")],
        title_fr=pl.lit(SIGNAL.title_fr),
        title_en=pl.lit(SIGNAL.title_en),
        before={"etat_administratif": pl.col("before")},
        after={"etat_administratif": pl.col("after")},
    )
