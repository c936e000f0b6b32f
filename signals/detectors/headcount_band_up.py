"""A company's headcount band is higher than in the year before (Sirene, once a year)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._sirene import changes
from signals.detectors._yearly import arrow, yearly_events
from sirene.nomenclatures import tranche_rank

SIGNAL = Signal(
    code="headcount_band_up",
    family="workforce",
    title_fr="Tranche d'effectifs en hausse",
    title_en="Headcount band up",
    explanation_fr="L'effectif a changé de tranche, à la hausse : locaux, équipement, obligations.",
    explanation_en="The headcount moved up a band: premises, equipment, new duties.",
    inputs=("sirene_changes",),
    # The band of a year comes out in the autumn two years later.
    window_days=1100,
    half_life_days=540,
    base_score=45,
    nature="inference",
    time_precision="year",
    guards=(
        "One figure for everyone, once a year and about two years late: never « is hiring ».",
        "NN and empty are unknown: nothing rises from them or falls to them.",
        "Another band of the same year is a correction, not a rise.",
    ),
)


def bands(frames: Frames) -> pl.LazyFrame:
    """Return the new changes of band, with ``was`` and ``is_now``: ranks, null if unknown."""
    return changes(frames, "unit_headcount_changed").with_columns(
        was=tranche_rank(pl.col("before")), is_now=tranche_rank(pl.col("after"))
    )


def words() -> tuple[pl.Expr, pl.Expr]:
    """Return the change of band in French and in English."""
    before, after = (
        pl.col(side).replace_strict(LABELS, default=None, return_dtype=pl.String)
        for side in ("before", "after")
    )
    return arrow("Effectif :", before, after), arrow("Headcount:", before, after)


#: Bands in figures that need no translation (Insee, tranches d'effectifs).
LABELS = {
    "00": "0",
    "01": "1-2",
    "02": "3-5",
    "03": "6-9",
    "11": "10-19",
    "12": "20-49",
    "21": "50-99",
    "22": "100-199",
    "31": "200-249",
    "32": "250-499",
    "41": "500-999",
    "42": "1000-1999",
    "51": "2000-4999",
    "52": "5000-9999",
    "53": "10000+",
}


def detect(frames: Frames) -> pl.LazyFrame:
    """Return units whose band rose from one known band to another, of a later year."""
    risen = bands(frames).filter(pl.col("is_now") > pl.col("was"))
    return yearly_events(risen, SIGNAL, frames.today, words=words())
