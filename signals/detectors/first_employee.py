"""A company declares employees for the first time (Sirene)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._sirene import change_events, changes

SIGNAL = Signal(
    code="first_employee",
    family="workforce",
    title_fr="Premier salarié",
    title_en="First employee",
    explanation_fr="L'entreprise devient employeuse : paie, mutuelle, prévoyance, locaux.",
    explanation_en="The company becomes an employer: payroll, insurance, premises.",
    inputs=("sirene_changes",),
    window_days=120,
    half_life_days=45,
    base_score=65,
    guards=(
        "Read from the establishments: the register keeps no such flag for the company.",
        "Every establishment, closed ones included, was known to have none: empty is unknown.",
        "Happens once: a second first employee is the same event.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return units of which an establishment, the first ever, declares employees."""
    return change_events(
        changes(frames, "unit_became_employer"),
        SIGNAL,
        frames.today,
        key=[pl.lit("first")],
        title_fr=pl.lit(SIGNAL.title_fr),
        title_en=pl.lit(SIGNAL.title_en),
        before={"caractere_employeur": pl.col("before")},
        after={"caractere_employeur": pl.col("after"), "commune": pl.col("to_commune")},
    )
