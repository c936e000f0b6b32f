"""A company changes its legal form (Sirene)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._sirene import change_events, changes

SIGNAL = Signal(
    code="legal_form_changed",
    family="identity",
    title_fr="Changement de forme juridique",
    title_en="Legal form changed",
    explanation_fr="La forme juridique change, souvent avant une levée, une cession ou une fusion.",
    explanation_en="The legal form changes, often before funding, a sale or a merger.",
    inputs=("sirene_changes",),
    window_days=90,
    half_life_days=60,
    base_score=40,
    real_example="DRABER-NEFF ASSURANCES (568500755), 2016-11-18, Sirene",
    guards=(
        "Both forms are known codes of four digits and differ.",
        "A mass recoding of forms by the register is not a change.",
    ),
)
FORM = r"^\d{4}$"


def detect(frames: Frames) -> pl.LazyFrame:
    """Return units whose legal form went from one known code to another."""
    changed = changes(frames, "unit_legal_form_changed").filter(
        pl.col("before").str.contains(FORM),
        pl.col("after").str.contains(FORM),
        pl.col("before") != pl.col("after"),
        pl.col("is_mass_operation").fill_null(False).not_(),
    )
    return change_events(
        changed,
        SIGNAL,
        frames.today,
        key=[pl.col("occurred_at"), pl.col("after")],
        title_fr=pl.lit(SIGNAL.title_fr),
        title_en=pl.lit(SIGNAL.title_en),
        before={"categorie_juridique": pl.col("before")},
        after={"categorie_juridique": pl.col("after")},
    )
