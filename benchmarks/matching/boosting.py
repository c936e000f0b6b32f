"""Gradient boosting small enough to read: shallow trees on binned features.

Belongs here: growing the trees, in numpy. Does not belong here: features and data, and the
value of a tree (``leads.trees``): matching itself needs none of this.

Newton's step on the log-likelihood, as in Friedman (2001) and XGBoost: a leaf is worth the sum
of its residuals over the sum of its curvatures, shrunk by the ridge and the rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.matching.regression import Array
from leads.trees import Node

#: A split that gains less is noise.
LEAST_GAIN = 1e-6


@dataclass(frozen=True)
class Settings:
    """How the trees grow; chosen by cross-validation on the fit split."""

    trees: int = 200
    depth: int = 3
    rate: float = 0.05
    least_rows: int = 25
    ridge: float = 3.0
    bins: int = 32


class _Grower:
    """One fit: binned features, and the running log-odds of each row."""

    def __init__(self, x: Array, y: Array, settings: Settings) -> None:
        self.settings, self.y = settings, y
        self.cuts = [_cuts(column, settings.bins) for column in x.T]
        self.binned = np.stack(
            [np.searchsorted(cuts, column) for cuts, column in zip(self.cuts, x.T, strict=True)], 1
        )
        self.log_odds = np.full(len(y), float(np.log(y.mean() / (1 - y.mean()))))
        self.residual = self.curve = y

    def tree(self) -> Node:
        share = 1 / (1 + np.exp(-self.log_odds))
        self.residual, self.curve = self.y - share, share * (1 - share)
        return self._node(np.arange(len(self.y)), self.settings.depth)

    def _node(self, rows: NDArray[np.int64], depth: int) -> Node:
        found = self._split(rows) if depth else None
        if found is None:
            top, bottom = self.residual[rows].sum(), self.curve[rows].sum()
            value = round(float(self.settings.rate * top / (bottom + self.settings.ridge)), 6)
            self.log_odds[rows] += value
            return value
        feature, place = found
        below = self.binned[rows, feature] <= place
        at = float(self.cuts[feature][place])
        return [
            feature, at, self._node(rows[below], depth - 1), self._node(rows[~below], depth - 1)
        ]  # fmt: skip

    def _split(self, rows: NDArray[np.int64]) -> tuple[int, int] | None:
        """Return the feature and the cut that gain most, if any does."""
        least, ridge = self.settings.least_rows, self.settings.ridge
        residual, curve = self.residual[rows], self.curve[rows]
        g, h = residual.sum(), curve.sum()
        best, found = LEAST_GAIN, None
        for feature, cuts in enumerate(self.cuts):
            if len(cuts) == 0 or len(rows) < 2 * least:
                continue
            bins, size = self.binned[rows, feature], len(cuts) + 1
            left_g = np.bincount(bins, residual, size).cumsum()[:-1]
            left_h = np.bincount(bins, curve, size).cumsum()[:-1]
            left_n = np.bincount(bins, minlength=size).cumsum()[:-1]
            gain = left_g**2 / (left_h + ridge) + (g - left_g) ** 2 / (h - left_h + ridge)
            gain -= g**2 / (h + ridge)
            gain[(left_n < least) | (len(rows) - left_n < least)] = 0.0
            place = int(gain.argmax())
            if gain[place] > best:
                best, found = float(gain[place]), (feature, place)
        return found


def _cuts(column: Array, bins: int) -> Array:
    """Return cuts between neighbouring values, so that a last digit puts no row elsewhere."""
    values = np.unique(column)
    wanted = np.quantile(column, np.linspace(0, 1, bins + 1)[1:-1], method="lower")
    places = np.unique(np.searchsorted(values, wanted))
    places = places[places < len(values) - 1]
    return np.round((values[places] + values[places + 1]) / 2, 6)


def boosted(x: Array, y: Array, settings: Settings | None = None) -> tuple[list[Node], float]:
    """Return the trees and the intercept.

    Args:
        x: rows × features.
        y: 1.0 or 0.0 for each row.
        settings: how to grow.
    """
    grower = _Grower(x, y, settings or Settings())
    intercept = round(float(grower.log_odds[0]), 6)
    return [grower.tree() for _ in range(grower.settings.trees)], intercept
