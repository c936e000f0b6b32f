"""A company signs a collective agreement (ACCO)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._acco import (
    TABLE,
    about,
    agreement_events,
    concluded,
    deposit,
    signed_on,
    topic,
)

SIGNAL = Signal(
    code="agreement_signed",
    family="workforce",
    title_fr="Accord d'entreprise signé",
    title_en="Company agreement signed",
    explanation_fr="Télétravail, épargne, santé, horaires : la politique sociale change.",
    explanation_en="Telework, savings, health, hours: its social policy is changing now.",
    inputs=(TABLE,),
    window_days=120,
    half_life_days=45,
    base_score=45,
    real_example="CLAYENS GENAS (325090728), 2026-03-26, ACCOTEXT000053935667",
    guards=(
        "A denunciation ends an agreement, it signs none.",
        "Job cuts and short-time work are another signal, a risk.",
        "Named by its deposit: an agreement delivered again is the same event.",
        "Within 120 days of its signature: old agreements published late are not news.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return new agreements and amendments that are not about cutting jobs.

    Dated by the signature, else by the deposit.
    """
    rows = frames.delta(TABLE).filter(
        pl.col("_op") == "added", concluded(), topic() != "restructuring"
    )
    return agreement_events(rows, SIGNAL, frames.today, signed_on(), about(SIGNAL), deposit())
