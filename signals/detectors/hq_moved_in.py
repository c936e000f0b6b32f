"""A company is registered at a new court because its head office moved there (BODACC)."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._bodacc import CONFIDENCE, hq_registrations, notices
from signals.detectors._sirene import TABLE, known_changes
from signals.events import Reading, events

SIGNAL = Signal(
    code="hq_moved_in",
    family="location",
    title_fr="Immatriculation dans un nouveau ressort après transfert du siège",
    title_en="Registered at a new court after a head office transfer",
    explanation_fr="Le greffe d'arrivée publie le transfert, souvent avant Sirene.",
    explanation_en="The court of arrival publishes the transfer, often before Sirene shows it.",
    inputs=("bodacc__registrations",),
    window_days=60,
    half_life_days=30,
    base_score=60,
    guards=(
        "Only the category « suite à transfert de son siège social » counts.",
        "Dated by the notice, which repeats when the company was first registered, years before.",
        "Not when Sirene already states the move: the notice then confirms hq_moved.",
    ),
)
SAME_MOVE = timedelta(days=180)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return registrations after a transfer that Sirene does not show yet."""
    arrived = hq_registrations(notices(frames, "bodacc__registrations"))
    if frames.has(TABLE):
        moved = known_changes(frames, "hq_moved").select("siren", _moved="occurred_at")
        gap = (pl.col("registered_on") - pl.col("_moved")).abs() <= SAME_MOVE
        shown = arrived.select("siren", "registered_on").join(moved, on="siren").filter(gap)
        arrived = arrived.join(shown, on=["siren", "registered_on"], how="anti")
    reading = Reading(
        siren=pl.col("siren"),
        key=[pl.col("registered_on")],
        occurred=pl.col("registered_on"),
        title_fr=pl.lit(SIGNAL.title_fr),
        title_en=pl.lit(SIGNAL.title_en),
        after={"category": pl.col("category")},
        name=pl.col("company_name"),
        url=pl.col("url"),
        company=pl.lit(True),
        confidence=CONFIDENCE,
    )
    return events(arrived, SIGNAL, frames.today, reading)
