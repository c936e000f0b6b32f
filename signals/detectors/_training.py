"""How detectors read ``organismes_formation__declarations``: one row per declaration number.

Belongs here: a company's declarations as one event. Does not belong here: the rule of any
one signal.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from signals.base import Signal
from signals.detectors._registers import told
from signals.events import Reading, events

TABLE = "organismes_formation__declarations"
CERTIFIED = pl.col("qualiopi")
CONFIDENCE = 0.95


def gathered(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return one row per company: a company may have several declaration numbers."""
    first = ["siret", "denomination", "code_postal", "source_id", "record_key"]
    return (
        rows.sort("record_key")
        .group_by("siren", maintain_order=True)
        .agg(
            *(pl.col(name).first() for name in first),
            publication_date=pl.col("publication_date").max(),
            certifications=told(pl.col("certifications")),
            stagiaires=pl.col("stagiaires").sum(),
            formateurs=pl.col("formateurs").sum(),
        )
    )


def training_events(rows: pl.LazyFrame, signal: Signal, today: date, day: pl.Expr) -> pl.LazyFrame:
    """Return ``rows`` of :func:`gathered` as events of ``day``.

    The list does not say when a certificate was given: the day is that of the list which
    shows it.
    """
    reading = Reading(
        siren=pl.col("siren"),
        name=pl.col("denomination"),
        key=[day],
        occurred=day,
        title_fr=pl.lit(signal.title_fr),
        title_en=pl.lit(signal.title_en),
        after={
            "certifications": pl.col("certifications"),
            "stagiaires": pl.col("stagiaires"),
            "formateurs": pl.col("formateurs"),
        },
        confidence=CONFIDENCE,
    )
    return events(rows, signal, today, reading)
