"""Regressions small enough to read: conditional and plain logistic, Platt's scaling.

Belongs here: Newton's method on a ridge-penalised likelihood, in numpy. Does not belong
here: features and data. Matching itself needs none of this.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
STEPS = 100
TOLERANCE = 1e-9


def conditional(x: Array, chosen: Array, group: NDArray[np.int64], ridge: float) -> Array:
    """Fit which one of each group is chosen (McFadden's conditional logit).

    Args:
        x: rows × features.
        chosen: 1.0 for the right row of each group, else 0.0; every group has one.
        group: group of each row, 0 … n-1, sorted.
        ridge: penalty on the squared coefficients.

    Returns:
        One coefficient per feature; there is no intercept, as it would cancel.
    """
    groups = int(group[-1]) + 1
    weights = np.zeros(x.shape[1])
    starts = np.searchsorted(group, np.arange(groups))
    for _ in range(STEPS):
        scores = x @ weights
        scores -= np.maximum.reduceat(scores, starts)[group]
        share = np.exp(scores)
        share /= np.add.reduceat(share, starts)[group]
        gradient = x.T @ (chosen - share) - ridge * weights
        mean = np.add.reduceat(x * share[:, None], starts)
        hessian = (x * share[:, None]).T @ x - mean.T @ mean + ridge * np.eye(x.shape[1])
        step = np.linalg.solve(hessian, gradient)
        # Newton can overshoot where the shares are nearly 0 or 1.
        weights += step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < TOLERANCE:
            break
    return weights


def logistic(x: Array, y: Array, weight: Array, ridge: float) -> tuple[Array, float]:
    """Fit a weighted logistic regression; the intercept is not penalised.

    Returns:
        Coefficients and intercept.
    """
    rows = np.hstack([x, np.ones((len(x), 1))])
    penalty = np.full(rows.shape[1], ridge)
    penalty[-1] = 1e-9
    weights = np.zeros(rows.shape[1])
    for _ in range(STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(rows @ weights, -30, 30)))
        gradient = rows.T @ (weight * (y - p)) - penalty * weights
        curve = weight * p * (1 - p)
        hessian = (rows * curve[:, None]).T @ rows + np.diag(penalty)
        step = np.linalg.solve(hessian, gradient)
        weights += step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < TOLERANCE:
            break
    return weights[:-1], float(weights[-1])


def platt(log_odds: Array, y: Array, weight: Array) -> tuple[float, float]:
    """Fit slope and intercept of Platt's scaling, with his prior on the targets."""
    positive, negative = float((weight * y).sum()), float((weight * (1 - y)).sum())
    target = np.where(y > 0, (positive + 1) / (positive + 2), 1 / (negative + 2))
    slope, intercept = logistic(log_odds[:, None], target, weight, 1e-6)
    return float(slope[0]), intercept
