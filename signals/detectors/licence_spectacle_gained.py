"""A live show promoter obtains its licence (ministry of culture)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._spectacle import TABLE, VALID, licence_events

SIGNAL = Signal(
    code="licence_spectacle_gained",
    family="label",
    title_fr="Licence de spectacle obtenue",
    title_en="Show licence obtained",
    explanation_fr="Des spectacles se préparent : billetterie, technique, assurance.",
    explanation_en="Shows are in the making: ticketing, technical services, insurance.",
    inputs=(TABLE,),
    window_days=90,
    half_life_days=45,
    base_score=50,
    register_forgets=True,
    real_example="THEATRE STEPHANE GILDAS (800329849), 2021-07-11, PLATESV-R-2021-006658",
    guards=(
        "Only a receipt that is valid: invalid, withdrawn and pending ones are no licence.",
        "A renewal is said to be one, in its title.",
        "Dated by its first day, within 90 days: receipts published again are not news.",
        "Natural persons are left out unless they are asked for, and never named.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return receipts that became valid since the last look."""
    known = frames.past(TABLE, 1).filter(VALID).select("record_key")
    rows = frames.delta(TABLE).filter(VALID)
    fresh = rows.join(known, on="record_key", how="anti")
    renewed = pl.col("renouvellement").fill_null(False)
    titles = (
        pl.when(renewed)
        .then(pl.lit("Licence de spectacle renouvelée"))
        .otherwise(pl.lit(SIGNAL.title_fr)),
        pl.when(renewed).then(pl.lit("Show licence renewed")).otherwise(pl.lit(SIGNAL.title_en)),
    )
    return licence_events(fresh, SIGNAL, frames.today, pl.col("date_validite"), titles)
