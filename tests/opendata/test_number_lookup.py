"""Numbers are found in a large set as by any other means, whatever their order."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from opendata.lookup import Lookup, packed

NUMBERS = st.lists(st.integers(0, 40), max_size=30)
TEXTS = st.lists(st.none() | st.text("0123456789+ -", max_size=19), max_size=30)


@given(NUMBERS, NUMBERS)
def test_a_number_is_found_where_it_stood_first(known: list[int], asked: list[int]) -> None:
    lookup = Lookup(pl.Series(known, dtype=pl.UInt32))
    there, places = lookup.places(pl.Series(asked, dtype=pl.UInt32))
    assert there.tolist() == [one in known for one in asked]
    for one, found, place in zip(asked, there, places, strict=True):
        if found:
            assert lookup.first[place] == known.index(one)


@given(TEXTS)
def test_texts_are_packed_into_the_same_number_only_if_they_are_the_same(
    texts: list[str | None],
) -> None:
    rows = pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)})
    found = rows.with_columns(packed(pl.col("text")).alias("number"))
    whole = [t is not None and len(t) <= 17 and t != "" and t.isdigit() for t in texts]
    assert found["number"].is_not_null().to_list() == whole
    kept = found.drop_nulls("number")
    assert kept["number"].n_unique() == kept["text"].n_unique()
