"""A company declares its equality index for the first time: it crossed 50 employees (Egapro)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._egapro import TABLE, declaration_events, declarations
from signals.events import folded

SIGNAL = Signal(
    code="egapro_first_declaration",
    family="workforce",
    title_fr="Première déclaration Egapro (seuil de 50 salariés)",
    title_en="First Egapro declaration (50 employees)",
    explanation_fr="Première déclaration : l'entreprise a sans doute franchi 50 salariés (CSE…).",
    explanation_en="First declaration: the company has probably passed 50 employees.",
    inputs=("egapro__declarations",),
    window_days=365,
    half_life_days=120,
    base_score=65,
    nature="inference",
    time_precision="year",
    real_example="SAS DINANDIS (027250323), 2020, Egapro",
    guards=(
        "The duty reached 50-250 employees for 2019: a first before 2020 is no crossing.",
        "Only when the history at hand holds the year before.",
        "A group (UES) that declares for the first time, or a band above 250, is no crossing.",
    ),
)
#: First year for which every employer of 50 had declared the year before (Code du travail D1142-2).
FIRST_YEAR = 2020
CONFIDENCE = 0.6


def detect(frames: Frames) -> pl.LazyFrame:
    """Return companies without an earlier declaration though others have one."""
    history = frames.current(TABLE).select("siren", "annee")
    earlier = history.group_by("siren").agg(pl.col("annee").min().alias("_first"))
    covered = history.select(annee=pl.col("annee") + 1).unique()
    structure = folded(pl.col("structure").fill_null(""))
    group = structure.str.contains("UES", literal=True) | structure.str.contains("UNITE")
    band = pl.col("tranche_effectifs").str.contains(r"^50\b").fill_null(True)
    firsts = (
        declarations(frames)
        .filter(pl.col("annee") >= FIRST_YEAR, group.not_(), band)
        .join(earlier, on="siren", how="left")
        .filter(pl.col("annee") <= pl.col("_first").fill_null(pl.col("annee")))
        .join(covered, on="annee", how="semi")
    )
    return declaration_events(
        firsts,
        SIGNAL,
        frames.today,
        key=pl.lit("first"),
        title_fr=pl.lit(SIGNAL.title_fr),
        title_en=pl.lit(SIGNAL.title_en),
        confidence=CONFIDENCE,
    )
