"""A company takes over a running site of another company (Sirene succession links)."""

from __future__ import annotations

import polars as pl

from signals.base import Confirms, Frames, Signal
from signals.detectors._sirene import change_events, changes

SIGNAL = Signal(
    code="site_taken_over",
    family="transaction",
    title_fr="Reprise d'un établissement",
    title_en="Site taken over",
    explanation_fr="L'entreprise reprend un établissement en activité d'une autre entreprise.",
    explanation_en="The company takes over a running site of another company.",
    inputs=("sirene_changes",),
    rule_version="1.1",
    window_days=120,
    half_life_days=60,
    base_score=75,
    # The link is dated by the transfer of the site, the sale by its effect or its notice.
    confirms=Confirms(code="business_acquired", days=180, same_counterparty=True, confidence=0.8),
    real_example="EURL FLAMENT (825091333), 2016-11-21, Sirene",
    guards=(
        "Both ends belong to different companies; the same SIREN on both is a move.",
        "Where the BODACC publishes a sale between the two, 180 days apart at most, it is a record "
        "of that business_acquired.",
        "The link states economic continuity; a mere succession of tenants does not.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return successions whose predecessor belongs to another company."""
    seller = pl.col("other_siret").str.head(9)
    taken = changes(frames, "establishment_taken_over").filter(seller != pl.col("siren"))
    return change_events(
        taken,
        SIGNAL,
        frames.today,
        key=[pl.col("siret"), pl.col("other_siret")],
        counterparty=seller,
        title_fr=pl.lit(SIGNAL.title_fr),
        title_en=pl.lit(SIGNAL.title_en),
        before={"siret": pl.col("other_siret")},
        after={"siret": pl.col("siret"), "commune": pl.col("to_commune")},
    )
