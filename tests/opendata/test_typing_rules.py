"""Values: what is read, what is null, which rule is broken."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest
from establishments import LA_POSTE, column
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import luhn as oracle

from opendata import typing_rules
from opendata.catalogue import Column, Luhn
from opendata.checkdigits import luhn_valid, width_of

POST = Luhn.model_validate(LA_POSTE)
DIGITS = st.text("0123456789", min_size=1, max_size=18)


def judge(declared: Column, values: list[str | None]) -> list[tuple[Any, str | None]]:
    """Return the typed value and the first broken rule of each text."""
    raw = pl.LazyFrame(
        {typing_rules.raw_name(declared): values},
        schema_overrides={typing_rules.raw_name(declared): pl.String},
    )
    frame = typing_rules.typed(raw, [declared]).with_columns(
        typing_rules.first_broken(declared).alias("rule"),
        typing_rules.failed(declared).alias("failed"),
    )
    found = frame.collect()
    assert found["failed"].to_list() == [rule is not None for rule in found["rule"]]
    return list(zip(found[declared.name].to_list(), found["rule"].to_list(), strict=True))


def values(declared: Column, texts: list[str | None]) -> list[Any]:
    return [value for value, _ in judge(declared, texts)]


def broken(declared: Column, texts: list[str | None]) -> list[str | None]:
    return [rule for _, rule in judge(declared, texts)]


def test_dates_in_iso_and_as_spreadsheets_write_them() -> None:
    texts = ["2024-02-29", " 2024-01-02 ", "2024-01-02 00:00:00", "2024-01-02T00:00:00Z", None]
    second = dt.date(2024, 1, 2)
    assert values(column("d", type="date"), texts) == [
        dt.date(2024, 2, 29), second, second, second, None,
    ]  # fmt: skip


def test_a_date_that_cannot_be_breaks_the_rule_and_is_not_guessed() -> None:
    texts = ["2023-02-29", "02/01/2024", "2024-01-02 13:00:00", "hier"]
    assert judge(column("d", type="date"), texts) == [(None, "date")] * 4


def test_declared_formats_are_tried_in_order() -> None:
    declared = column("d", type="date", formats=["%d/%m/%Y", "%Y-%m-%d"])
    # 03/04 is 3 April in a French file, whatever an American reader would say.
    texts = ["03/04/2024", "2024-04-05", "2024/04/05"]
    assert judge(declared, texts) == [
        (dt.date(2024, 4, 3), None), (dt.date(2024, 4, 5), None), (None, "date"),
    ]  # fmt: skip


def test_absurd_years_are_read_and_refused_by_the_bounds() -> None:
    declared = column("d", type="date", minimum=dt.date(1800, 1, 1), maximum=dt.date(2100, 1, 1))
    assert judge(declared, ["0218-10-29", "2921-03-01", "1900-01-01"]) == [
        (dt.date(218, 10, 29), "minimum"),
        (dt.date(2921, 3, 1), "maximum"),
        (dt.date(1900, 1, 1), None),
    ]


def test_instants_with_an_offset_become_utc_and_others_stay() -> None:
    texts = ["2018-07-10T14:17:15", "2018-07-10T14:17:15.250", "2018-07-10T14:17:15+02:00", "x"]
    assert judge(column("t", type="timestamp"), texts) == [
        (dt.datetime.fromisoformat("2018-07-10 14:17:15"), None),
        (dt.datetime.fromisoformat("2018-07-10 14:17:15.250"), None),
        (dt.datetime.fromisoformat("2018-07-10 12:17:15"), None),
        (None, "timestamp"),
    ]


def test_numbers_with_a_decimal_comma_or_a_spurious_decimal() -> None:
    assert values(column("n", type="integer"), ["5", "-5", "2018.0", " 7 ", "007"]) == [
        5, -5, 2018, 7, 7,
    ]  # fmt: skip
    assert values(column("x", type="decimal"), ["1,5", "1.5", "1e3", " 2,0 "]) == [
        1.5, 1.5, 1000.0, 2.0,
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["1.5", "1 234", "1e3", "", "dix", "99999999999999999999"])
def test_what_is_not_an_integer_breaks_the_rule(text: str) -> None:
    assert judge(column("n", type="integer"), [text]) == [(None, "integer")]


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1.234,5", "1,2,3", "NaN", "Infinity"])
def test_what_is_not_a_number_breaks_the_rule(text: str) -> None:
    assert judge(column("x", type="decimal"), [text]) == [(None, "decimal")]


def test_booleans_in_french_and_in_figures() -> None:
    texts = ["true", "FALSE", "1", "0", "Oui", "non", "vrai", "peut-être"]
    expected = [True, False, True, False, True, False, True, None]
    assert values(column("b", type="boolean"), texts) == expected
    assert broken(column("b", type="boolean"), texts)[-1] == "boolean"


def test_the_mask_stays_in_text_and_is_null_without_fault_elsewhere() -> None:
    assert judge(column("c", pattern="[0-9]{5}"), ["[ND]", "69001", "x"]) == [
        ("[ND]", None), ("69001", None), ("x", "pattern"),
    ]  # fmt: skip
    for kind in ("date", "integer", "decimal", "boolean", "timestamp"):
        assert judge(column("c", type=kind), ["[ND]"]) == [(None, None)]


def test_the_mask_is_no_value_for_a_column_that_must_have_one() -> None:
    assert broken(column("c", nullable=False, pattern="[0-9]{5}"), ["[ND]", None]) == [
        "pattern", "required",
    ]  # fmt: skip


def test_declared_unknowns_are_null() -> None:
    declared = column("x", type="decimal", null_values=["NC", "non calculable"])
    assert judge(declared, ["NC", "non calculable", "75"]) == [
        (None, None),
        (None, None),
        (75, None),
    ]
    assert broken(column("x", nullable=False, null_values=["NC"]), ["NC"]) == ["required"]


def test_a_pattern_matches_the_whole_value() -> None:
    assert broken(column("c", pattern="A|F"), ["A", "F", "AF", "xA"]) == [
        None, None, "pattern", "pattern",
    ]  # fmt: skip


def test_one_of_and_bounds() -> None:
    assert broken(column("c", one_of=["A", "F"]), ["A", "C", None]) == [None, "one_of", None]
    declared = column("n", type="integer", minimum=0, maximum=100)
    assert broken(declared, ["0", "100", "-1", "101", None]) == [
        None, None, "minimum", "maximum", None,
    ]  # fmt: skip


def test_json_is_checked() -> None:
    texts = ['{"a": 1}', "[1, 2]", '{"a": ', None]
    assert broken(column("j", type="json"), texts) == [None, None, "json", None]


def test_lost_zeros_are_restored_only_where_declared() -> None:
    padded = column("siren", type="code", pad_to=9, pattern="[0-9]{9}", luhn={})
    texts = ["5410949", "005410949", "5410949.0", "5410949,0", "552032534", " 5410949 "]
    assert values(padded, texts) == ["005410949"] * 4 + ["552032534", "005410949"]
    plain = column("siren", type="code", pattern="[0-9]{9}")
    assert judge(plain, ["5410949"]) == [("5410949", "pattern")]


def test_too_many_lost_zeros_or_digits_lost_to_a_spreadsheet_are_refused() -> None:
    padded = column("siret", type="code", pad_to=14, pattern="[0-9]{14}")
    assert judge(padded, ["9.8918678800018E+13"]) == [("98918678800018", None)]
    # Five figures are left of fourteen: no rule can bring the others back.
    assert broken(padded, ["9.8919E+13", "9,8919E+13", "12345"]) == ["pattern"] * 3


def test_widths_are_read_from_the_pattern() -> None:
    assert [width_of(text) for text in (r"\d{9}", "[0-9]{14}", "^[0-9]{14}$", "[0-9]+", None)] == [
        9, 14, 14, 18, 18,
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(DIGITS, min_size=1, max_size=40))
def test_luhn_agrees_with_stdnum(texts: list[str]) -> None:
    valid = pl.DataFrame({"n": texts}).select(luhn_valid(pl.col("n"), Luhn()))["n"].to_list()
    assert valid == [oracle.is_valid(text) for text in texts]


ODD = st.none() | st.sampled_from(["[ND]", "", "+1234567", "732829320", "732829321"])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(ODD | st.text("0123456789 +٣A", min_size=7, max_size=11), min_size=1), st.booleans()
)
def test_what_is_refused_breaks_a_rule_and_is_told_which(
    texts: list[str | None], nullable: bool
) -> None:
    number = column("siren", type="code", pattern="[0-9]{9}", luhn={}, nullable=nullable)
    right = [text for text in texts if text and len(text) == 9 and text.isascii()]
    kept = [text for text, rule in judge(number, texts) if rule is None]
    allowed = [None, "[ND]"] if nullable else []
    assert set(kept) <= {*allowed, *(text for text in right if oracle.is_valid(text))}


@settings(max_examples=60, deadline=None)
@given(st.lists(DIGITS, min_size=1, max_size=40))
def test_completed_numbers_are_valid_and_any_other_last_digit_is_not(bodies: list[str]) -> None:
    texts = [body[:17] + str(digit) for body in bodies for digit in range(10)]
    valid = pl.DataFrame({"n": texts}).select(luhn_valid(pl.col("n"), Luhn()))["n"].to_list()
    assert all(sum(valid[at : at + 10]) == 1 for at in range(0, len(valid), 10))


def test_la_poste_follows_its_own_rule() -> None:
    # Real establishments: the first passes Luhn, the others have a digit sum multiple of 5.
    real = ["35600000000048", "35600000000213", "35600000000240"]
    numbers = [*real, "35600000000219", "55203253400019"]
    frame = pl.DataFrame({"n": numbers})
    by_post, by_luhn = (
        frame.select(luhn_valid(pl.col("n"), rule, width=14))["n"].to_list()
        for rule in (POST, Luhn())
    )
    assert by_post == [True, True, True, False, False]
    assert by_luhn == [True, False, False, False, False]


def test_luhn_refuses_what_is_not_made_of_ascii_digits() -> None:
    texts = ["+18", "-18", "1 8", "", "١٨", "1.8", "0" * 19, None]
    frame = pl.DataFrame({"n": texts}, schema={"n": pl.String})
    assert frame.select(luhn_valid(pl.col("n"), Luhn()))["n"].to_list() == [False] * 7 + [None]
