"""Insolvency proceedings end (BODACC)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._bodacc import insolvency_events, judgments

SIGNAL = Signal(
    code="insolvency_closed",
    family="insolvency",
    title_fr="Clôture de la procédure collective",
    title_en="Insolvency proceedings closed",
    explanation_fr="Extinction du passif : entreprise redressée. Insuffisance d'actif : disparue.",
    explanation_en="Debts paid: the company recovered. Insufficient assets: it is gone.",
    inputs=("bodacc__insolvencies",),
    window_days=730,
    half_life_days=365,
    base_score=50,
    polarity="risk",
    real_example="S.A.R.L. ETS RUGGERI (308305978), 2008-04-11, BODACC A200800853638",
    guards=(
        "The outcome is read from the nature of the judgment; an unread one is « other ».",
        "Date and outcome name it, so that a notice published again is the same event.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return judgments that close proceedings, with their outcome."""
    nature = pl.col("jugement_nature").fill_null("")
    outcome = (
        pl.when(nature.str.contains("(?i)insuffisance d.actif"))
        .then(pl.lit("insufficient_assets"))
        .when(nature.str.contains("(?i)extinction du passif"))
        .then(pl.lit("liabilities_cleared"))
        .otherwise(pl.lit("other"))
    )
    return insolvency_events(
        judgments(frames, "closure"),
        SIGNAL,
        frames.today,
        outcome,
        (pl.lit(SIGNAL.title_fr), pl.lit(SIGNAL.title_en)),
        {"outcome": outcome},
    )
