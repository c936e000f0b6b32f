"""A company wins public contracts one after the other (DECP).

Three awards or more within 90 days, and at least twice as many as in the 90 days before.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._decp import TABLE, award_events, awards, usable
from signals.events import none

SIGNAL = Signal(
    code="winning_streak",
    family="procurement",
    title_fr="Série de marchés publics remportés",
    title_en="Run of public contracts won",
    explanation_fr="Plusieurs marchés en trois mois : forte charge, recrutements et achats.",
    explanation_en="Several contracts in three months: heavy workload, hiring and purchases.",
    inputs=(TABLE,),
    window_days=120,
    half_life_days=45,
    base_score=70,
    nature="inference",
    real_example="SCHINDLER (383711678), 2024-12-05, three buyers in 90 days",
    guards=(
        "Lots of one buyer notified on one day are one award.",
        "Only when the history at hand covers the 90 days before; else nothing is compared.",
        "One signal a quarter and company, dated by the last award.",
        "Awards notified in the future are typing errors.",
    ),
)
PERIOD = timedelta(days=90)
WINS = 3
GROWTH = 2
CONFIDENCE = 0.8


def detect(frames: Frames) -> pl.LazyFrame:
    """Return the last award of companies with 3 or more in 90 days, twice the 90 before."""
    won = pl.col("date_premiere_notification")
    recent, former = frames.today - PERIOD, frames.today - 2 * PERIOD
    history = usable(frames.current(TABLE)).filter(won <= frames.today, won.dt.year() > 2000)
    oldest = history.select(won.min()).collect().item()
    if oldest is None or oldest > former:
        return none()
    event = pl.struct("acheteur_id", won)
    counts = history.group_by("titulaire_siren").agg(
        wins=event.filter(won > recent).n_unique(),
        wins_before=event.filter((won > former) & (won <= recent)).n_unique(),
    )
    streaks = counts.filter(
        pl.col("wins") >= WINS, pl.col("wins") >= GROWTH * pl.col("wins_before")
    )
    fresh = awards(frames).filter(pl.col("_op") == "added", won > recent, won <= frames.today)
    last = (
        fresh.join(streaks, on="titulaire_siren")
        .sort("titulaire_siren", won, "uid", "titulaire_id")
        .unique("titulaire_siren", keep="last", maintain_order=True)
    )
    quarter = pl.concat_str(won.dt.year(), pl.lit("-Q"), won.dt.quarter())
    number = pl.col("wins").cast(pl.String)
    return award_events(
        last,
        SIGNAL,
        frames.today,
        quarter,
        titles=(
            number + pl.lit(" marchés publics remportés en 90 jours"),
            number + pl.lit(" public contracts won in 90 days"),
        ),
        before={"wins": pl.col("wins_before")},
        more={"wins": pl.col("wins")},
        confidence=CONFIDENCE,
    )
