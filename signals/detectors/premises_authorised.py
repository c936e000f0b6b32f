"""A company is authorised to build or convert premises (Sit@del)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._sitadel import TABLE, large_premises, measured, permit_events, permits

SIGNAL = Signal(
    code="premises_authorised",
    family="location",
    title_fr="Locaux autorisés",
    title_en="Premises authorised",
    explanation_fr="Permis accordé : travaux, équipement et déménagement dans l'année ou deux.",
    explanation_en="Permit granted: works, equipment and a move within a year or two.",
    inputs=(TABLE,),
    window_days=180,
    half_life_days=90,
    base_score=65,
    real_example="ORTHODONTIE KLEBER (934043704), 2024-11-26, DP 09304824B0468",
    guards=(
        "Offices from 150 m², shops from 300, industry and warehouses from 500.",
        "State 4 is a cancelled permit: it is taken out, and its signal withdrawn.",
        "Public bodies (legal category 7xxx) are not companies.",
        "A developer or a property company builds for another: half the confidence.",
        "The correction of a permit published before amends, it never announces.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return the new permits for large premises."""
    return permit_events(
        permits(frames).filter(large_premises()),
        SIGNAL,
        frames.today,
        occurred=pl.col("date_autorisation"),
        titles=(
            pl.lit("Permis accordé : ") + measured(french=True),
            pl.lit("Permit granted: ") + measured(french=False),
        ),
        amends_only=pl.col("_op") == "modified",
    )
