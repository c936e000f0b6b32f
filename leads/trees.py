"""A weighted sum and small boosted trees, read from numbers and computed by columns.

Belongs here: what a tree is in the model's file, and its value as an expression. Does not
belong here: growing trees (``benchmarks/matching/boosting.py``), what they are fed with
(``scoring``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

#: A leaf is a number; a node is ``[feature, at, value up to there, value beyond]``.
Node = float | Sequence[Any]


@dataclass(frozen=True)
class Mean:
    """Log-odds as the mean of a logistic regression and of boosted trees.

    The one is smooth and sure where labels are few, the other sees what two features say
    together; their mean was better on held-out labels than either.

    Attributes:
        coefficients: feature → weight, in the order by which nodes number the features.
        intercept: of the regression and of the trees, their mean.
        trees: the trees.
    """

    coefficients: dict[str, float]
    intercept: float
    trees: tuple[Node, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that are read."""
        return tuple(self.coefficients)

    def log_odds(self) -> pl.Expr:
        """Return the mean.

        Rounded, so that another order of summation on another machine gives the same.
        """
        linear = [pl.col(name) * weight for name, weight in self.coefficients.items()]
        values = [*linear, *(self._value(tree) for tree in self.trees)]
        return (pl.sum_horizontal(values) / 2 + self.intercept).round(9)

    def _value(self, node: Node) -> pl.Expr:
        if isinstance(node, int | float):
            return pl.lit(float(node))
        feature, at, below, beyond = node
        return (
            pl.when(pl.col(self.features[feature]) <= at)
            .then(self._value(below))
            .otherwise(self._value(beyond))
        )
