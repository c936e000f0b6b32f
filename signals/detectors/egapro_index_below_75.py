"""A company declares a gender equality index under 75 (Egapro)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._egapro import declaration_events, declarations

SIGNAL = Signal(
    code="egapro_index_below_75",
    family="equality",
    title_fr="Index égalité inférieur à 75",
    title_en="Equality index below 75",
    explanation_fr="Mesures correctives obligatoires sous 75 : besoin de conseil RH et paie.",
    explanation_en="Corrective measures are compulsory below 75: need for HR advice.",
    inputs=("egapro__declarations",),
    window_days=365,
    half_life_days=120,
    base_score=50,
    time_precision="year",
    real_example="AUTOGRILL COTE FRANCE (391378239), 2020, Egapro",
    guards=(
        "An index that cannot be computed (NC) is unknown, not low.",
        "An index outside 0-100 is an error.",
        "Dated by the year declared, for one year: old campaigns published again are not news.",
    ),
)
THRESHOLD = 75


def detect(frames: Frames) -> pl.LazyFrame:
    """Return declarations with a computed index under the threshold."""
    low = declarations(frames).filter(pl.col("note_index") >= 0, pl.col("note_index") < THRESHOLD)
    index = pl.col("note_index").cast(pl.Int64).cast(pl.String)
    return declaration_events(
        low,
        SIGNAL,
        frames.today,
        key=pl.col("annee"),
        title_fr=pl.concat_str([pl.lit("Index égalité "), pl.col("annee"), pl.lit(" : "), index]),
        title_en=pl.concat_str([pl.lit("Equality index "), pl.col("annee"), pl.lit(": "), index]),
    )
