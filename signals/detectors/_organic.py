"""How detectors read ``agence_bio__operators``: one row per operator of organic farming.

Belongs here: an operator's certification as one event. Does not belong here: which of them are
new or gone.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from signals.base import Signal
from signals.events import Reading, events

TABLE = "agence_bio__operators"
#: An establishment may be several operators; it holds the label as long as one of them does.
KEY = ["siret"]
HELD = pl.col("certifie")
CONFIDENCE = 0.9


def organic_events(rows: pl.LazyFrame, signal: Signal, today: date) -> pl.LazyFrame:
    """Return ``rows`` with ``day`` as events, one for each establishment and day."""
    once = rows.sort("siret", "day", "numero_bio").unique(
        ["siret", "day"], keep="first", maintain_order=True
    )
    reading = Reading(
        siren=pl.col("siren"),
        siret=pl.col("siret"),
        name=pl.col("raison_sociale"),
        key=[pl.col("day")],
        occurred=pl.col("day"),
        title_fr=pl.lit(signal.title_fr),
        title_en=pl.lit(signal.title_en),
        after={"organismes": pl.col("organismes"), "activites": pl.col("activites")},
        confidence=CONFIDENCE,
    )
    return events(once, signal, today, reading)
