"""A company becomes, or ceases to be, a mission company or one of the ESS (Sirene)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._sirene import change_events, changes

SIGNAL = Signal(
    code="mission_or_ess_status",
    family="identity",
    title_fr="Qualité de société à mission ou de l'ESS",
    title_en="Mission company or social economy status",
    explanation_fr="L'entreprise prend ou perd la qualité de société à mission, ou de l'économie "
    "sociale et solidaire : gouvernance, achats responsables, marchés réservés.",
    explanation_en="The company takes on or gives up the status of mission company or of the "
    "social economy: governance, responsible purchasing, reserved contracts.",
    inputs=("sirene_changes",),
    window_days=120,
    half_life_days=60,
    base_score=40,
    guards=(
        "From O to N or from N to O: an empty status is unknown, nothing is gained from it.",
        "The register opened a new period: a status filled in later is a correction.",
        "A mass recoding by the register is not a change.",
    ),
)
STATUS = {
    "unit_mission_changed": ("Société à mission", "Mission company"),
    "unit_ess_changed": ("Économie sociale et solidaire", "Social economy"),
}


def detect(frames: Frames) -> pl.LazyFrame:
    """Return units whose status went from one known value to the other."""
    known = [pl.col(side).is_in(["O", "N"]) for side in ("before", "after")]
    rows = changes(frames, *STATUS).filter(
        *known,
        pl.col("before") != pl.col("after"),
        pl.col("is_mass_operation").fill_null(value=False).not_(),
    )
    gained = pl.col("after") == "O"
    french, english = (
        pl.concat_str(
            [
                pl.col("change").replace_strict(
                    {kind: words[place] for kind, words in STATUS.items()}
                ),
                pl.when(gained).then(pl.lit(got)).otherwise(pl.lit(lost)),
            ]
        )
        for place, got, lost in (
            (0, " : qualité acquise", " : qualité perdue"),
            (1, ": gained", ": lost"),
        )
    )
    return change_events(
        rows,
        SIGNAL,
        frames.today,
        key=[pl.col("column"), pl.col("occurred_at"), pl.col("after")],
        title_fr=french,
        title_en=english,
        before={"status": pl.col("column"), "value": pl.col("before")},
        after={"status": pl.col("column"), "value": pl.col("after")},
    )
