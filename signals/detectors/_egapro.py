"""How detectors read ``egapro__declarations``: one row per declaring company and year.

Belongs here: what several rules on declarations share. Does not belong here: thresholds
of any one signal.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from signals.base import Frames, Signal
from signals.events import Reading, events

TABLE = "egapro__declarations"
#: Declarations are made by the company and not checked one by one.
CONFIDENCE = 0.9


def declarations(frames: Frames) -> pl.LazyFrame:
    """Return new or corrected declarations."""
    return frames.delta(TABLE).filter(pl.col("_op") != "removed")


def declaration_events(
    rows: pl.LazyFrame,
    signal: Signal,
    today: date,
    *,
    key: pl.Expr,
    title_fr: pl.Expr,
    title_en: pl.Expr,
    confidence: float = CONFIDENCE,
) -> pl.LazyFrame:
    """Return declarations as events of the year declared.

    Employers of 50 and more are legal persons, but the source does not state it: the
    proof is left to :mod:`signals.persons`.
    """
    reading = Reading(
        siren=pl.col("siren"),
        name=pl.col("raison_sociale"),
        key=[key],
        occurred=pl.date(pl.col("annee"), 12, 31),
        title_fr=title_fr,
        title_en=title_en,
        after={
            "annee": pl.col("annee"),
            "note_index": pl.col("note_index"),
            "tranche_effectifs": pl.col("tranche_effectifs"),
            "structure": pl.col("structure"),
        },
        confidence=confidence,
    )
    return events(rows, signal, today, reading)
