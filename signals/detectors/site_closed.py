"""A company closes an establishment and goes on (Sirene)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._sirene import change_events, changes, known_changes, sites_of, without_units

SIGNAL = Signal(
    code="site_closed",
    family="location",
    title_fr="Fermeture d'un établissement",
    title_en="Site closed",
    explanation_fr="L'entreprise ferme un établissement : réduction, regroupement, sous-location.",
    explanation_en="The company closes a site: downsizing, merging sites, or space to let.",
    inputs=("sirene_changes",),
    window_days=120,
    half_life_days=45,
    base_score=30,
    polarity="risk",
    subject="siret",
    real_example="RDC (393203963), 2016-10-18, Sirene",
    guards=(
        "A closure with a successor of the same company is a move, of another one a take-over.",
        "The closure of a company that ceases is company_closed.",
        "Mass cessations decided by the register are marked and never actionable.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return establishments closed without successor, of companies that go on."""
    moved = known_changes(frames, "establishment_moved", "establishment_taken_over", "hq_moved")
    closed = changes(frames, "establishment_closed").join(sites_of(moved), on="siret", how="anti")
    closed = without_units(closed, frames, "unit_closed", days=90)
    return change_events(
        closed,
        SIGNAL,
        frames.today,
        key=[pl.col("occurred_at")],
        title_fr=pl.lit(SIGNAL.title_fr),
        title_en=pl.lit(SIGNAL.title_en),
        after={"siret": pl.col("siret"), "etat_administratif": pl.lit("F")},
    )
