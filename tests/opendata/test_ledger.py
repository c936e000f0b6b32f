"""A record that nobody changes unnoticed, and that a kill leaves whole."""

from __future__ import annotations

import datetime as dt
import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from interrupted import Killed, killed_reaching

from opendata.errors import StateError
from opendata.ledger import Ledger

KEY = b"k" * 32
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "record.jsonl", KEY)
    for number in range(3):
        ledger.append("said", {"n": number}, NOW)
    return ledger


def again(ledger: Ledger, key: bytes = KEY) -> Ledger:
    return Ledger(ledger.path, key)


def test_entries_come_back_in_order_under_the_owners_eyes_only(ledger: Ledger) -> None:
    assert [(one.number, one.facts["n"]) for one in again(ledger).entries()] == [
        (1, 0),
        (2, 1),
        (3, 2),
    ]
    assert stat.S_IMODE(ledger.path.stat().st_mode) == 0o600


def changed(lines: list[str]) -> list[str]:
    return [lines[0], lines[1].replace('"n": 1', '"n": 7'), lines[2]]


def renumbered(lines: list[str]) -> list[str]:
    last = json.loads(lines[2])
    return [lines[0], json.dumps({**last, "number": 2}) + "\n"]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (changed, "line 2 does not follow"),
        (lambda lines: lines[1:], "line 1 does not follow"),
        (lambda lines: [lines[0], lines[2]], "line 2 does not follow"),
        (renumbered, "line 2 does not follow"),
        (lambda lines: [lines[1], lines[0], lines[2]], "line 1 does not follow"),
        (lambda lines: lines[:2], "had 3 entries and has 2"),
        (lambda lines: [*lines, "{}\n"], "line 4 is not an entry"),
        (lambda lines: [*lines, lines[2]], "line 4 does not follow"),
        (lambda lines: [], "had 3 entries and has 0"),
    ],
)
def test_whatever_is_changed_removed_or_added_is_found(
    ledger: Ledger, harm: Callable[[list[str]], list[str]], said: str
) -> None:
    lines = ledger.path.read_text().splitlines(keepends=True)
    ledger.path.write_text("".join(harm(lines)))
    with pytest.raises(StateError, match=said):
        again(ledger).entries()


def test_a_removed_file_and_a_removed_note_are_found(ledger: Ledger) -> None:
    note = ledger.path.with_suffix(".head.json")
    kept = note.read_bytes()
    note.unlink()
    with pytest.raises(StateError, match="note of its length is missing"):
        again(ledger).entries()
    note.write_bytes(kept)
    ledger.path.unlink()
    with pytest.raises(StateError, match="had 3 entries and has 0"):
        again(ledger).entries()


def test_without_the_key_nothing_can_be_forged(ledger: Ledger) -> None:
    with pytest.raises(StateError, match="line 1 does not follow"):
        again(ledger, b"another key").entries()


POINTS = ("ledger:before-append", "ledger:after-append", "ledger-head:before-rename")


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_leaves_the_record_whole(ledger: Ledger, point: str) -> None:
    with killed_reaching(point), pytest.raises(Killed):
        ledger.append("said", {"n": 3}, NOW)
    kept = [one.facts["n"] for one in again(ledger).entries()]
    assert kept in ([0, 1, 2], [0, 1, 2, 3])
    again(ledger).append("said", {"n": 4}, NOW)
    assert [one.facts["n"] for one in again(ledger).entries()] == [*kept, 4]


def test_a_line_cut_short_was_never_said_and_is_replaced(ledger: Ledger) -> None:
    with ledger.path.open("ab") as stream:
        stream.write(b'{"number": 4, "at"')
    assert len(again(ledger).entries()) == 3
    again(ledger).append("said", {"n": 4}, NOW)
    assert [one.facts["n"] for one in again(ledger).entries()] == [0, 1, 2, 4]


def test_no_file_is_no_entry(tmp_path: Path) -> None:
    assert Ledger(tmp_path / "none.jsonl", KEY).entries() == ()
