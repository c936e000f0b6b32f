"""The licence of a live show promoter ends within 90 days (ministry of culture)."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._spectacle import TABLE, VALID, licence_events

AHEAD = timedelta(days=90)
SIGNAL = Signal(
    code="licence_spectacle_expiring",
    family="label",
    title_fr="Licence de spectacle à renouveler",
    title_en="Show licence to renew",
    explanation_fr="Dossier, formation à la sécurité et assurances à revoir avant l'échéance.",
    explanation_en="File, safety training and insurance to review before it ends.",
    inputs=(TABLE,),
    window_days=AHEAD.days,
    half_life_days=60,
    base_score=40,
    time_driven=True,
    register_forgets=True,
    real_example="THEATRE STEPHANE GILDAS (800329849), 2026-04-12, PLATESV-R-2021-006658",
    guards=(
        "Not when the company has a later licence, or a request pending, in the same category.",
        "Only a receipt that is valid.",
        "Told once, when the last 90 days begin; those that had begun on the baseline are not.",
    ),
)
#: A valid receipt stands for a licence of five years, says its publisher.
VALIDITY = "5y"
PENDING = "en instruction"


def detect(frames: Frames) -> pl.LazyFrame:
    """Return licences in the last 90 days of their five years, without a successor.

    Dated by the day on which the last 90 days begin.
    """
    rows = frames.current(TABLE)
    ends = pl.col("date_validite").dt.offset_by(VALIDITY)
    day = ends - AHEAD
    ending = rows.filter(VALID, day > pl.lit(frames.since(TABLE), dtype=pl.Date))
    renewed = rows.filter(VALID | (pl.col("statut") == PENDING)).select(
        "siren", "categorie", later=pl.coalesce("date_validite", "date_depot")
    )
    succeeded = ending.join(renewed, on=["siren", "categorie"], how="inner").filter(
        pl.col("later") > pl.col("date_validite")
    )
    left = ending.join(succeeded.select("record_key"), on="record_key", how="anti")
    titles = (
        pl.concat_str([pl.lit(SIGNAL.title_fr + " avant le "), ends.dt.strftime("%d/%m/%Y")]),
        pl.concat_str([pl.lit(SIGNAL.title_en + " before "), ends.cast(pl.String)]),
    )
    return licence_events(left, SIGNAL, frames.today, day, titles)
