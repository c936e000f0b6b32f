"""A company is created (Sirene, confirmed or announced by its registration in the BODACC)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors import _bodacc
from signals.detectors._sirene import TABLE, change_events, changes
from signals.events import Reading, events

SIGNAL = Signal(
    code="company_created",
    family="lifecycle",
    title_fr="Création de l'entreprise",
    title_en="Company created",
    explanation_fr="Une société vient d'être créée : tout est à équiper et à contractualiser.",
    explanation_en="A company has just been created: everything is to be bought.",
    inputs=("sirene_changes", "bodacc__registrations"),
    window_days=90,
    half_life_days=45,
    base_score=55,
    real_example="KRAKUS (825093743), 2016-11-07, Sirene",
    guards=(
        "A SIREN that appears with an old creation date is a change of diffusion, not a creation.",
        "A registration « sans activité » (shell) or after a transfer is not a creation.",
        "Legal persons only, unless sole traders are asked for.",
    ),
)
#: A company is created once: the subject alone names the event, whichever source tells it.
KEY = [pl.lit("created")]


def detect(frames: Frames) -> pl.LazyFrame:
    """Return units that are new, from either source."""
    found = []
    if frames.has(TABLE):
        after = {"activite_principale": pl.col("activite_principale")}
        created = changes(frames, "unit_created")
        found.append(
            change_events(
                created,
                SIGNAL,
                frames.today,
                key=KEY,
                title_fr=pl.lit(SIGNAL.title_fr),
                title_en=pl.lit(SIGNAL.title_en),
                after=after,
            )
        )
    if frames.has("bodacc__registrations"):
        found.append(_registered(frames))
    return pl.concat(found)


def _registered(frames: Frames) -> pl.LazyFrame:
    notices = _bodacc.notices(frames, "bodacc__registrations").filter(
        pl.col("kind") == "creation", _bodacc.creation_category()
    )
    reading = Reading(
        siren=pl.col("siren"),
        name=pl.col("company_name"),
        key=KEY,
        occurred=pl.coalesce("date_immatriculation", "date_commencement"),
        title_fr=pl.lit(SIGNAL.title_fr),
        title_en=pl.lit(SIGNAL.title_en),
        after={
            "date_commencement": pl.col("date_commencement").cast(pl.String),
            "capital_eur": pl.col("capital_eur"),
        },
        url=pl.col("url"),
        company=pl.lit(True),
        confidence=_bodacc.CONFIDENCE,
    )
    return events(notices, SIGNAL, frames.today, reading)
