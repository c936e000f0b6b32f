"""An establishment is no longer certified for organic production (Agence Bio)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._organic import HELD, KEY, TABLE, organic_events
from signals.detectors._registers import leavers

SIGNAL = Signal(
    code="organic_lost",
    family="label",
    title_fr="Certification bio perdue",
    title_en="Organic certification lost",
    explanation_fr="Arrêt ou suspension : débouchés et prix de vente changent, le matériel reste.",
    explanation_en="Stopped or suspended: outlets and prices change, the equipment stays.",
    inputs=(TABLE,),
    window_days=180,
    half_life_days=60,
    base_score=40,
    polarity="risk",
    nature="inference",
    subject="siret",
    register_forgets=True,
    guards=(
        "Not certified in two lists in a row: a list that left it out for a day says nothing.",
        "The end of one certificate while another is in force is no loss.",
        "Dated by the stop or the suspension where the list gives it, else by the list.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return establishments without any certificate in force in two lists in a row."""
    gone = leavers(frames, TABLE, KEY, HELD).drop("date_fin")
    ends = frames.current(TABLE).group_by("siret").agg(ended=pl.col("date_fin").max())
    rows = gone.join(ends, on="siret", how="left").with_columns(
        day=pl.coalesce("ended", "seen_missing")
    )
    return organic_events(rows, SIGNAL, frames.today)
