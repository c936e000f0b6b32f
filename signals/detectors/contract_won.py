"""A company wins a public contract (DECP, confirmed by BOAMP where it says the same)."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._decp import TABLE, award_events, awards, usable

AWARDS = "boamp__awards"
SIGNAL = Signal(
    code="contract_won",
    family="procurement",
    title_fr="Marché public remporté",
    title_en="Public contract won",
    explanation_fr="L'entreprise remporte un marché public : charge, recrutement, achats.",
    explanation_en="The company wins a public contract: workload, hiring, purchases.",
    inputs=(TABLE, AWARDS),
    rule_version="1.1",
    window_days=120,
    half_life_days=45,
    base_score=60,
    real_example="ENTREPRISE BONGLET (315434852), 2024-10-04, DECP 759200751001302024260909N0",
    guards=(
        "Dated by its notification, within 120 days: contracts published again years later, no.",
        "One contract is one event, however many versions or establishments are published.",
        "The correction of a contract published before amends, it never announces.",
        "The amount is divided among the winners; of a framework it is a ceiling, not shown.",
        "An award in BOAMP is a second record of the same event, if buyer, winner and amount agree "
        "with one contract only; alone it announces nothing, for it has another number.",
    ),
)
#: How far two amounts of one contract may lie apart: cents, and taxes never.
TOLERANCE = 0.01
#: A notice of award comes out around the notification.
BEFORE, AFTER = timedelta(days=45), timedelta(days=120)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return the winners of new contracts, and the notices that confirm them."""
    won = award_events(awards(frames), SIGNAL, frames.today)
    if not (frames.has(TABLE) and frames.has(AWARDS)):
        return won
    return pl.concat([won, _confirmed(frames)])


def _confirmed(frames: Frames) -> pl.LazyFrame:
    """Return the contracts again, with the BOAMP award as their record, whichever came last."""
    contracts = usable(frames.current(TABLE)).with_columns(
        acheteur_siren=pl.col("acheteur_id").str.head(9)
    )
    published = frames.current(AWARDS).filter(pl.col("etat").ne_missing("ANNULATION"))
    apart = pl.col("date_parution") - pl.col("date_premiere_notification")
    near = [(pl.col("paid") / pl.col(name) - 1).abs() <= TOLERANCE for name in ("amount", "share")]
    pairs = contracts.join(
        published.select(
            "acheteur_siren",
            "titulaire_siren",
            "date_parution",
            paid="montant_eur",
            notice="record_key",
            notice_url="url",
            notice_source="source_id",
        ),
        on=["acheteur_siren", "titulaire_siren"],
    ).filter(pl.any_horizontal(near).fill_null(value=False), apart.is_between(-BEFORE, AFTER))
    clear = pairs.filter(
        pl.col("uid").n_unique().over("notice") == 1, pl.col("notice").n_unique().over("uid") == 1
    )
    fresh = pl.concat(
        [
            awards(frames).select("uid").join(clear, on="uid"),
            frames.delta(AWARDS).select(notice="record_key").join(clear, on="notice"),
        ],
        how="diagonal",
    ).unique(["uid", "titulaire_id", "notice"], maintain_order=True)
    told = fresh.with_columns(
        source_id="notice_source",
        record_key="notice",
        publication_date="date_parution",
        _op=pl.lit("modified"),
    )
    return award_events(told, SIGNAL, frames.today, url=pl.col("notice_url"))
