"""What can be taken out of a rule: each condition once, and nothing that only words it."""

from __future__ import annotations

from pathlib import Path
from types import FunctionType

import polars as pl
import pytest
from removals import Removal, removals
from unnoticed import REASONS

from signals.registry import registry

ROWS = pl.LazyFrame({"a": [1, 2, 3, 3], "b": [1, 1, 9, 9]})
RULE = """
def rule(rows, out):
    if out is None:
        return rows.head(0)
    known = (pl.col("a") > 1) & (pl.col("b") < 5)
    return rows.filter(known, pl.col("a").is_between(2, 3)).join(out, on="a", how="anti").unique()


def words(before: dict | None = None):
    return before or {}
"""


@pytest.fixture
def found(tmp_path: Path) -> list[Removal]:
    path = tmp_path / "rule.py"
    path.write_text(RULE, "utf-8")
    return removals(path)


def test_each_condition_is_taken_out_once(found: list[Removal]) -> None:
    assert sorted(one.removed for one in found) == [
        ".join(out, on='a', how='anti')",
        ".unique()",
        "if out is None",
        "known",
        "pl.col('a') <= 3",
        "pl.col('a') > 1",
        "pl.col('a') >= 2",
        "pl.col('a').is_between(2, 3)",
        "pl.col('b') < 5",
    ]
    assert {(one.module, one.function) for one in found} == {("rule", "rule")}


def test_only_that_condition_is_gone(found: list[Removal]) -> None:
    nobody = ROWS.head(0).select("a")
    kept = {}
    for one in found:
        rule = FunctionType(one.code, {"pl": pl})
        if one.removed != "if out is None":
            kept[one.removed] = rule(ROWS, nobody).collect().sort("a")["a"].to_list()
    assert kept["pl.col('b') < 5"] == [2, 3]
    assert kept["known"] == [2, 3]
    assert kept["pl.col('a') > 1"] == [2]
    assert kept[".unique()"] == [2]
    mutant = next(one for one in found if one.removed == ".join(out, on='a', how='anti')")
    rule = FunctionType(mutant.code, {"pl": pl})
    assert rule(ROWS, ROWS.select("a")).collect()["a"].to_list() == [2]


def test_every_reason_names_signals_that_exist() -> None:
    assert {code for one in REASONS for code in one.signals} <= set(registry())
