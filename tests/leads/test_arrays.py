"""Arrays on disk: what is written is what is found, by position and by key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leads import array_files, arrays


def test_texts_come_back_in_any_order(tmp_path: Path) -> None:
    parts = [pl.Series(["ÉCOLE", None, "A\nB"]), pl.Series(["", "FIN"])]
    array_files.write_texts(tmp_path, "t", parts)
    texts = arrays.Texts.open(tmp_path, "t")
    assert texts.of(np.array([4, 0, 2, 1, 3])) == ["FIN", "ÉCOLE", "A B", "", ""]
    assert texts.series("x", np.array([1, 0])).to_list() == [None, "ÉCOLE"]
    assert {path.name for path in tmp_path.iterdir()} == {"t.letters.npy", "t.starts.npy"}


def test_a_column_without_rows(tmp_path: Path) -> None:
    array_files.write_texts(tmp_path, "t", [])
    assert arrays.Texts.open(tmp_path, "t").of(np.zeros(0, np.int64)) == []


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 9))))
def test_a_multimap_finds_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("map")
    keys = np.array([key for key, _ in rows], np.uint64)
    ids = np.array([number for _, number in rows], np.uint32)
    array_files.write_multimap(folder, "m", keys, ids)
    found = arrays.Multimap.open(folder, "m")
    wanted = np.arange(8, dtype=np.uint64)
    row, number = found.find(wanted, most=100)
    expected = {(key, number) for key, number in rows if key != 0}
    assert list(zip(row.tolist(), number.tolist(), strict=True)) == sorted(expected)
    sizes = [sum(key == one for key, _ in expected) for one in range(8)]
    assert found.sizes(wanted).tolist() == sizes


def test_a_key_with_too_many_is_left_out_or_cut(tmp_path: Path) -> None:
    keys, ids = np.array([5, 5, 5, 6], np.uint64), np.array([3, 1, 2, 9], np.uint32)
    array_files.write_multimap(tmp_path, "m", keys, ids)
    found = arrays.Multimap.open(tmp_path, "m")
    wanted = np.array([6, 5], np.uint64)
    assert [side.tolist() for side in found.find(wanted, most=2)] == [[0], [9]]
    assert [side.tolist() for side in found.find(wanted, most=2, cut=True)] == [
        [0, 1, 1],
        [9, 1, 2],
    ]
    array_files.write_multimap(tmp_path, "few", keys, ids, most=2)
    assert arrays.Multimap.open(tmp_path, "few").keys.tolist() == [6]


def test_absent_parts_have_no_key() -> None:
    one = np.array([0, 7, 7], np.uint64)
    two = np.array([7, 0, 8], np.uint64)
    keys = arrays.mixed(one, two)
    assert keys[0] == keys[1] == 0
    assert keys[2] not in (0, arrays.mixed(two, one)[2])


def test_hashes_tell_none_from_any_text() -> None:
    keys = arrays.text_keys(pl.Series(["A", None, "", "A"]))
    assert keys[1] == 0
    assert keys[0] == keys[3]
    assert len({0, *keys.tolist()}) == 3
    assert arrays.codes(pl.Series(["A", None])).tolist()[1] == 0


def test_letters_are_numbered_from_one_and_words_of_two_to_six_have_a_number() -> None:
    words = ["BA", "A", "B2", "ABCDEF", "ABCDEFG", "É", ""]
    first, whole = arrays.letter_codes(pl.Series(words))
    assert first.tolist() == [2, 1, 2, 1, 1, 0, 0]
    assert (whole > 0).tolist() == [True, False, False, True, False, False, False]
    assert whole[0] == 2 | 1 << 5


def test_equals_are_numbered_from_nought() -> None:
    assert arrays.turns(np.array([7, 7, 7, 2, 9, 9])).tolist() == [0, 1, 2, 0, 0, 1]
    assert arrays.turns(np.zeros(0, np.int64)).tolist() == []


@given(keys=st.lists(st.integers(0, 1 << 20), max_size=60), bits=st.sampled_from([21, 40, 63]))
def test_an_order_is_stable_and_distinct_numbers_find_their_place(
    keys: list[int], bits: int
) -> None:
    array = np.array(keys, np.uint64)
    assert arrays.order(array, bits).tolist() == np.argsort(array, kind="stable").tolist()
    once, place = arrays.distinct(array, bits)
    assert once.tolist() == sorted(set(keys))
    assert once[place].tolist() == keys


@given(keys=st.lists(st.integers(0, (1 << 64) - 1), max_size=60), near=st.booleans())
def test_keys_that_differ_in_their_low_bits_only_are_put_in_order(
    keys: list[int], near: bool
) -> None:
    array = np.array([key >> 56 << 56 | key & 7 if near else key for key in keys], np.uint64)
    order = array_files.ascending(array)
    assert order.tolist() == np.argsort(array, kind="stable").tolist()


def test_a_multimap_in_parts_is_the_one_made_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(1)
    keys = arrays.mixed(random.integers(1, 300, 5_000).astype(np.uint64))
    ids = np.arange(5_000, dtype=np.uint32)
    array_files.write_multimap(tmp_path / "whole", "m", keys, ids, most=20)
    monkeypatch.setattr(array_files, "_SORTED", 700)
    array_files.write_multimap(tmp_path / "parts", "m", keys, ids, most=20)
    for one in (tmp_path / "whole").iterdir():
        assert one.read_bytes() == (tmp_path / "parts" / one.name).read_bytes(), one.name


def test_an_array_in_parts_is_read_as_numpy_writes_it(tmp_path: Path) -> None:
    with array_files.growing(tmp_path, "a", np.uint16) as out:
        out.add(np.arange(3))
        out.add(np.arange(3, 70_000) % 1000)
    whole = np.concatenate([np.arange(3), np.arange(3, 70_000) % 1000])
    assert np.array_equal(np.load(tmp_path / "a.npy"), whole)
    with array_files.growing(tmp_path, "none", np.bool_):
        pass
    assert len(arrays.read(tmp_path, "none")) == 0
