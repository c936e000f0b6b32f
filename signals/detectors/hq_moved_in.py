"""A company is registered at a new court because its head office moved there (BODACC)."""

from __future__ import annotations

import polars as pl

from signals.base import Confirms, Frames, Signal
from signals.detectors._bodacc import CONFIDENCE, hq_registrations, notices
from signals.events import Reading, events

SIGNAL = Signal(
    code="hq_moved_in",
    family="location",
    title_fr="Immatriculation dans un nouveau ressort après transfert du siège",
    title_en="Registered at a new court after a head office transfer",
    explanation_fr="Le greffe d'arrivée publie le transfert, souvent avant Sirene.",
    explanation_en="The court of arrival publishes the transfer, often before Sirene shows it.",
    inputs=("bodacc__registrations",),
    rule_version="1.1",
    window_days=120,
    half_life_days=30,
    base_score=60,
    # A registration at the new court follows or precedes the move by weeks.
    confirms=Confirms(code="hq_moved", days=180),
    real_example="HYERES PROFILES (316431204), 2021-01-08, BODACC A20210005591",
    guards=(
        "Only the category « suite à transfert de son siège social » counts.",
        "Dated by the notice, which repeats when the company was first registered, years before.",
        "Told only while Sirene does not state the move: then it is a record of hq_moved.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return registrations after a transfer of the head office."""
    arrived = hq_registrations(notices(frames, "bodacc__registrations"))
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
