"""How detectors read ``beges__reports``: one row per declarant and year described.

Belongs here: a balance as an event. Does not belong here: when one is due.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from signals.base import Signal
from signals.events import Reading, events

TABLE = "beges__reports"


def report_events(
    rows: pl.LazyFrame,
    signal: Signal,
    today: date,
    day: pl.Expr,
    titles: tuple[pl.Expr, pl.Expr],
    confidence: float,
) -> pl.LazyFrame:
    """Return balances as events of ``day``, named by the year they describe."""
    reading = Reading(
        siren=pl.col("siren"),
        name=pl.col("raison_sociale"),
        key=[pl.col("annee")],
        occurred=day,
        title_fr=titles[0],
        title_en=titles[1],
        after={
            "annee": pl.col("annee"),
            "structure_obligee": pl.col("structure_obligee"),
            "consolidation": pl.col("consolidation"),
        },
        departement=pl.col("departement"),
        confidence=confidence,
    )
    return events(rows, signal, today, reading)
