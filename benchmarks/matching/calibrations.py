"""Ways of calibrating, side by side: ``python -m benchmarks.matching.calibrations``.

Belongs here: what was tried in the place of Platt's scaling. Does not belong here: the one that
is shipped (``fit``). The test split is not read.

Stages and calibration are fitted without the SIREN that they are judged on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.matching import data, fit, measures, regression
from benchmarks.matching.regression import Array
from leads.scoring import TIERS

Says = Callable[[Array], Array]
#: Log-odds at which the slope of the bent line may change.
KNOTS = (0.0, 2.0)


def platt(x: Array, y: Array, weight: Array) -> Says:
    """Fit a line on the log-odds."""
    slope, intercept = regression.platt(x, y, weight)
    return lambda odds: _share(slope * odds + intercept)


def isotonic(x: Array, y: Array, weight: Array) -> Says:
    """Fit steps that never descend (pool adjacent violators)."""
    steps: list[list[float]] = []
    for place in np.argsort(x, kind="stable"):
        steps.append([y[place] * weight[place], weight[place], x[place]])
        while len(steps) > 1 and steps[-2][0] / steps[-2][1] >= steps[-1][0] / steps[-1][1]:
            right, all_of, _ = steps.pop()
            steps[-1][0] += right
            steps[-1][1] += all_of
    begins = np.array([step[2] for step in steps])
    shares = np.array([step[0] / step[1] for step in steps])
    return lambda odds: shares[
        np.clip(np.searchsorted(begins, odds, "right") - 1, 0, len(shares) - 1)
    ]


def beta(x: Array, y: Array, weight: Array) -> Says:
    """Fit beta calibration (Kull et al. 2017): one weight for each side of the odds."""

    def sides(odds: Array) -> Array:
        p = np.clip(_share(odds), 1e-6, 1 - 1e-6)
        return np.stack([np.log(p), -np.log(1 - p)], 1)

    return _linear(sides, x, y, weight)


def bent(x: Array, y: Array, weight: Array) -> Says:
    """Fit a line that may bend at :data:`KNOTS`."""
    return _linear(
        lambda odds: np.stack([odds, *(np.maximum(odds - knot, 0) for knot in KNOTS)], 1),
        x, y, weight,
    )  # fmt: skip


def _linear(features: Callable[[Array], Array], x: Array, y: Array, weight: Array) -> Says:
    weights, intercept = regression.logistic(features(x), y, weight, 1.0)
    return lambda odds: _share(features(odds) @ weights + intercept)


def _share(odds: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-odds)))


def said(top: pl.DataFrame, way: Callable[..., Says], *, per_tier: bool) -> Array:
    """Return what a calibration fitted on the other folds says of each answer."""
    folds = np.array([data.fold_of(f"calibration|{one}", fit.FOLDS) for one in top["true_siren"]])
    columns = top.select("log_odds", pl.col("right").cast(pl.Float64), "weight").to_numpy().T
    tier = top["tier"].to_numpy()
    result = np.zeros(top.height)
    for fold in range(fit.FOLDS):
        for name in TIERS if per_tier else ("",):
            mine = (tier == name) | (not per_tier)
            learnt, judged = mine & (folds != fold), mine & (folds == fold)
            result[judged] = way(*columns[:, learnt])(columns[0, judged])
    return result


def main() -> None:
    """Print calibration error, log loss and recall of each way."""
    with tempfile.TemporaryDirectory() as folder:
        found = fit.bench(data.build(Path(folder)))
    known = found.pairs.filter(pl.col("split") != "test")
    leads = found.truth.filter((pl.col("split") != "test") & ~pl.col("open")).height
    top = fit.with_weights(fit.held_out(known)[0])
    print(f"{'':<22} {'error':>7} {'log loss':>9} {'R@.95':>7} {'R@.98':>7}   of {leads} leads")
    for way in (platt, isotonic, beta, bent):
        for per_tier in (True, False):
            p = said(top, way, per_tier=per_tier)
            rows = top.with_columns(pl.Series("probability", p))
            inside = rows.filter(~pl.col("open"))
            y, weight = rows["right"].to_numpy(), rows["weight"].to_numpy()
            close = np.clip(np.where(y, p, 1 - p), 1e-4, 1)
            loss = -float((weight * np.log(close)).sum() / weight.sum())
            taken = []
            for share in (0.95, 0.98):
                least = fit.threshold(rows, share) or 2.0
                taken.append(inside.filter(pl.col("right") & (pl.col("probability") >= least)))
            name = f"{way.__name__}, {'per tier' if per_tier else 'all'}"
            print(f"{name:<22} {measures.calibration_error(inside):>7.3f} {loss:>9.3f} "
                  + " ".join(f"{one.height / leads:>7.3f}" for one in taken))  # fmt: skip


if __name__ == "__main__":
    main()
