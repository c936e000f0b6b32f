from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import pytest

from leads.scoring import RANK_FEATURES
from leads.trees import Mean, Tree

TREE = Tree((0, 1), (1.0, 3.0), (0.5, -1.5, 2.5, 4.0))


@pytest.mark.parametrize(
    ("a", "b", "leaf"),
    # A value on the cut answers no; the first question is the higher digit.
    [(0.0, 3.0, 0.5), (1.0, 3.1, -1.5), (1.1, 0.0, 2.5), (2.0, 9.0, 4.0)],
)
def test_the_answers_choose_the_leaf(a: float, b: float, leaf: float) -> None:
    mean = Mean({"a": 1.0, "b": 0.0}, 0.25, (TREE,))
    assert mean.log_odds(np.array([[a, b]])).tolist() == [(a + leaf) / 2 + 0.25]


def test_trees_add_up() -> None:
    once, twice = (Mean({"a": 0.0, "b": 0.0}, 0.0, (TREE,) * n) for n in (1, 2))
    x = np.array([[0.0, 0.0], [2.0, 9.0]])
    assert twice.log_odds(x).tolist() == (2 * once.log_odds(x)).tolist()


def test_a_tree_is_read_as_it_was_written() -> None:
    assert Tree.of(json.loads(json.dumps(TREE.content))) == TREE


def test_the_shipped_trees_use_features_that_exist() -> None:
    rank = json.loads(files("leads").joinpath("model.json").read_text("utf-8"))["rank"]
    assert tuple(rank["coefficients"]) == RANK_FEATURES
    trees = [Tree.of(tree) for tree in rank["trees"]]
    used = {feature for tree in trees for feature in tree.features}
    assert used <= set(range(len(RANK_FEATURES)))
    assert len(used) > 5
    assert all(len(tree.values) == 1 << len(tree.features) for tree in trees)
