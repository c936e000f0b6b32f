"""A training body obtains Qualiopi (DGEFP)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._registers import newcomers
from signals.detectors._training import CERTIFIED, TABLE, gathered, training_events

SIGNAL = Signal(
    code="qualiopi_gained",
    family="label",
    title_fr="Certification Qualiopi obtenue",
    title_en="Qualiopi certification obtained",
    explanation_fr="L'organisme accède aux fonds publics de la formation : son offre va croître.",
    explanation_en="The body gains access to public training money: it will extend its offer.",
    inputs=(TABLE,),
    window_days=60,
    half_life_days=30,
    base_score=55,
    register_forgets=True,
    real_example="LA POSTE (356000000), list of 16 December 2024, declaration 11755762075",
    guards=(
        "By company: another declaration number of a company already certified is no gain.",
        "Not when the number it had before was certified: a company may change its SIREN.",
        "Neither of the last two lists had it certified: a day left out is no gain.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return companies certified now and in none of the last two lists."""
    rows = newcomers(frames, TABLE, ["siren"], CERTIFIED)
    known = pl.concat(
        [
            frames.past(TABLE, steps).filter(CERTIFIED).select("numero_declaration")
            for steps in (1, 2)
        ]
    )
    heirs = rows.join(known, left_on="numero_precedent", right_on="numero_declaration", how="semi")
    first = rows.join(heirs.select("siren"), on="siren", how="anti")
    day = pl.col("publication_date")
    return training_events(gathered(first), SIGNAL, frames.today, day)
