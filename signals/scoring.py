"""How relevant one signal is, 0-100, and why.

Belongs here: score = base × confidence × freshness × match (× what the account's profile
says), its breakdown, and what may be acted upon. The base stands with the signal, other
weights in ``weights.yml``, an account's in its profile (:mod:`signals.fit`). Does not belong
here: adding signals up (:mod:`signals.lead_scores`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import polars as pl

from signals.contract import EXPORTED_VERDICTS

#: In ``score_breakdown``: the kinds of contradictions that lowered the confidence.
DOUBTED = "contradicted_by"


def scored(
    rows: pl.DataFrame, day: date, of_account: Mapping[str, pl.Expr] | None = None
) -> pl.DataFrame:
    """Return ``rows`` with ``score`` and ``score_breakdown`` as of ``day``.

    Args:
        rows: signals with ``base_score``, ``confidence``, ``time``, ``half_life_days`` and
            ``match_probability`` (null counts as certain: the company's own stream). What they
            are doubted for is in ``contradicted_by``, else in the breakdown they had.
        day: legal date at which freshness is taken.
        of_account: further factors by name, from an account's profile.
    """
    age = (pl.lit(day) - pl.col("time")).dt.total_days().clip(lower_bound=0)
    half_lives = age / pl.col("half_life_days")
    factors = {
        "base": pl.col("base_score"),
        "confidence": pl.col("confidence").round(4),
        "freshness": pl.lit(0.5).pow(half_lives).round(4),
        "match": pl.col("match_probability").fill_null(1.0).round(4),
        **(of_account or {}),
    }
    product = pl.lit(1.0)
    for factor in factors.values():
        product = product * factor
    said = {**factors, "age_days": age, DOUBTED: _doubts(rows)}
    breakdown = [value.alias(name) for name, value in said.items()]
    return rows.with_columns(
        score=product.clip(0, 100).round(1),
        score_breakdown=pl.struct(breakdown).struct.json_encode(),
    )


def _doubts(rows: pl.DataFrame) -> pl.Expr:
    if DOUBTED in rows.columns:
        return pl.col(DOUBTED)
    if "score_breakdown" in rows.columns:
        return doubted_for(pl.col("score_breakdown"))
    return pl.lit(None, dtype=pl.String)


def doubted_for(breakdown: pl.Expr) -> pl.Expr:
    """Return the kinds of contradictions that a breakdown names; null without any."""
    return breakdown.str.json_path_match(f"$.{DOUBTED}")


def actionable(now: datetime) -> pl.Expr:
    """Return whether a row may trigger an action at ``now``; docs/feed.md gives the rule."""
    matched = pl.col("match_status").is_null() | pl.col("match_status").is_in(EXPORTED_VERDICTS)
    return (
        pl.col("op").is_in(["ASSERT", "AMEND"])
        & pl.col("is_baseline").not_()
        & pl.col("is_mass_operation").not_()
        & pl.col("prospecting_allowed")
        & (pl.col("expirytime") > pl.lit(now, dtype=pl.Datetime("us", "UTC")))
        & matched
    )
