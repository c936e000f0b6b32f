"""A company takes a business in lease-management, location-gérance (BODACC A)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._bodacc import department, notices
from signals.detectors._registry import LEASES, notice_events

SIGNAL = Signal(
    code="lease_management",
    family="transaction",
    title_fr="Fonds pris en location-gérance",
    title_en="Business taken in lease-management",
    explanation_fr="L'entreprise exploite un nouveau fonds : équipement, assurances, contrats.",
    explanation_en="The company runs a new business: equipment, insurance, contracts.",
    inputs=(LEASES,),
    window_days=120,
    half_life_days=45,
    base_score=55,
    real_example="AFRO-TRESSE (892455247), 2021-01-08, BODACC A20210005483",
    guards=(
        "The tenant who buys the business ends a lease: that is a sale.",
        "Same company, same place, same former operator: one lease, published again or not.",
        "The day the business first opened may be decades ago: the notice dates the lease.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return the companies that took a lease."""
    begun, notice = pl.col("date_commencement"), pl.col("date_parution")
    near = begun.is_between(notice.dt.offset_by("-180d"), notice)
    return notice_events(
        notices(frames, LEASES),
        SIGNAL,
        frames.today,
        key=[pl.col("operator_siren"), pl.col("code_postal")],
        occurred=pl.when(near).then(begun).otherwise(notice),
        counterparty=pl.col("operator_siren"),
        after={
            "operator_siren": pl.col("operator_siren"),
            "activite": pl.col("activite"),
            "code_postal": pl.col("code_postal"),
            "ville": pl.col("ville"),
        },
    ).with_columns(departement=department(pl.col("after").str.json_path_match("$.code_postal")))
