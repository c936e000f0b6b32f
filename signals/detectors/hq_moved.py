"""A company moves its head office (Sirene; a registration at the new court confirms it)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._sirene import change_events, changes
from signals.events import titled

SIGNAL = Signal(
    code="hq_moved",
    family="location",
    title_fr="Déménagement du siège",
    title_en="Head office moved",
    explanation_fr="Le siège change d'établissement : bail, travaux, mobilier, télécoms, contrats.",
    explanation_en="The head office moves: lease, works, furniture, telecoms, contracts.",
    inputs=("sirene_changes",),
    rule_version="1.1",
    window_days=120,
    half_life_days=45,
    base_score=75,
    real_example="ICAROS (822840690), 2016-10-06, Sirene",
    guards=(
        "The new SIRET names the move, so that departure and arrival notices are one event.",
        "A change of address within the same SIRET (renumbered street, renamed town) is no move.",
        "The registration at the new court (hq_moved_in), told before or after, is a second record "
        "of the same move, 180 days apart at most.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return moves to another SIRET."""
    moved = changes(frames, "hq_moved").filter(
        pl.col("siret") != pl.col("other_siret").fill_null("")
    )
    far = pl.when(pl.col("distance_km") >= 1).then(
        pl.col("distance_km").round(0).cast(pl.Int64).cast(pl.String)
    )
    return change_events(
        moved,
        SIGNAL,
        frames.today,
        key=[pl.col("siret")],
        title_fr=titled(SIGNAL.title_fr, far + " km", " à "),
        title_en=titled(SIGNAL.title_en, far + " km", " by "),
        before={"siret": pl.col("other_siret"), "commune": pl.col("from_commune")},
        after={
            "siret": pl.col("siret"),
            "commune": pl.col("to_commune"),
            "distance_km": pl.col("distance_km"),
        },
    )
