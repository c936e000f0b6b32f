"""How detectors read ``rge__qualifications``: one row per establishment, qualification, field.

Belongs here: an establishment's qualifications as one event. Does not belong here: which
of them are new, ending or gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from signals.base import Signal
from signals.detectors._registers import told
from signals.events import Reading, events

TABLE = "rge__qualifications"
#: Bodies send their lists themselves, and each in its own rhythm.
CONFIDENCE = 0.9
DAY = pl.col("day")


def gathered(rows: pl.LazyFrame, key: Sequence[str]) -> pl.LazyFrame:
    """Return one row per ``key``, which begins with the SIRET, with what it holds in words."""
    first = ["siren", "nom_entreprise", "code_postal", "publication_date"]
    return (
        rows.sort("record_key")
        .group_by(key, maintain_order=True)
        .agg(
            *(pl.col(name).first() for name in (*first, "source_id", "record_key")),
            qualifications=pl.col("code_qualification").n_unique(),
            domaines=told(pl.col("domaine")),
            organismes=told(pl.col("organisme")),
        )
    )


def rge_events(
    rows: pl.LazyFrame, signal: Signal, today: date, titles: tuple[pl.Expr, pl.Expr]
) -> pl.LazyFrame:
    """Return ``rows`` of :func:`gathered` as events of ``day``, told by the day ``date_fin``."""
    reading = Reading(
        siren=pl.col("siren"),
        siret=pl.col("siret"),
        name=pl.col("nom_entreprise"),
        key=[pl.col("named_by")],
        occurred=DAY,
        title_fr=titles[0],
        title_en=titles[1],
        after={
            "qualifications": pl.col("qualifications"),
            "domaines": pl.col("domaines"),
            "organismes": pl.col("organismes"),
            "date_fin": pl.col("date_fin").cast(pl.String),
        },
        confidence=CONFIDENCE,
    )
    return events(rows, signal, today, reading)
