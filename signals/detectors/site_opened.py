"""A company opens an additional establishment (Sirene)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._sirene import change_events, changes, known_changes, sites_of, without_units

SIGNAL = Signal(
    code="site_opened",
    family="location",
    title_fr="Ouverture d'un établissement",
    title_en="Site opened",
    explanation_fr="L'entreprise ouvre un établissement de plus : locaux, équipement, équipe.",
    explanation_en="The company opens one more site: premises, equipment, staff.",
    inputs=("sirene_changes",),
    window_days=120,
    half_life_days=45,
    base_score=70,
    subject="siret",
    real_example="GUSTO BY TREO (822868550), 2016-10-07, Sirene",
    guards=(
        "A transfer is not an opening: 77 % of the new SIRETs of existing companies are moves.",
        "The first establishment of a company created in the last 90 days is its creation.",
        "Opened within 120 days; a later arrival in the register is a late correction.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return establishments that are new, neither moved, taken over, nor a company's first."""
    moved = known_changes(frames, "establishment_moved", "establishment_taken_over", "hq_moved")
    opened = changes(frames, "establishment_opened").join(sites_of(moved), on="siret", how="anti")
    opened = without_units(opened, frames, "unit_created", days=90)
    return change_events(
        opened,
        SIGNAL,
        frames.today,
        key=[pl.col("siret")],
        title_fr=pl.lit(SIGNAL.title_fr),
        title_en=pl.lit(SIGNAL.title_en),
        after={
            "siret": pl.col("siret"),
            "commune": pl.col("to_commune"),
            "activite_principale": pl.col("activite_principale"),
        },
    )
