"""RGE qualifications of an establishment end within 90 days (ADEME)."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._rge import TABLE, gathered, rge_events

AHEAD = timedelta(days=90)
SIGNAL = Signal(
    code="rge_expiring",
    family="label",
    title_fr="Label RGE à renouveler",
    title_en="RGE label to renew",
    explanation_fr="Audit, formation et dossier à préparer avant la fin de validité.",
    explanation_en="Audit, training and file to prepare before the label ends.",
    inputs=(TABLE,),
    window_days=AHEAD.days,
    half_life_days=60,
    base_score=50,
    subject="siret",
    time_driven=True,
    register_forgets=True,
    guards=(
        "Of several periods of one qualification the one that ends last counts: what is already "
        "renewed does not end.",
        "Told once, when the last 90 days begin; those that had begun on the baseline are not.",
        "Qualifications that end on one day are one event.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return establishments whose last period of a qualification ends in 90 days or less.

    Dated by the day on which the last 90 days begin.
    """
    since = frames.since(TABLE)
    began = pl.col("day") > pl.lit(since, dtype=pl.Date)
    rows = frames.current(TABLE)
    ends = rows.group_by("siret", "code_qualification").agg(pl.col("date_fin").max())
    last = rows.drop("date_fin").join(ends, on=["siret", "code_qualification"], nulls_equal=True)
    ending = (
        gathered(last, ["siret", "date_fin"])
        .with_columns(day=pl.col("date_fin") - AHEAD, named_by=pl.col("date_fin"))
        .filter(began)
    )
    until = pl.col("date_fin").dt.strftime("%d/%m/%Y")
    titles = (
        pl.concat_str([pl.lit(SIGNAL.title_fr + " avant le "), until]),
        pl.concat_str([pl.lit(SIGNAL.title_en + " before "), pl.col("date_fin").cast(pl.String)]),
    )
    return rge_events(ending, SIGNAL, frames.today, titles)
