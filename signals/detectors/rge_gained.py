"""An establishment obtains its first RGE qualification (ADEME)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._registers import newcomers
from signals.detectors._rge import TABLE, gathered, rge_events

SIGNAL = Signal(
    code="rge_gained",
    family="label",
    title_fr="Label RGE obtenu",
    title_en="RGE label obtained",
    explanation_fr="Ses clients ont droit aux aides à la rénovation : son activité va croître.",
    explanation_en="Its customers now qualify for renovation aid: its business will grow.",
    inputs=(TABLE,),
    window_days=60,
    half_life_days=30,
    base_score=55,
    subject="siret",
    register_forgets=True,
    guards=(
        "Only an establishment that neither of the last two lists had: another field of work, a "
        "renewal or a day left out is no first.",
        "Dated by the earliest period in force, within 60 days: an old holder that comes back is "
        "not news.",
        "A certificate repeated for each field of work is one event.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return establishments that are in the list for the first time, with a recent period.

    The list says what is in force today; what a holder had before the baseline is unknown.
    """
    first = newcomers(frames, TABLE, ["siret"])
    periods = first.group_by("siret").agg(
        day=pl.col("date_debut").min(), date_fin=pl.col("date_fin").max()
    )
    rows = gathered(first, ["siret"]).join(periods, on="siret")
    named = rows.with_columns(named_by=pl.col("day"))
    titles = (pl.lit(SIGNAL.title_fr), pl.lit(SIGNAL.title_en))
    return rge_events(named, SIGNAL, frames.today, titles)
