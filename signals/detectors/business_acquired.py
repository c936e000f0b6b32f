"""A company buys a business or receives it as a contribution (BODACC sales)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._bodacc import sale_events, sales

SIGNAL = Signal(
    code="business_acquired",
    family="transaction",
    title_fr="Achat d'un fonds",
    title_en="Business acquired",
    explanation_fr="L'entreprise achète un fonds : croissance, budget d'intégration, travaux.",
    explanation_en="The company buys a business: growth, integration budget, works.",
    inputs=("bodacc__sales",),
    window_days=90,
    half_life_days=45,
    base_score=80,
    real_example="MARCO & ERNESTO (892552506), 2020-11-30, BODACC A20210005186",
    guards=(
        "Buyer and seller differ; a lease (location-gérance) is not a sale.",
        "A provisional notice and the definitive one are one sale: same parties, same price.",
        "A price that is a placeholder, in thousands or absurd is left out.",
    ),
)


def detect(frames: Frames) -> pl.LazyFrame:
    """Return the buyers of the new sales."""
    return sale_events(sales(frames), SIGNAL, frames.today, "buyer", "seller")
