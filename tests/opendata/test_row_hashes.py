"""Hashes of rows: what they tell apart, when they are believed, that they go with their table."""

from __future__ import annotations

import datetime as dt
from itertools import combinations
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from descriptions import dataset as described
from hypothesis import given, settings
from hypothesis import strategies as st

from opendata import files, parquet, row_hashes
from opendata.catalogue import Dataset
from opendata.diff import Tally, diff, tally
from opendata.leftovers import unnamed_tables
from opendata.quality import check_table
from opendata.row_hashes import HASHES, hashes
from opendata.state import Draft, Version, version_id
from opendata.versions import TableStore

SCHEMA = {"k": pl.String, "j": pl.Int64, "v": pl.String, "w": pl.String, "n": pl.Float64}
TEXTS = st.sampled_from([None, "", "[ND]", "a", "A", "ab", "b"])
VALUES = st.tuples(TEXTS, TEXTS, st.sampled_from([None, 0.0, -0.0, 1.5, float("nan")]))
KEYS = st.tuples(
    st.one_of(st.none(), st.sampled_from("abcdefgh")), st.one_of(st.none(), st.integers(0, 3))
)
STATES = st.dictionaries(KEYS, VALUES, max_size=24)
TABLE = "essai__t"


def hashed(state: pl.LazyFrame, *key: str) -> pl.LazyFrame:
    columns = [name for name in state.collect_schema() if name not in key]
    return state.select(*key, *hashes(columns))


def frame(state: dict[Any, Any]) -> pl.LazyFrame:
    rows = [(*key, *values) for key, values in state.items()]
    return pl.LazyFrame(rows, schema=SCHEMA, orient="row")


@settings(max_examples=40, deadline=None)
@given(STATES, STATES, st.sampled_from([2, 1000]))
def test_by_hashes_the_same_rows_are_found_as_by_every_value(
    before: dict[Any, Any], after: dict[Any, Any], chunk_rows: int
) -> None:
    states, key = (frame(before), frame(after)), ["k", "j"]
    pair = (hashed(states[0], *key), hashed(states[1], *key))
    for given_before in (False, True):
        by_value = diff(*states, key, with_before=given_before)
        by_hash = diff(*states, key, with_before=given_before, hashes=pair, chunk_rows=chunk_rows)
        assert by_hash.equals(by_value)
    assert tally(*pair, key) == tally(*states, key)


@pytest.mark.parametrize("digits", ["000000007", "7"])
def test_numbers_as_text_keep_their_zeros_and_their_order(digits: str) -> None:
    before = pl.LazyFrame({"k": sorted([digits, "000000010", "+00000010"]), "v": [1, 2, 3]})
    after = pl.LazyFrame({"k": sorted([digits, "000000010", "000000012"]), "v": [1, 2, 3]})
    found = diff(before, after, ["k"], hashes=(hashed(before, "k"), hashed(after, "k")))
    assert found.equals(diff(before, after, ["k"]))
    assert {"+00000010", "000000012"} <= set(found["k"])


def test_what_a_careless_hash_confuses_is_told_apart() -> None:
    rows = [
        ("AB", "C"), ("A", "BC"), ("BC", "A"), ("C", "AB"), ("ABC", None), (None, "ABC"),
        ("ABC", ""), ("", "ABC"), (None, None), ("", ""), (None, ""), ("", None),
        ("[ND]", None), (None, "[ND]"), ("[ND]", "[ND]"), ("É", "E"), ("E", "É"), ("e", "E"),
    ]  # fmt: skip
    content = pl.DataFrame(rows, schema=["sigle", "nom"], orient="row").select(
        hashes(["sigle", "nom"])
    )
    for column in HASHES:
        # Either of the two numbers alone suffices here.
        for one, other in combinations(content[column].to_list(), 2):
            assert one != other
    assert content.select(pl.all().is_duplicated().any()).row(0) == (False, False)


def test_the_two_numbers_are_of_two_hashes() -> None:
    values = pl.DataFrame({"v": [str(number) for number in range(1000)]})
    one, two = values.select(hashes(["v"])).get_columns()
    assert len(set((one ^ two).to_list())) == len(set((one - two).to_list())) == 1000


def test_equal_rows_hash_alike_whatever_the_order_of_columns_and_batches() -> None:
    rows = pl.DataFrame(
        {"v": ["a", None, "[ND]"], "w": [1.5, None, -0.0], "d": [dt.date(2026, 1, 1)] * 3}
    )
    expected = rows.select(hashes(["v", "w", "d"]))
    turned = rows.select("d", "w", "v")
    assert turned.select(hashes(["d", "w", "v"])).equals(expected)
    apart = pl.concat([turned.slice(at, 1) for at in range(3)], rechunk=False)
    assert apart.select(hashes(["w", "d", "v"])).equals(expected)
    plain = rows.with_columns(pl.col("w").replace(-0.0, 0.0))
    assert plain.select(hashes(["v", "w", "d"])).equals(expected)


# In the store.


def essai(*columns: str, row_hashes: bool = True, **assertions: Any) -> Dataset:
    described_columns = [
        {"name": name, "type": "code", "fr": "x", "en": "x"} for name in ("siren", *columns)
    ]
    table = {
        "title_fr": "x", "title_en": "x", "key": ["siren"], "columns": described_columns,
        "row_hashes": row_hashes, "assertions": assertions,
    }  # fmt: skip
    return described(tables={TABLE: table})


def publish(
    store: TableStore, day: int, columns: dict[str, list[str | None]], **options: Any
) -> Version:
    dataset = essai(*(name for name in columns if name != "siren"), **options)
    moment = dt.datetime(2026, 10, day, 6, tzinfo=dt.UTC)
    draft = Draft(
        id=version_id(moment.date(), [f"{day}"], "1"), created_at=moment,
        publisher_date=moment.date(), fetched_at=moment, code_version="1",
    )  # fmt: skip
    rows = pl.LazyFrame(columns, schema=dict.fromkeys(columns, pl.String))
    return store.promote(store.stage(dataset, draft, {TABLE: rows}))


def side(store: TableStore, version: Version) -> Path:
    known = store.state("essai").find(version.id)
    held = known.tables[TABLE].hashes if known else None
    assert held is not None
    return store.data_dir / held


def changes(store: TableStore, since: Version) -> list[tuple[str, str]]:
    return store.delta(TABLE, since.id).select("siren", "_op").collect().rows()


def two_months(store: TableStore) -> tuple[Version, Version]:
    # Out of order on purpose: the store sorts.
    one = publish(store, 1, {"siren": ["3", "2", "1"], "nom": ["c", "b", "a"]})
    two = publish(store, 2, {"siren": ["4", "2", "1"], "nom": ["d", "B", "a"]})
    return one, two


def test_the_hashes_stand_in_the_order_of_the_rows(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    one, two = two_months(store)
    for version in (one, two):
        rows = store.scan_version(TABLE, version.id).collect()
        assert pl.read_parquet(side(store, version)).equals(rows.select("siren", *hashes(["nom"])))
    assert changes(store, one) == [("2", "modified"), ("3", "removed"), ("4", "added")]


def test_the_store_compares_by_hashes(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    one, two = two_months(store)
    side(store, two).write_bytes(side(store, one).read_bytes())
    assert changes(store, one) == []
    # Without them, value by value.
    side(store, one).unlink()
    assert len(changes(store, one)) == 3


def test_hashes_made_in_another_way_are_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = TableStore(tmp_path)
    one = publish(store, 1, {"siren": ["1", "2"], "nom": ["a", "b"]})
    with monkeypatch.context() as another:
        # As after a release of Polars that hashes otherwise.
        another.setattr(row_hashes, "_factor", lambda *_: pl.lit(3, dtype=pl.UInt64))
        row_hashes._probe.cache_clear()
        two = publish(store, 2, {"siren": ["1", "2"], "nom": ["a", "c"]})
    row_hashes._probe.cache_clear()
    assert store.hashes(TABLE, one, two) is None
    assert changes(store, one) == [("2", "modified")]
    three = publish(store, 3, {"siren": ["1", "2"], "nom": ["a", "c"]})
    four = publish(store, 4, {"siren": ["1", "2"], "nom": ["d", "c"]})
    assert store.hashes(TABLE, three, four) is not None


def test_a_column_that_came_is_compared_by_value(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    one = publish(store, 1, {"siren": ["1", "2"], "nom": ["a", "b"]})
    two = publish(store, 2, {"siren": ["1", "2"], "nom": ["a", "b"], "sigle": [None, "s"]})
    assert store.hashes(TABLE, one, two) is None
    assert changes(store, one) == [("2", "modified")]


class Hidden:
    """A screen that hides the name of one unit of the first publication from readers."""

    def arriving(self, table: str, published: dt.date, rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows

    def reading(self, table: str, published: dt.date, rows: pl.LazyFrame) -> pl.LazyFrame:
        if published > dt.date(2026, 10, 1):
            return rows
        return rows.with_columns(pl.when(pl.col("siren") != "1").then("nom").alias("nom"))


def test_while_somebody_is_being_hidden_what_is_shown_is_compared(tmp_path: Path) -> None:
    one, _ = two_months(TableStore(tmp_path))
    found = changes(TableStore(tmp_path, Hidden()), one)
    assert found[0] == ("1", "modified")
    assert len(found) == 4


def test_who_is_taken_out_of_a_table_is_taken_out_of_its_hashes(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    one, two = two_months(store)
    former = side(store, one)
    gone = pl.col("siren") == "3"
    store.rewrite(TABLE, lambda *_: gone, lambda _, rows: rows.filter(~gone))
    assert not former.exists()
    assert pl.read_parquet(side(store, one))["siren"].to_list() == ["1", "2"]
    assert changes(store, one) == [("2", "modified"), ("4", "added")]
    assert store.hashes(TABLE, *store.state("essai").good()) is not None
    assert side(store, two).exists()


def test_hashes_leave_with_their_version(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    one, _ = two_months(store)
    kept = side(store, one)
    assert unnamed_tables(store) == []
    stray = kept.with_name("2026-10-09-abc.parquet")
    stray.write_bytes(b"left by a killed run")
    assert unnamed_tables(store) == [stray]
    third = publish(store, 3, {"siren": ["1"], "nom": ["a"]})
    assert not stray.exists()
    store.gc(1)
    assert [path.stem for path in kept.parent.iterdir()] == [third.id]
    held = third.model_copy(
        update={
            "id": "2026-10-08-abc",
            "tables": {
                TABLE: third.tables[TABLE].model_copy(
                    update={"hashes": str(stray.relative_to(tmp_path))}
                )
            },
        }
    )
    stray.write_bytes(b"staged and refused")
    store.discard(held)
    assert not stray.exists()


def test_a_table_that_asks_for_none_has_none(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    version = publish(store, 1, {"siren": ["1"], "nom": ["a"]}, row_hashes=False)
    assert version.tables[TABLE].hashes is None
    assert not (tmp_path / "hashes").exists()


def test_rows_with_parts_are_not_hashed(tmp_path: Path) -> None:
    rows = pl.LazyFrame({"k": ["1"], "v": [[1, 2]]})
    assert row_hashes.beside(rows, ["k"], tmp_path / "h.parquet") is None
    assert row_hashes.beside(rows.select("k"), ["k"], tmp_path / "h.parquet") is None


def test_the_gate_of_mass_changes_counts_by_hashes(tmp_path: Path) -> None:
    names = [str(number) for number in range(1000)]
    before = pl.LazyFrame({"siren": names, "nom": names})
    after = before.with_columns(pl.when(pl.int_range(pl.len()) >= 60).then("nom").alias("nom"))
    dataset = essai("nom", rows_floor=1)
    pair = (hashed(before, "siren"), hashed(after, "siren"))
    for hashes_given in (None, pair):
        results = check_table(dataset, TABLE, after, previous=before, hashes=hashes_given)
        (gate,) = [one for one in results if one.name == "changed_ceiling"]
        assert gate.held
        assert gate.facts["modified"] == 60
    # What it counts is what the hashes say: the rows are not looked at.
    same = (pair[0], pair[0])
    results = check_table(dataset, TABLE, after, previous=before, hashes=same)
    (gate,) = [one for one in results if one.name == "changed_ceiling"]
    assert gate.passed
    assert tally(*same, ["siren"]) == Tally(0, 0, 0)


def test_the_narrow_file_is_there_before_the_table(tmp_path: Path) -> None:
    rows = pl.LazyFrame({"k": ["2", "1"], "v": ["b", "a"]})
    target, narrow = tmp_path / "t.parquet", tmp_path / "h" / "t.parquet"
    found = row_hashes.beside(rows, ["k"], narrow)
    seen: list[tuple[str, bool, bool]] = []
    before = files.on_point
    files.on_point = lambda name: seen.append((name, narrow.exists(), target.exists()))
    try:
        parquet.sink(rows, target, sort_by=["k"], point="table", beside=found)
    finally:
        files.on_point = before
    assert ("table:before-rename", True, False) in seen
    assert ("table-beside:before-rename", False, False) in seen
    assert pl.read_parquet(narrow)["k"].to_list() == ["1", "2"]
