"""A company sells a business (BODACC sales)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._bodacc import sale_events, sales

SIGNAL = Signal(
    code="business_sold",
    family="transaction",
    title_fr="Vente d'un fonds",
    title_en="Business sold",
    explanation_fr="L'entreprise cède un fonds : recentrage, ou risque de départ du client.",
    explanation_en="The company sells a business: refocusing, or a customer about to leave.",
    inputs=("bodacc__sales",),
    window_days=90,
    half_life_days=45,
    base_score=30,
    polarity="risk",
    guards=(
        "The seller is a legal person named as previous owner, never a natural person.",
        "Buyer and seller differ; a lease (location-gérance) is not a sale.",
        "A provisional notice and the definitive one are one sale: same parties, same price.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return the sellers of the new sales that are legal persons."""
    company = pl.col("seller_siren").is_not_null() & pl.col("seller_is_person").not_().fill_null(
        False
    )
    return sale_events(sales(frames).filter(company), SIGNAL, frames.today, "seller", "buyer")
