"""A company wins a large public contract: a million euros, or much of its turnover (DECP)."""

from __future__ import annotations

import polars as pl

from signals.base import Frames, Signal
from signals.detectors._decp import award_events, awards
from signals.detectors._ratios import HIGHEST_RATIO
from signals.detectors._ratios import TABLE as YEARS

SIGNAL = Signal(
    code="big_win",
    family="procurement",
    title_fr="Gros marché public remporté",
    title_en="Large public contract won",
    explanation_fr="Marché important : l'entreprise va recruter, acheter et sous-traiter.",
    explanation_en="A large contract: the company will hire, buy and subcontract.",
    inputs=("decp__awards", YEARS),
    rule_version="1.1",
    window_days=120,
    half_life_days=60,
    base_score=85,
    real_example="IDVERDE (339609661), 2024-10-14, DECP 214000655000162024T00043",
    guards=(
        "The share of each winner counts, not the full amount that each of them carries.",
        "A framework agreement states a ceiling: it is never a big win.",
        "Placeholder, thousand-euro and absurd amounts (above 12.3 G€) are unknown amounts.",
        "Below a million, from 100 k€ and a fifth of the turnover of its last accounts, which are "
        "those of the three years before; of several accounts of one year, the largest.",
        "More than five times the turnover is a unit that was mistaken.",
    ),
)
THRESHOLD_EUR = 1_000_000
#: Part of a year's turnover from which a contract is large for its winner, and least amount.
PART, LEAST_EUR = 0.2, 100_000
#: Older accounts say nothing of the size of a company.
ACCOUNTS_OF = "3y"


def detect(frames: Frames) -> pl.LazyFrame:
    """Return the winners whose share is a million euros, or a fifth of their turnover."""
    key = ["titulaire_siren", "date_premiere_notification"]
    won, closed = pl.col(key[1]), pl.col("date_cloture")
    new = awards(frames).filter(pl.col("share") >= LEAST_EUR, pl.col("framework").not_())
    turnover = frames.current(YEARS).select(
        "date_cloture", "chiffre_affaires_eur", titulaire_siren="siren"
    )
    last = (
        new.select(key)
        .join(turnover, on="titulaire_siren")
        .filter(closed < won, closed >= won.dt.offset_by("-" + ACCOUNTS_OF))
        .filter(pl.col("chiffre_affaires_eur") > 0)
        .filter(closed == closed.max().over(key))
        .group_by(key)
        .agg(turnover=pl.col("chiffre_affaires_eur").max())
    )
    part = pl.col("share") / pl.col("turnover")
    by_amount = pl.col("share") >= THRESHOLD_EUR
    by_part = part.is_between(PART, HIGHEST_RATIO).fill_null(value=False)
    rows = new.join(last, on=key, how="left")
    size = pl.when(by_amount).then(pl.lit("amount")).otherwise(pl.lit("part_of_turnover"))
    return award_events(
        rows.filter(by_amount | by_part), SIGNAL, frames.today, more={"large_by": size}
    )
