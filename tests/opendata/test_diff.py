"""What differs between two states, and what does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendata.diff import Tally, diff, tally

SCHEMA = {"k": pl.String, "j": pl.Int64, "v": pl.String, "n": pl.Float64}
VALUES = st.tuples(
    st.sampled_from([None, "", "[ND]", "a", "A"]), st.sampled_from([None, 0.0, 1.5, float("nan")])
)
KEYS = st.tuples(st.sampled_from("abcdefgh"), st.one_of(st.none(), st.integers(0, 3)))
STATES = st.dictionaries(KEYS, VALUES, max_size=24)
State = dict[tuple[Any, ...], tuple[Any, ...]]


def frame(state: State) -> pl.LazyFrame:
    rows = [(*key, *values) for key, values in state.items()]
    return pl.LazyFrame(rows, schema=SCHEMA, orient="row")


def plain(state: State) -> dict[Any, str]:
    """Return a state that compares equal where NaN meets NaN."""
    return {key: repr(values) for key, values in state.items()}


@settings(max_examples=40, deadline=None)
@given(STATES, STATES, st.sampled_from([2, 5, 1000]))
def test_a_diff_applied_to_the_former_state_gives_the_new_one(
    before: State, after: State, chunk_rows: int
) -> None:
    found = diff(frame(before), frame(after), ["k", "j"], chunk_rows=chunk_rows)
    rebuilt = dict(before)
    for k, j, v, n, op in found.rows():
        assert (op == "added") == ((k, j) not in before)
        if op == "removed":
            assert repr(rebuilt.pop((k, j))) == repr((v, n))
        else:
            rebuilt[k, j] = (v, n)
    assert plain(rebuilt) == plain(after)
    # Nothing is told that did not change.
    untouched = {
        key for key in before.keys() & after.keys() if repr(before[key]) == repr(after[key])
    }
    assert untouched.isdisjoint(set(found.select("k", "j").rows()))
    counts = tally(frame(before), frame(after), ["k", "j"], chunk_rows=chunk_rows)
    assert counts == Tally(
        *(found.filter(pl.col("_op") == op).height for op in ("added", "modified", "removed"))
    )


@settings(max_examples=15, deadline=None)
@given(STATES, STATES, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_the_size_of_ranges_do_not_show(
    before: State, after: State, random: Any
) -> None:
    keys = list(after)
    random.shuffle(keys)
    shuffled = frame({key: after[key] for key in keys})
    expected = diff(frame(before), frame(after), ["k", "j"])
    assert diff(frame(before), shuffled, ["k", "j"], chunk_rows=3).equals(expected)


def test_null_empty_and_mask_are_three_values() -> None:
    before = pl.LazyFrame({"k": [1, 2, 3, 4], "v": [None, None, "", "[ND]"]})
    after = pl.LazyFrame({"k": [1, 2, 3, 4], "v": ["", None, "[ND]", None]})
    assert diff(before, after, ["k"]).select("k", "v").rows() == [(1, ""), (3, "[ND]"), (4, None)]


def test_the_former_values_and_the_changed_columns_are_given_on_demand() -> None:
    before = pl.LazyFrame({"k": [1, 2, 3], "v": ["a", "b", "c"], "n": [1, 2, 3]})
    after = pl.LazyFrame({"k": [1, 2, 4], "v": ["a", "B", "d"], "n": [9, 9, 4]})
    found = diff(before, after, ["k"], with_before=True)
    assert found.columns == ["k", "v", "n", "_op", "before:v", "before:n", "changed"]
    assert found.rows() == [
        (1, "a", 9, "modified", "a", 1, ["n"]),
        (2, "B", 9, "modified", "b", 2, ["v", "n"]),
        (3, "c", 3, "removed", "c", 3, []),
        (4, "d", 4, "added", None, None, []),
    ]


def test_ignored_columns_do_not_make_a_change_but_are_given() -> None:
    before = pl.LazyFrame({"k": [1, 2], "v": ["a", "b"], "source_id": ["x@1", "x@1"]})
    after = pl.LazyFrame({"k": [1, 2], "v": ["a", "c"], "source_id": ["x@2", "x@2"]})
    found = diff(before, after, ["k"], ignore=["source_id"])
    assert found.rows() == [(2, "c", "x@2", "modified")]


def test_a_column_that_came_or_went_is_null_on_the_other_side() -> None:
    before = pl.LazyFrame({"k": [1, 2], "old": ["a", None]})
    after = pl.LazyFrame({"k": [1, 2, 3], "new": [None, "b", None]})
    found = diff(before, after, ["k"], with_before=True).select("k", "_op", "changed")
    assert found.rows() == [(1, "modified", ["old"]), (2, "modified", ["new"]), (3, "added", [])]


@pytest.mark.parametrize("value", [[1, None], {"a": None, "b": "x"}])
def test_nested_values_are_compared(value: Any) -> None:
    before = pl.LazyFrame({"k": [1, 2], "v": [value, value]})
    assert diff(before, before, ["k"]).height == 0
    emptied = before.with_columns(pl.when(pl.col("k") == 1).then("v").alias("v"))
    assert diff(before, emptied, ["k"])["k"].to_list() == [2]


def test_large_parquet_files_are_compared_by_ranges(tmp_path: Path) -> None:
    number = pl.int_range(50_000, eager=True)
    old = pl.DataFrame({"k": number.cast(pl.String).str.zfill(9), "v": number % 7})
    new = old.with_columns(pl.when(number % 1000 == 0).then(-1).otherwise("v").alias("v")).filter(
        number % 1000 != 1
    )
    for name, rows in (("old", old), ("new", new)):
        rows.write_parquet(tmp_path / f"{name}.parquet", row_group_size=4096)
    states = [pl.scan_parquet(tmp_path / f"{name}.parquet") for name in ("old", "new")]
    assert tally(*states, ["k"], chunk_rows=6000) == Tally(0, 50, 50)
    by_ranges = diff(*states, ["k"], chunk_rows=6000)
    assert by_ranges.equals(diff(*states, ["k"]))
    assert by_ranges["k"].is_sorted()
