from __future__ import annotations

import json
from importlib.resources import files

import polars as pl
import pytest

from leads.scoring import RANK_FEATURES
from leads.trees import Mean


@pytest.mark.parametrize(
    ("a", "b", "value"),
    # (1·a + (0.5 or -1.5 or 2.5)) / 2 + 0.25; a value on the cut goes below.
    [(0.0, 9.0, 0.5), (1.0, 3.0, 1.0), (2.0, 3.0, 0.5), (2.0, 3.1, 2.5)],
)
def test_a_value_falls_through_the_nodes(a: float, b: float, value: float) -> None:
    mean = Mean({"a": 1.0, "b": 0.0}, 0.25, ([0, 1.0, 0.5, [1, 3.0, -1.5, 2.5]],))
    assert pl.DataFrame({"a": [a], "b": [b]}).select(mean.log_odds()).item() == value


def test_the_shipped_trees_use_features_that_exist() -> None:
    rank = json.loads(files("leads").joinpath("model.json").read_text("utf-8"))["rank"]
    assert tuple(rank["coefficients"]) == RANK_FEATURES

    def numbers(node: object) -> set[int]:
        if not isinstance(node, list):
            return set()
        return {node[0]} | numbers(node[2]) | numbers(node[3])

    used = set().union(*(numbers(tree) for tree in rank["trees"]))
    assert used <= set(range(len(RANK_FEATURES)))
    assert len(used) > 5
