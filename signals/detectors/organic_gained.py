"""An establishment is certified for organic production for the first time (Agence Bio)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._organic import HELD, KEY, TABLE, organic_events
from signals.detectors._registers import newcomers

SIGNAL = Signal(
    code="organic_gained",
    family="label",
    title_fr="Certification bio obtenue",
    title_en="Organic certification obtained",
    explanation_fr="Une offre bio s'ouvre : fournisseurs, emballages et débouchés à trouver.",
    explanation_en="An organic range opens: suppliers, packaging and outlets to find.",
    inputs=(TABLE,),
    window_days=120,
    half_life_days=45,
    base_score=50,
    subject="siret",
    register_forgets=True,
    real_example="NATURALIA SAINT OUEN PERI (302474648), 2018-02-15, operator 200807",
    guards=(
        "Only an establishment that neither of the last two lists showed certified.",
        "Dated by the operator's first engagement, within 120 days: another body or a new "
        "certificate of an old operator is no first.",
        "An operator that is notified and holds no certificate in force has none yet.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return establishments certified for the first time, dated by their first engagement."""
    first = newcomers(frames, TABLE, KEY, HELD)
    rows = first.with_columns(day=pl.coalesce("date_premier_engagement", "date_engagement"))
    return organic_events(rows, SIGNAL, frames.today)
