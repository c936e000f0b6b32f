"""An establishment obtains the label of living heritage (EPV)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._epv import TABLE, label_events
from signals.detectors._registers import newcomers

SIGNAL = Signal(
    code="epv_gained",
    family="label",
    title_fr="Label Entreprise du patrimoine vivant obtenu",
    title_en="Living heritage label obtained",
    explanation_fr="Savoir-faire reconnu : export, tourisme d'entreprise, communication, aides.",
    explanation_en="Know-how is recognised: exports, visits, communication, aid.",
    inputs=(TABLE,),
    window_days=120,
    half_life_days=45,
    base_score=45,
    subject="siret",
    register_forgets=True,
    guards=(
        "Only an establishment that neither of the last two lists had: a renewal is no first.",
        "Dated by the first day of the label, within 120 days.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return establishments that are in the list for the first time, with a recent label."""
    titles = (pl.lit(SIGNAL.title_fr), pl.lit(SIGNAL.title_en))
    rows = newcomers(frames, TABLE, ["siret"])
    return label_events(rows, SIGNAL, frames.today, pl.col("date_debut"), titles)
