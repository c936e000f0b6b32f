"""How detectors read ``epv__labels``: one row per establishment with the label.

Belongs here: a label as an event. Does not belong here: which of them are new or ending.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from signals.base import Signal
from signals.events import Reading, events

TABLE = "epv__labels"
CONFIDENCE = 0.95


def label_events(
    rows: pl.LazyFrame, signal: Signal, today: date, day: pl.Expr, titles: tuple[pl.Expr, pl.Expr]
) -> pl.LazyFrame:
    """Return labels as events of ``day``."""
    reading = Reading(
        siren=pl.col("siren"),
        siret=pl.col("siret"),
        name=pl.col("raison_sociale"),
        key=[day],
        occurred=day,
        title_fr=titles[0],
        title_en=titles[1],
        after={
            "univers": pl.col("univers"),
            "date_debut": pl.col("date_debut").cast(pl.String),
            "date_fin": pl.col("date_fin").cast(pl.String),
        },
        confidence=CONFIDENCE,
    )
    return events(rows, signal, today, reading)
