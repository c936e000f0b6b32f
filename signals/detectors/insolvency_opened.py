"""Insolvency proceedings open, or turn into harsher ones (BODACC)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._bodacc import insolvency_events, judgments

SIGNAL = Signal(
    code="insolvency_opened",
    family="insolvency",
    title_fr="Ouverture d'une procédure collective",
    title_en="Insolvency proceedings opened",
    explanation_fr="Procédure ouverte ou convertie : sécuriser les encours, ne pas prospecter.",
    explanation_en="Proceedings opened or converted: secure receivables, do not prospect.",
    inputs=("bodacc__insolvencies",),
    window_days=730,
    half_life_days=365,
    base_score=90,
    polarity="risk",
    real_example="SAIMOB (318355526), 2007-10-26, BODACC A200800853779",
    guards=(
        "Classified by the nature of the judgment, never by its family alone.",
        "Date and procedure name it, so that a notice published again is the same event.",
        "A liquidation silences the opportunities of the company.",
    ),
)
PROCEDURES = {
    "liquidation_judiciaire": (3, "Liquidation judiciaire", "Judicial liquidation"),
    "redressement_judiciaire": (2, "Redressement judiciaire", "Judicial recovery"),
    "sauvegarde": (1, "Procédure de sauvegarde", "Safeguard proceedings"),
}


def detect(frames: Frames) -> pl.LazyFrame:
    """Return judgments that open or convert proceedings of a known kind."""
    procedure = pl.col("procedure")
    opened = judgments(frames, "opening", "conversion").filter(procedure.is_in(list(PROCEDURES)))
    severity, french, english = (
        procedure.replace_strict({name: words[part] for name, words in PROCEDURES.items()})
        for part in range(3)
    )
    return insolvency_events(
        opened,
        SIGNAL,
        frames.today,
        procedure,
        (french, english),
        {"procedure": procedure, "severity": severity, "stage": pl.col("stage")},
    )
