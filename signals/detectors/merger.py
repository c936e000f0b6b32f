"""A company takes part in a merger, a demerger or a universal transfer of assets (BODACC B)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._registry import MODIFICATIONS, modifications, notice_events, taking_effect

SIGNAL = Signal(
    code="merger",
    family="transaction",
    title_fr="Fusion ou transmission de patrimoine",
    title_en="Merger or transfer of assets",
    explanation_fr="L'entreprise en absorbe une autre : contrats, systèmes et sites à réunir.",
    explanation_en="The company absorbs another: contracts, systems and sites to be joined.",
    inputs=(MODIFICATIONS,),
    window_days=120,
    half_life_days=60,
    base_score=70,
    guards=(
        "Whole words only: « diffusion » holds « fusion ».",
        "The side that disappears is company_absorbed, never this one.",
        "The other company is named only if the text numbers exactly one.",
    ),
)


def operations(frames: Frames) -> pl.LazyFrame:
    """Return the notices of mergers, with ``operation``: merger or universal_transfer."""
    transfer = pl.col("transmission_universelle").fill_null(value=False)
    kind = pl.when(transfer).then(pl.lit("universal_transfer")).otherwise(pl.lit("merger"))
    rows = modifications(frames, "fusion", "transmission_universelle")
    return rows.with_columns(operation=kind)


def merger_events(rows: pl.LazyFrame, signal: Signal, frames: Frames) -> pl.LazyFrame:
    """Return ``rows`` of :func:`operations` as events named by the other company, or the year."""
    year = taking_effect().dt.year().cast(pl.String)
    return notice_events(
        rows,
        signal,
        frames.today,
        key=[pl.col("operation"), pl.coalesce("other_siren", year)],
        occurred=taking_effect(),
        counterparty=pl.col("other_siren"),
        after={
            "operation": pl.col("operation"),
            "role": pl.col("merger_role"),
            "other_siren": pl.col("other_siren"),
        },
    )


def detect(frames: Frames) -> pl.LazyFrame:
    """Return the companies that go on after the operation, or whose side is not told."""
    ends = (pl.col("merger_role") == "absorbed").fill_null(value=False)
    dissolved = pl.col("dissolution").fill_null(value=False)
    return merger_events(operations(frames).filter(ends.not_(), dissolved.not_()), SIGNAL, frames)
