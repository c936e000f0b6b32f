"""A training body has lost Qualiopi (DGEFP)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._registers import leavers
from signals.detectors._training import CERTIFIED, TABLE, gathered, training_events

SIGNAL = Signal(
    code="qualiopi_lost",
    family="label",
    title_fr="Certification Qualiopi perdue",
    title_en="Qualiopi certification lost",
    explanation_fr="L'organisme n'a plus accès aux fonds publics de la formation.",
    explanation_en="The body no longer has access to public training money.",
    inputs=(TABLE,),
    window_days=120,
    half_life_days=45,
    base_score=40,
    polarity="risk",
    nature="inference",
    register_forgets=True,
    guards=(
        "Uncertified or missing in two lists in a row.",
        "By company: one number among several that ends is no loss.",
        "Not when a number that follows one of its own is certified: a company may change its "
        "SIREN.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return companies that were certified two lists ago and in neither list since.

    Dated by the latest list.
    """
    gone = leavers(frames, TABLE, ["siren"], CERTIFIED)
    heirs = frames.current(TABLE).filter(CERTIFIED).select("numero_precedent").drop_nulls()
    passed_on = gone.join(
        heirs, left_on="numero_declaration", right_on="numero_precedent", how="semi"
    )
    lost = gone.join(passed_on.select("siren"), on="siren", how="anti")
    days = lost.select("siren", "seen_missing").unique()
    rows = gathered(lost).join(days, on="siren")
    return training_events(rows, SIGNAL, frames.today, pl.col("seen_missing"))
