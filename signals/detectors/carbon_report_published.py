"""A company publishes its greenhouse gas balance (ADEME)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._beges import TABLE, report_events

SIGNAL = Signal(
    code="carbon_report_published",
    family="environment",
    title_fr="Bilan carbone publié",
    title_en="Carbon report published",
    explanation_fr="Un plan de transition l'accompagne : travaux d'énergie, mobilité, achats.",
    explanation_en="A transition plan comes with it: energy works, mobility, purchasing.",
    inputs=(TABLE,),
    window_days=60,
    half_life_days=30,
    base_score=45,
    guards=(
        "Dated by its publication, within 60 days: the year it describes may be ten years back.",
        "A correction of a balance published before announces nothing.",
        "A number cut at its end is no SIREN, even when its check digit happens to be right.",
    ),
)
CONFIDENCE = 0.9


def detect(frames: Frames) -> pl.LazyFrame:
    """Return the balances of companies that were published since the last look."""
    rows = frames.delta(TABLE).filter(pl.col("_op") == "added")
    year = pl.col("annee").cast(pl.String)
    titles = (
        pl.concat_str([pl.lit(SIGNAL.title_fr + ", année "), year]),
        pl.concat_str([pl.lit(SIGNAL.title_en + ", year "), year]),
    )
    return report_events(rows, SIGNAL, frames.today, pl.col("date_publication"), titles, CONFIDENCE)
