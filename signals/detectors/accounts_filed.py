"""A company files its annual accounts (BODACC C)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._bodacc import notices
from signals.detectors._registry import ACCOUNTS, notice_events

SIGNAL = Signal(
    code="accounts_filed",
    family="finance",
    title_fr="Comptes annuels déposés",
    title_en="Annual accounts filed",
    explanation_fr="Exercice clos et approuvé : chiffres à relire, budget suivant en préparation.",
    explanation_en="The year is closed and approved: figures to read, next budget in preparation.",
    inputs=(ACCOUNTS,),
    window_days=180,
    half_life_days=60,
    base_score=20,
    real_example="LE FOURNIL DES BOCAGES (752461681), 2025-01-26, BODACC C202500182618",
    guards=(
        "The closing day names the year: a filing published again is the same event.",
        "Years closed more than 24 months before the notice are a catch-up, not news.",
        "Confidential accounts (art. L. 232-25) are marked: no figures are to be expected.",
    ),
)
OLDEST = "-24mo"


def detect(frames: Frames) -> pl.LazyFrame:
    """Return the new filings of a year that closed at most 24 months before."""
    closed, notice = pl.col("date_cloture"), pl.col("date_parution")
    filed = notices(frames, ACCOUNTS).filter(
        closed.is_between(notice.dt.offset_by(OLDEST), notice).fill_null(value=False)
    )
    consolidated = pl.col("consolidated").fill_null(value=False)
    year = closed.dt.strftime("%d/%m/%Y")
    french = (
        pl.when(consolidated)
        .then(pl.lit("Comptes consolidés au "))
        .otherwise(pl.lit("Comptes au "))
    )
    english = (
        pl.when(consolidated)
        .then(pl.lit("Consolidated accounts as of "))
        .otherwise(pl.lit("Accounts as of "))
    )
    kind = pl.when(consolidated).then(pl.lit("consolidated")).otherwise(pl.lit("own"))
    return notice_events(
        filed,
        SIGNAL,
        frames.today,
        key=[closed, kind],
        titles=(
            pl.concat_str(french, year, pl.lit(" déposés")),
            pl.concat_str(english, closed.cast(pl.String), pl.lit(" filed")),
        ),
        after={
            "date_cloture": closed.cast(pl.String),
            "type_depot": pl.col("type_depot"),
            "consolidated": consolidated,
            "confidential": pl.col("confidential"),
        },
    )
