"""Gradient boosting small enough to read: symmetric trees on binned features.

Belongs here: growing the trees, in numpy. Does not belong here: features and data, and the
value of a tree (``leads.trees``): matching itself needs none of this.

A symmetric tree asks the same question at every node of a level (CatBoost, Prokhorenkova et
al. 2018): it overfits less than a free one and is computed without branching. Newton's step on
the log-likelihood (Friedman 2001): a leaf is worth the sum of its residuals over the sum of its
curvatures, shrunk by the ridge and the rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.matching.regression import Array
from leads.trees import Tree

#: A split that gains less is noise.
LEAST_GAIN = 1e-6


@dataclass(frozen=True)
class Settings:
    """How the trees grow; chosen by cross-validation on fit and calibrate."""

    trees: int = 250
    depth: int = 4
    rate: float = 0.06
    ridge: float = 8.0
    bins: int = 32
    #: Share of the features that each tree may ask, and of the rows it learns from.
    features: float = 0.4
    rows: float = 0.8
    seed: int = 20261123


class _Grower:
    """One fit: binned features, and the running log-odds of each row."""

    def __init__(self, x: Array, y: Array, weight: Array, settings: Settings) -> None:
        self.settings, self.y, self.weight = settings, y, weight
        self.cuts = [_cuts(column, settings.bins) for column in x.T]
        self.binned = [
            np.searchsorted(cuts, column).astype(np.int64)
            for cuts, column in zip(self.cuts, x.T, strict=True)
        ]
        mean = float(np.average(y, weights=weight))
        self.log_odds = np.full(len(y), float(np.log(mean / (1 - mean))))
        self.random = np.random.default_rng(settings.seed)

    def tree(self) -> Tree:
        share = 1 / (1 + np.exp(-self.log_odds))
        seen = (self.random.random(len(self.y)) < self.settings.rows) * self.weight
        residual, curve = (self.y - share) * seen, share * (1 - share) * seen
        asked = [number for number, cuts in enumerate(self.cuts) if len(cuts)]
        some = max(int(len(asked) * self.settings.features), 1)
        asked = sorted(self.random.choice(asked, some, replace=False).tolist())
        leaf = np.zeros(len(self.y), np.int64)
        questions: list[tuple[int, float]] = []
        for level in range(self.settings.depth):
            found = self._question(asked, leaf, 1 << level, residual, curve)
            if found is None:
                break
            feature, place = found
            questions.append((feature, float(self.cuts[feature][place])))
            leaf = 2 * leaf + (self.binned[feature] > place)
        leaves = 1 << len(questions)
        top = np.bincount(leaf, residual, leaves)
        bottom = np.bincount(leaf, curve, leaves)
        values = np.round(self.settings.rate * top / (bottom + self.settings.ridge), 6)
        self.log_odds += values[leaf]
        return Tree(
            tuple(feature for feature, _ in questions),
            tuple(at for _, at in questions),
            tuple(float(value) for value in values),
        )

    def _question(
        self, asked: list[int], leaf: NDArray[np.int64], leaves: int, residual: Array, curve: Array
    ) -> tuple[int, int] | None:
        """Return the feature and the cut that gain most over all leaves, if any does."""
        ridge = self.settings.ridge
        best, found = LEAST_GAIN, None
        for feature in asked:
            bins = len(self.cuts[feature]) + 1
            cell = leaf * bins + self.binned[feature]
            g = np.bincount(cell, residual, leaves * bins).reshape(leaves, bins)
            h = np.bincount(cell, curve, leaves * bins).reshape(leaves, bins)
            left_g, left_h = g.cumsum(1)[:, :-1], h.cumsum(1)[:, :-1]
            all_g, all_h = g.sum(1, keepdims=True), h.sum(1, keepdims=True)
            gain = left_g**2 / (left_h + ridge)
            gain += (all_g - left_g) ** 2 / (all_h - left_h + ridge)
            gain = (gain - all_g**2 / (all_h + ridge)).sum(0)
            place = int(gain.argmax())
            if gain[place] > best:
                best, found = float(gain[place]), (feature, place)
        return found


def _cuts(column: Array, bins: int) -> Array:
    """Return cuts between neighbouring values, so that a last digit puts no row elsewhere."""
    values = np.unique(column)
    wanted = np.quantile(column, np.linspace(0, 1, bins + 1)[1:-1], method="lower")
    # Rare values far from the bulk still get a cut of their own.
    wanted = np.concatenate([wanted, np.quantile(values, np.linspace(0, 1, 9)[1:-1])])
    places = np.unique(np.searchsorted(values, wanted))
    places = places[places < len(values) - 1]
    return np.unique(np.round((values[places] + values[places + 1]) / 2, 6))


def boosted(
    x: Array, y: Array, weight: Array, settings: Settings | None = None
) -> tuple[list[Tree], float]:
    """Return the trees and the intercept.

    Args:
        x: rows × features.
        y: 1.0 or 0.0 for each row.
        weight: how much each row counts.
        settings: how to grow.
    """
    grower = _Grower(x, y, weight, settings or Settings())
    intercept = round(float(grower.log_odds[0]), 6)
    return [grower.tree() for _ in range(grower.settings.trees)], intercept
