"""An organisation designates its first data protection officer (CNIL)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._registers import newcomers
from signals.events import Reading, events

TABLE = "dpo__designations"
CONFIDENCE = 0.95
SIGNAL = Signal(
    code="dpo_designated",
    family="governance",
    title_fr="Délégué à la protection des données désigné",
    title_en="Data protection officer designated",
    explanation_fr="La conformité se met en place : registre, outils, audit, sécurité, formation.",
    explanation_en="Compliance is being set up: records, tools, audit, security, training.",
    inputs=(TABLE,),
    window_days=90,
    half_life_days=30,
    base_score=45,
    register_forgets=True,
    guards=(
        "Only an organisation that neither of the last two lists had: another officer is no first.",
        "Dated by the designation, within 90 days: an old one that is published late is not news.",
        "The event is that of the organisation: an external officer serves hundreds of them.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return organisations that are in the list for the first time, by their designation."""
    reading = Reading(
        siren=pl.col("siren"),
        name=pl.col("nom"),
        counterparty=pl.col("dpo_siren"),
        key=[pl.lit("first")],
        occurred=pl.col("date_designation"),
        title_fr=pl.lit(SIGNAL.title_fr),
        title_en=pl.lit(SIGNAL.title_en),
        after={"externe": pl.col("externe"), "dpo_siren": pl.col("dpo_siren")},
        confidence=CONFIDENCE,
    )
    return events(newcomers(frames, TABLE, ["siren"]), SIGNAL, frames.today, reading)
