"""A company sells a business (BODACC sales)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._bodacc import DISPOSALS, disposals, sale_events, sales

SIGNAL = Signal(
    code="business_sold",
    family="transaction",
    title_fr="Vente d'un fonds",
    title_en="Business sold",
    explanation_fr="L'entreprise cède un fonds : recentrage, ou risque de départ du client.",
    explanation_en="The company sells a business: refocusing, or a customer about to leave.",
    inputs=("bodacc__sales", DISPOSALS),
    rule_version="1.1",
    window_days=90,
    half_life_days=45,
    base_score=30,
    polarity="risk",
    real_example="MK CHICKEN (822825618), 2020-11-30, BODACC A20210005186",
    guards=(
        "The seller is a legal person named as previous owner, never a natural person.",
        "Buyer and seller differ; a lease (location-gérance) is not a sale.",
        "A provisional notice and the definitive one are one sale: same parties, same price.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return the companies that sell, whoever buys: a natural person is said, never named."""
    company = pl.col("seller_is_person").not_().fill_null(False)
    found = []
    if frames.has("bodacc__sales"):
        sold = sales(frames).filter(company)
        found.append(sale_events(sold, SIGNAL, frames.today, "seller", "buyer"))
    if frames.has(DISPOSALS):
        person = {"buyer_is_person": pl.col("buyer_is_person")}
        sold = disposals(frames)
        found.append(sale_events(sold, SIGNAL, frames.today, "seller", "buyer", person))
    return pl.concat(found)
