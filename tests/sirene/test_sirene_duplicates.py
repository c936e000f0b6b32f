"""Chains of duplicates; synthetic: no real StockDoublons row is known."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import polars as pl

from sirene.duplicates import duplicates

SCHEMA = {"siren": pl.String, "siren_doublon": pl.String, "date_dernier_traitement": pl.Datetime}
WHEN = datetime(2024, 5, 1, tzinfo=UTC).replace(tzinfo=None)


def made(*pairs: tuple[str, str]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return (duplicate, right number) → row, of pairs written that way round."""
    rows = [(right, doubled, WHEN) for doubled, right in pairs]
    frame = duplicates(pl.LazyFrame(rows, schema=SCHEMA, orient="row")).collect()
    assert frame.height == len(set(pairs)), "no pair is lost, none is made"
    return {(row["siren_doublon"], row["siren"]): row for row in frame.to_dicts()}


def test_the_duplicate_leads_to_the_number_that_stands() -> None:
    row = made(("111111111", "222222222"))["111111111", "222222222"]
    assert row["siren_retenu"] == "222222222"
    assert (row["boucle"], row["ambigu"]) == (False, False)
    assert row["date_dernier_traitement"] == WHEN


def test_a_chain_is_followed_to_its_end_however_long() -> None:
    numbers = [f"{number:09d}" for number in range(40)]
    found = made(*pairwise(numbers))
    assert {row["siren_retenu"] for row in found.values()} == {numbers[-1]}


def test_a_loop_is_told_and_not_followed_for_ever() -> None:
    found = made(("1", "2"), ("2", "3"), ("3", "1"), ("9", "1"), ("5", "6"), ("7", "7"))
    told = {pair: (row["siren_retenu"], row["boucle"]) for pair, row in found.items()}
    assert told == {
        ("1", "2"): (None, True),
        ("2", "3"): (None, True),
        ("3", "1"): (None, True),
        ("9", "1"): (None, True),
        ("5", "6"): ("6", False),
        ("7", "7"): (None, True),
    }


def test_a_duplicate_of_two_units_keeps_both_and_says_so() -> None:
    found = made(("1", "5"), ("1", "4"), ("0", "1"))
    assert (found["1", "4"]["siren_retenu"], found["1", "4"]["ambigu"]) == ("4", True)
    assert (found["1", "5"]["siren_retenu"], found["1", "5"]["ambigu"]) == ("5", True)
    assert found["0", "1"]["siren_retenu"] == "4", "the lowest, so that it is always the same"


def test_no_pair_gives_no_row() -> None:
    assert made() == {}
