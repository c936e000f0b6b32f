"""The works of a company's permit end: it moves in (Sit@del)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._sitadel import TABLE, large_works, measured, permit_events, permits

SIGNAL = Signal(
    code="works_finished",
    family="location",
    title_fr="Travaux achevés",
    title_en="Works finished",
    explanation_fr="Emménagement : mobilier, informatique, nettoyage, sécurité, énergie.",
    explanation_en="Moving in: furniture, IT, cleaning, security, energy.",
    inputs=(TABLE,),
    window_days=120,
    half_life_days=45,
    base_score=75,
    real_example="A-VENIR (891760886), 2024-10-01, PA 03155522M0016",
    guards=(
        "Dated by the declared end of the works, never by the month in which it was learned.",
        "An end before the authorisation is a typing error.",
        "Premises as for permits; from 10 dwellings; sites to develop from 500 m².",
        "Public bodies (legal category 7xxx) are not companies.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return the permits whose works are known to have ended."""
    ended = pl.col("date_achevement") >= pl.col("date_autorisation")
    return permit_events(
        permits(frames).filter(large_works(), ended.fill_null(value=False)),
        SIGNAL,
        frames.today,
        occurred=pl.col("date_achevement"),
        titles=(
            pl.lit("Travaux achevés : ") + measured(french=True),
            pl.lit("Works finished: ") + measured(french=False),
        ),
    )
