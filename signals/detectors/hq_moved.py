"""A company moves its head office (Sirene; a registration at the new court confirms it)."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._bodacc import hq_registrations, standing
from signals.detectors._sirene import change_events, changes, known_changes
from signals.events import titled

SIGNAL = Signal(
    code="hq_moved",
    family="location",
    title_fr="Déménagement du siège",
    title_en="Head office moved",
    explanation_fr="Le siège change d'établissement : bail, travaux, mobilier, télécoms, contrats.",
    explanation_en="The head office moves: lease, works, furniture, telecoms, contracts.",
    inputs=("sirene_changes", "bodacc__registrations"),
    window_days=120,
    half_life_days=45,
    base_score=75,
    guards=(
        "The new SIRET names the move, so that departure and arrival notices are one event.",
        "A change of address within the same SIRET (renumbered street, renamed town) is no move.",
        "A registration notice only confirms a move that Sirene states, 180 days apart at most.",
    ),
)
REGISTRATIONS = "bodacc__registrations"
#: A registration at the new court follows or precedes the move by weeks.
SAME_MOVE = timedelta(days=180)
NOTICE_CONFIDENCE = 0.7


def detect(frames: Frames) -> pl.LazyFrame:
    """Return moves to another SIRET, with the registrations that confirm them."""
    moves = [_events(changes(frames, "hq_moved"), frames)]
    if frames.has(REGISTRATIONS):
        moves.append(_confirmations(frames))
    return pl.concat(moves)


def _confirmations(frames: Frames) -> pl.LazyFrame:
    """Return the pairs of a move and a registration of which one at least is new."""
    all_notices = standing(frames.current(REGISTRATIONS), frames, REGISTRATIONS)
    notices = hq_registrations(all_notices)
    moved = known_changes(frames, "hq_moved")
    fresh = pl.concat(
        [
            changes(frames, "hq_moved").select("siren"),
            hq_registrations(frames.delta(REGISTRATIONS)).select("siren"),
        ]
    ).unique()
    notice = notices.select(
        "siren",
        *(
            pl.col(name).alias(f"_{name}")
            for name in ("source_id", "record_key", "publication_date", "url", "registered_on")
        ),
    )
    pairs = moved.join(fresh, on="siren", how="semi").join(notice, on="siren")
    pairs = pairs.filter((pl.col("occurred_at") - pl.col("_registered_on")).abs() <= SAME_MOVE)
    pairs = pairs.with_columns(
        pl.col(f"_{name}").alias(name) for name in ("source_id", "record_key", "publication_date")
    )
    return _events(
        pairs,
        frames,
        url=pl.col("_url"),
        confidence=NOTICE_CONFIDENCE,
        amends_only=pl.lit(True),
    )


def _events(rows: pl.LazyFrame, frames: Frames, **parts: object) -> pl.LazyFrame:
    moved = rows.filter(pl.col("siret") != pl.col("other_siret").fill_null(""))
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
        **parts,
    )
