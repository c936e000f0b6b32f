"""An official inspection finds the hygiene of an establishment wanting (Alim'confiance)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.events import Reading, events

TABLE = "alimconfiance__inspections"
#: "À améliorer" is a formal notice, "à corriger" a closure or withdrawal (décret 2016-1750).
WANTING, URGENT = 3, 4
CONFIDENCE = 0.95
SIGNAL = Signal(
    code="hygiene_to_improve",
    family="compliance",
    title_fr="Hygiène à améliorer",
    title_en="Hygiene to be improved",
    explanation_fr="Mise en demeure, nouveau contrôle à venir : nettoyage, nuisibles, formation.",
    explanation_en="Formal notice, another inspection to come: cleaning, pest control, training.",
    inputs=(TABLE,),
    window_days=90,
    half_life_days=30,
    base_score=50,
    polarity="risk",
    subject="siret",
    register_forgets=True,
    guards=(
        "Only the two levels that oblige: satisfactory ones are no event.",
        "An inspection that a later one of the same establishment has answered is none any more.",
        "Inspected within 90 days; two results of one day are one event, the more severe.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return establishments whose latest inspection, a new one, found hygiene wanting."""
    new = frames.delta(TABLE).filter(pl.col("niveau") >= WANTING)
    latest = frames.current(TABLE).group_by("siret").agg(latest=pl.col("date_inspection").max())
    wanting = new.join(latest, on="siret").filter(pl.col("date_inspection") == pl.col("latest"))
    urgent = pl.col("niveau") == URGENT
    reading = Reading(
        siren=pl.col("siren"),
        siret=pl.col("siret"),
        key=[pl.col("date_inspection")],
        occurred=pl.col("date_inspection"),
        title_fr=pl.when(urgent)
        .then(pl.lit("Hygiène à corriger de manière urgente"))
        .otherwise(pl.lit(SIGNAL.title_fr)),
        title_en=pl.when(urgent)
        .then(pl.lit("Hygiene to be mended at once"))
        .otherwise(pl.lit(SIGNAL.title_en)),
        after={"niveau": pl.col("niveau"), "activites": pl.col("activites")},
        amends_only=pl.col("_op") == "modified",
        confidence=CONFIDENCE,
    )
    return events(wanting, SIGNAL, frames.today, reading)
