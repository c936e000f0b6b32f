"""A company's size class rises: PME, ETI, grande entreprise (Sirene, once a year)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._sirene import changes
from signals.detectors._yearly import arrow, yearly_events

SIGNAL = Signal(
    code="size_class_up",
    family="workforce",
    title_fr="Catégorie d'entreprise supérieure",
    title_en="Size class up",
    explanation_fr="PME devenue ETI, ou ETI devenue grande : croissance, ou entrée dans un groupe.",
    explanation_en="From SME to mid-size, or from mid-size to large: growth, or a group bought it.",
    inputs=("sirene_changes",),
    # The class of a year comes out in the autumn two years later.
    window_days=1100,
    half_life_days=540,
    base_score=45,
    nature="inference",
    time_precision="year",
    guards=(
        "Computed on the whole group: a company that is bought rises without growing.",
        "An empty class is unknown: nothing rises from it.",
        "Another class of the same year is a correction.",
    ),
)
#: Décret 2008-1354: from small to large.
RANKS = {"PME": 1, "ETI": 2, "GE": 3}
ENGLISH = {"PME": "SME", "ETI": "mid-size", "GE": "large"}


def detect(frames: Frames) -> pl.LazyFrame:
    """Return units whose class rose from one known class to another, of a later year."""
    was, is_now = (
        pl.col(side).replace_strict(RANKS, default=None, return_dtype=pl.Int64)
        for side in ("before", "after")
    )
    risen = changes(frames, "unit_size_class_changed").filter(is_now > was)
    english = [pl.col(side).replace(ENGLISH) for side in ("before", "after")]
    words = (
        arrow("Catégorie :", pl.col("before"), pl.col("after")),
        arrow("Size class:", english[0], english[1]),
    )
    return yearly_events(risen, SIGNAL, frames.today, words=words)
