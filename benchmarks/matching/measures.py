"""Recall, precision, calibration and their intervals.

Belongs here: arithmetic on answers that are right or wrong. Does not belong here: making the
answers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

BOOTSTRAPS = 1000
BINS = 10
SEED = 20261123


def interval(rows: pl.DataFrame, total: pl.DataFrame) -> list[float]:
    """Return the 95 % interval of Σ hits / Σ leads, resampling SIRENs.

    Args:
        rows: ``true_siren``, one row per hit.
        total: ``true_siren``, one row per lead.
    """
    table = (
        total.group_by("true_siren").agg(pl.len().alias("leads"))
        .join(rows.group_by("true_siren").agg(pl.len().alias("hits")), on="true_siren", how="left")
        .fill_null(0).sort("true_siren")
    )  # fmt: skip
    if table.is_empty():
        return [0.0, 1.0]
    leads, hits = table["leads"].to_numpy(), table["hits"].to_numpy()
    draws = np.random.default_rng(SEED).integers(0, len(leads), (BOOTSTRAPS, len(leads)))
    shares = hits[draws].sum(axis=1) / leads[draws].sum(axis=1)
    return [round(float(x), 3) for x in np.quantile(shares, [0.025, 0.975])]


def reliability(top: pl.DataFrame) -> list[dict[str, float]]:
    """Return ``said``, ``right``, ``answers`` of ten bins of equal width that hold answers."""
    binned = top.group_by(
        (pl.col("probability") * BINS).floor().clip(0, BINS - 1).alias("bin")
    ).agg(
        pl.col("probability").mean().round(4).alias("said"),
        pl.col("right").cast(pl.Float64).mean().round(4).alias("right"),
        pl.len().alias("answers"),
    )  # fmt: skip
    return binned.sort("bin").drop("bin").to_dicts()


def calibration_error(top: pl.DataFrame) -> float:
    """Return the expected calibration error over ten bins of equal width."""
    gap = sum(abs(row["said"] - row["right"]) * row["answers"] for row in reliability(top))
    return round(float(gap) / max(top.height, 1), 4)


def calibration_interval(top: pl.DataFrame, draws: int = 200) -> list[float]:
    """Return the 95 % interval of the calibration error, resampling SIRENs."""
    sirens = top["true_siren"].unique().sort()
    generator = np.random.default_rng(SEED)
    errors = []
    for _ in range(draws):
        drawn = pl.DataFrame({"true_siren": sirens.gather(
            generator.integers(0, len(sirens), len(sirens)))})  # fmt: skip
        errors.append(calibration_error(drawn.join(top, on="true_siren")))
    return [round(float(x), 3) for x in np.quantile(errors, [0.025, 0.975])]


def recalls(top: pl.DataFrame, truth: pl.DataFrame, thresholds: dict[str, float]) -> dict[str, Any]:
    """Return recall and precision of the answers from each threshold on, with intervals."""
    result = {}
    for target, least in thresholds.items():
        accepted = top.filter(pl.col("probability") >= least)
        right = accepted.filter("right")
        result[target] = {
            "threshold": round(least, 4),
            "recall": round(right.height / max(truth.height, 1), 4),
            "recall_95": interval(right, truth),
            "precision": round(right.height / max(accepted.height, 1), 4),
            "precision_95": interval(right, accepted),
        }
    return result


def by_set(truth: pl.DataFrame, right: pl.DataFrame) -> dict[str, dict[str, float]]:
    """Return leads and share right at first place for each kind of text."""
    hits = right.select("lead", pl.lit(1).alias("hit"))
    rows = (
        truth.join(hits, on="lead", how="left")
        .group_by("set")
        .agg(pl.len().alias("leads"), pl.col("hit").fill_null(0).mean().round(3).alias("top_1"))
    )
    return {row.pop("set"): row for row in rows.sort("set").iter_rows(named=True)}


def best_thresholds(
    rows: pl.DataFrame, precision: float, margins: tuple[float, ...]
) -> tuple[float, float] | None:
    """Return least score and least margin that find most at ``precision``, if any reach it.

    Args:
        rows: ``score``, ``margin``, ``right`` of each answer.
        precision: share of answers that shall be right.
        margins: margins tried.
    """
    best: tuple[int, float, float] | None = None
    for margin in margins:
        kept = rows.filter(pl.col("margin") >= margin).sort("score", descending=True)
        if kept.is_empty():
            continue
        right = kept["right"].cum_sum().to_numpy()
        score = kept["score"].to_numpy()
        last = np.append(score[1:] != score[:-1], True)
        good = np.flatnonzero((right / np.arange(1, len(right) + 1) >= precision) & last)
        if len(good) and (best is None or right[good[-1]] > best[0]):
            best = (int(right[good[-1]]), float(score[good[-1]]), margin)
    return None if best is None else best[1:]
