"""A court adopts a recovery, safeguard or sale plan (BODACC)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._bodacc import insolvency_events, judgments

SIGNAL = Signal(
    code="insolvency_plan",
    family="insolvency",
    title_fr="Plan arrêté par le tribunal",
    title_en="Plan adopted by the court",
    explanation_fr="Plan de continuation : contact possible. Plan de cession : actifs à reprendre.",
    explanation_en="Recovery plan: contact possible. Sale plan: assets to take over.",
    inputs=("bodacc__insolvencies",),
    window_days=365,
    half_life_days=180,
    base_score=40,
    polarity="risk",
    real_example="S.A. CHAJACOB (309395010), 2007-11-05, BODACC A200800853672",
    guards=(
        "The termination (résolution) of a plan is not a plan.",
        "Date and kind of plan name it, so that a notice published again is the same event.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return judgments that adopt a plan."""
    stage = pl.col("stage")
    ended = pl.col("jugement_nature").str.contains("(?i)résolution").fill_null(False)
    plans = judgments(frames, "plan", "cession").filter(ended.not_())
    sale = stage == "cession"
    return insolvency_events(
        plans,
        SIGNAL,
        frames.today,
        stage,
        (
            pl.when(sale).then(pl.lit("Plan de cession")).otherwise(pl.lit("Plan de continuation")),
            pl.when(sale).then(pl.lit("Sale plan")).otherwise(pl.lit("Recovery plan")),
        ),
        {"plan": stage},
    )
