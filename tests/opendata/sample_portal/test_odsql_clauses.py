"""The query language: what binds tighter, and that nonsense is refused, never a crash."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendata.sample_portal.odsql import QueryError, where

FIELDS = ("name", "day", "count", "tags", "empty")
RECORD = {"name": "Ville", "day": "2021-01-08", "count": 3, "tags": ["a", "b"], "empty": None}


@pytest.mark.parametrize(
    ("clause", "holds"),
    [
        ("count = 3 or count = 4 and count = 5", True),
        ("(count = 3 or count = 4) and count = 5", False),
        ("not count = 4 and count = 3", True),
        ("not (count = 4 or count = 3)", False),
        ("NOT count = 4 AND day < date'2021-01-09'", True),
        ("day >= date'2021-01-08' and day <= date\"2021-01-08\"", True),
        ("day > date'2021-01-08'", False),
        ("tags = 'b'", True),
        ("tags in ('x', 'b')", True),
        ("tags in ('x')", False),
        ("name like 'vil*'", True),
        ("name like 'vil'", False),
        # "%" is no wildcard here: a filter written for SQL matches nothing, without error.
        ("name like 'vil%'", False),
        ("`name` = 'Ville'", True),
        ("name = 'ville'", False),
        ("count > 2.5", True),
        ("count <> 3", False),
        ("empty is null", True),
        ("name is not null", True),
        # A null satisfies no comparison.
        ("empty = 1", False),
        ("empty != 1", False),
    ],
)
def test_a_clause_means(clause: str, holds: bool) -> None:
    assert where(clause, FIELDS)(RECORD) is holds


@pytest.mark.parametrize(
    "clause", ["", "name", "name =", "= 3", "name = 'a", "name in 'a'", "name in ('a'", "and", "()"]
)
def test_an_incomplete_clause_is_refused(clause: str) -> None:
    with pytest.raises(QueryError) as refused:
        where(clause, FIELDS)
    assert refused.value.code == "ODSQLSyntaxError"


WORDS = (
    "name day other and or not in like is null ( ) , = < 'a' \"b\" date'2021-01-01' 3 -1.5 ? ' é"
)


@given(st.lists(st.sampled_from(WORDS.split()), max_size=12).map(" ".join))
def test_any_text_is_a_test_or_a_refusal(clause: str) -> None:
    outcome: object
    try:
        outcome = where(clause, FIELDS)(RECORD)
    except QueryError as refused:
        outcome = refused.code
    assert outcome in (True, False, "ODSQLSyntaxError", "ODSQLError")
