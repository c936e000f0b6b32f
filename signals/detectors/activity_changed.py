"""A company changes its main activity within one nomenclature (Sirene)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._sirene import change_events, changes

SIGNAL = Signal(
    code="activity_changed",
    family="identity",
    title_fr="Changement d'activité principale",
    title_en="Main activity changed",
    explanation_fr="L'activité principale change : pivot, diversification ou reclassement.",
    explanation_en="The main activity changes: pivot, diversification or reclassification.",
    inputs=("sirene_changes",),
    window_days=90,
    half_life_days=60,
    base_score=40,
    real_example="CHENIL DES 2 LOUVETEAUX (537620718), 2016-11-23, Sirene",
    guards=(
        "NAF rév. 2 is compared with itself only: the switch to NAF 2025 is no change.",
        "A mass operation (yearly refresh, switch of nomenclature) is not a change of activity.",
        "From or to an unknown activity (00.00Z, [ND]) is not a change.",
    ),
)
NAF = r"^\d{2}\.?\d{2}[A-Z]$"
UNKNOWN = ("00.00Z", "0000Z")


def detect(frames: Frames) -> pl.LazyFrame:
    """Return units whose NAF rév. 2 code went from one known code to another."""
    codes = [pl.col("before"), pl.col("after")]
    known = [code.str.contains(NAF) & ~code.is_in(UNKNOWN) for code in codes]
    changed = changes(frames, "unit_activity_changed").filter(
        *known,
        codes[0] != codes[1],
        pl.col("column") == "activite_principale",
        pl.col("is_mass_operation").fill_null(False).not_(),
    )
    return change_events(
        changed,
        SIGNAL,
        frames.today,
        key=[pl.col("occurred_at"), pl.col("after")],
        title_fr=pl.concat_str([pl.lit("Activité : "), *_arrow(codes)]),
        title_en=pl.concat_str([pl.lit("Activity: "), *_arrow(codes)]),
        before={"activite_principale": pl.col("before")},
        after={"activite_principale": pl.col("after")},
    )


def _arrow(codes: list[pl.Expr]) -> list[pl.Expr]:
    return [codes[0], pl.lit(" → "), codes[1]]
