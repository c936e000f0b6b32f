"""The label of living heritage of an establishment ends soon (EPV)."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._epv import TABLE, label_events

SIGNAL = Signal(
    code="epv_expiring",
    family="label",
    title_fr="Label Entreprise du patrimoine vivant à renouveler",
    title_en="Living heritage label to be renewed",
    explanation_fr="Un dossier est à refaire : conseil, communication, aide au savoir-faire.",
    explanation_en="An application is due again: advice, communication, funding of know-how.",
    inputs=(TABLE,),
    window_days=180,
    half_life_days=60,
    base_score=40,
    subject="siret",
    time_driven=True,
    register_forgets=True,
    guards=(
        "Told once, when the last 180 days begin; its window ends with the label.",
        "The last day of the latest label counts: an earlier one that ends was renewed.",
        "Silent on the baseline: what was ending already is no news.",
    ),
)
#: A renewal is asked for months ahead.
AHEAD = timedelta(days=180)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return establishments whose label ends in 180 days or less.

    Dated by the day on which the last 180 days begin.
    """
    day = pl.col("date_fin") - AHEAD
    ending = frames.current(TABLE).filter(day > pl.lit(frames.since(TABLE), dtype=pl.Date))
    until = pl.col("date_fin").dt.strftime("%d/%m/%Y")
    titles = (
        pl.concat_str([pl.lit(SIGNAL.title_fr + " avant le "), until]),
        pl.concat_str([pl.lit(SIGNAL.title_en + " before "), pl.col("date_fin").cast(pl.String)]),
    )
    return label_events(ending, SIGNAL, frames.today, day, titles)
