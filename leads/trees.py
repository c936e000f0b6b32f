"""A weighted sum and small boosted trees, read from numbers and computed by columns.

Belongs here: what a tree is in the model's file, and its value. Does not belong here: growing
trees (``benchmarks/matching/boosting.py``), what they are fed with (``scoring``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Tree:
    """A symmetric tree: at each level one question for all.

    Attributes:
        features: number of the feature asked at each level.
        cuts: a value up to the cut answers no, beyond it yes.
        values: one for each row of answers, counted in binary, the first level first.
    """

    features: tuple[int, ...]
    cuts: tuple[float, ...]
    values: tuple[float, ...]

    @classmethod
    def of(cls, content: Sequence[Any]) -> Tree:
        """Read a tree: ``[features, cuts, values]``."""
        return cls(*(tuple(part) for part in content))

    @property
    def content(self) -> list[list[float]]:
        """The tree as :meth:`of` reads it."""
        return [list(self.features), list(self.cuts), list(self.values)]


def value(trees: Sequence[Tree], x: Matrix) -> NDArray[np.float64]:
    """Return the sum of the trees for each row of ``x`` (rows × features)."""
    total = np.zeros(len(x))
    columns = np.ascontiguousarray(x.T)
    asked: dict[tuple[int, float], NDArray[np.bool_]] = {}
    for tree in trees:
        leaf = np.zeros(len(x), np.intp)
        for question in zip(tree.features, tree.cuts, strict=True):
            if question not in asked:
                asked[question] = columns[question[0]] > question[1]
            leaf = 2 * leaf + asked[question]
        total += np.asarray(tree.values)[leaf]
    return total


@dataclass(frozen=True)
class Mean:
    """Log-odds as the mean of a logistic regression and of boosted trees.

    The one is smooth and sure where labels are few, the other sees what two features say
    together; their mean was better on held-out labels than either.

    Attributes:
        coefficients: feature → weight, in the order by which trees number the features.
        intercept: of the regression and of the trees, their mean.
        trees: the trees.
    """

    coefficients: dict[str, float]
    intercept: float
    trees: tuple[Tree, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that are read."""
        return tuple(self.coefficients)

    def log_odds(self, x: Matrix) -> NDArray[np.float64]:
        """Return the mean for each row of ``x``, columns as in :attr:`features`.

        Rounded, so that another order of summation on another machine gives the same.
        """
        linear = x @ np.array(list(self.coefficients.values()))
        mean = (linear + value(self.trees, x)) / 2 + self.intercept
        return np.asarray(mean.round(9))
