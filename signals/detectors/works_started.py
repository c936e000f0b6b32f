"""The works of a company's permit begin (Sit@del)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._sitadel import TABLE, large_works, measured, permit_events, permits

SIGNAL = Signal(
    code="works_started",
    family="location",
    title_fr="Chantier ouvert",
    title_en="Works started",
    explanation_fr="Le chantier est ouvert : livraison dans l'année, équipement à prévoir.",
    explanation_en="The site is open: delivery within the year, equipment to be planned.",
    inputs=(TABLE,),
    window_days=180,
    half_life_days=90,
    base_score=60,
    real_example="SCCV TOULOUSE 142 AVENUE DES ETATS UNIS (982637431), 2024-08-23, "
    "PA 03155523M0036",
    guards=(
        "Dated by the declared opening, never by the month in which it was learned.",
        "Works that have ended since are works_finished, not this.",
        "Premises as for permits; from 10 dwellings; sites to develop from 500 m².",
        "Public bodies (legal category 7xxx) are not companies.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return the permits whose works are known to have begun, and not to have ended."""
    return permit_events(
        permits(frames).filter(large_works(), pl.col("date_achevement").is_null()),
        SIGNAL,
        frames.today,
        occurred=pl.col("date_ouverture_chantier"),
        titles=(
            pl.lit("Chantier ouvert : ") + measured(french=True),
            pl.lit("Works started: ") + measured(french=False),
        ),
    )
