"""An establishment has lost its last RGE qualification (ADEME)."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._registers import leavers
from signals.detectors._rge import TABLE, gathered, rge_events

SIGNAL = Signal(
    code="rge_lost",
    family="label",
    title_fr="Label RGE perdu",
    title_en="RGE label lost",
    explanation_fr="Ses clients n'ont plus droit aux aides : chiffre d'affaires menacé.",
    explanation_en="Its customers no longer qualify for renovation aid: its revenue is at risk.",
    inputs=(TABLE,),
    window_days=120,
    half_life_days=45,
    base_score=40,
    polarity="risk",
    nature="inference",
    subject="siret",
    register_forgets=True,
    guards=(
        "Missing from two lists in a row: a portal that left it out for a day says nothing.",
        "Only when its last period is over: a row that ends early may have been replaced.",
        "The end of one qualification among several is no loss.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return establishments that left the list after their last period.

    Dated by the day after that period.
    """
    gone = leavers(frames, TABLE, ["siret"])
    ends = gone.group_by("siret").agg(pl.col("date_fin").max())
    rows = (
        gathered(gone.drop("date_fin"), ["siret"])
        .join(ends, on="siret")
        .with_columns(day=pl.col("date_fin") + timedelta(days=1), named_by=pl.col("date_fin"))
    )
    return rge_events(
        rows, SIGNAL, frames.today, (pl.lit(SIGNAL.title_fr), pl.lit(SIGNAL.title_en))
    )
