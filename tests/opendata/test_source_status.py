"""OK, STALE or GAP: what a reader may believe of each source."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from descriptions import dataset

from opendata.clock import Clock
from opendata.errors import StateError
from opendata.ingest import noted
from opendata.source_status import (
    SCHEMA,
    Attempt,
    judge,
    last_attempt,
    record_failure,
    record_success,
    source_status,
)

ESSAI = dataset()  # monthly: a warning after 35 days, a failure after 70
DAY = date(2026, 10, 1)
NOON = Clock.at(DAY)


def later(days: int) -> Clock:
    return Clock.at(DAY + timedelta(days=days))


@pytest.mark.parametrize(
    ("days", "state"), [(0, "OK"), (35, "OK"), (36, "STALE"), (70, "STALE"), (71, "GAP")]
)
def test_silence_becomes_a_warning_then_a_gap(tmp_path: Path, days: int, state: str):
    record_success(tmp_path, "essai", DAY, NOON)
    found, _ = judge(ESSAI, last_attempt(tmp_path, "essai"), later(days).today())
    assert found == state


def test_a_publisher_that_stands_still_is_stale_though_it_is_asked_each_day(tmp_path: Path):
    record_success(tmp_path, "essai", DAY, later(40))
    attempt = last_attempt(tmp_path, "essai")
    assert judge(ESSAI, attempt, later(40).today())[0] == "STALE"


def test_days_are_those_of_paris():
    # 23:30 UTC on 30 September is 1 October in Paris.
    asked = datetime(2026, 9, 30, 23, 30, tzinfo=UTC)
    attempt = Attempt(attempted_at=asked, succeeded_at=asked, publication_date=DAY)
    assert judge(ESSAI, attempt, DAY) == ("OK", "as fresh as its publisher")


def test_a_failure_is_a_gap_and_keeps_what_was_known(tmp_path: Path):
    record_success(tmp_path, "essai", DAY, NOON)
    record_failure(tmp_path, "essai", "the portal is down", later(1))
    frame = source_status({"essai": ESSAI}, tmp_path, later(1))
    assert frame.schema == SCHEMA
    assert frame.row(0) == ("essai", "GAP", DAY, DAY, "the portal is down")
    attempt = last_attempt(tmp_path, "essai")
    assert attempt is not None
    assert attempt.attempted_at == later(1).now()
    record_success(tmp_path, "essai", DAY, later(2))
    assert judge(ESSAI, last_attempt(tmp_path, "essai"), later(2).today())[0] == "OK"


def test_what_was_never_loaded_is_a_gap(tmp_path: Path):
    assert judge(ESSAI, None, DAY) == ("GAP", "never loaded")
    record_failure(tmp_path, "essai", "first try failed", NOON)
    assert judge(ESSAI, last_attempt(tmp_path, "essai"), DAY) == ("GAP", "first try failed")


def test_an_unforeseen_error_is_noted_by_its_kind_only(tmp_path: Path):
    with pytest.raises(ValueError, match="Jean Dupont"), noted("essai", tmp_path, NOON):
        raise ValueError("cannot read 'Jean Dupont'")
    attempt = last_attempt(tmp_path, "essai")
    assert attempt is not None
    assert attempt.error == "unforeseen ValueError"


def test_a_damaged_note_is_an_error_to_readers(tmp_path: Path):
    record_success(tmp_path, "essai", DAY, NOON)
    (tmp_path / "state" / "attempts" / "essai.json").write_text("{}")
    with pytest.raises(StateError, match=r"essai\.json"):
        last_attempt(tmp_path, "essai")
