"""A record that nobody changes unnoticed, and that a kill leaves whole."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
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


def test_another_key_is_told_as_such_and_nothing_can_be_forged_with_it(ledger: Ledger) -> None:
    with pytest.raises(StateError, match="under another key"):
        again(ledger, b"another key").entries()
    # Without the note that tells the keys apart, the chain itself refuses it.
    ledger.path.with_suffix(".head.json").unlink()
    with pytest.raises(StateError, match="line 1 does not follow"):
        again(ledger, b"another key").entries()


def shortened(ledger: Ledger, **note: object) -> None:
    """Cut the last entry off and write what the note would say then, as anybody can."""
    lines = ledger.path.read_text().splitlines(keepends=True)[:2]
    ledger.path.write_text("".join(lines))
    head = ledger.path.with_suffix(".head.json")
    said = {**json.loads(head.read_bytes()), "entries": 2, "hash": json.loads(lines[1])["hash"]}
    head.write_text(json.dumps({name: value for name, value in {**said, **note}.items() if value}))


def test_an_entry_cut_off_together_with_its_note_is_found(ledger: Ledger) -> None:
    shortened(ledger)
    with pytest.raises(StateError, match="note of its length is not the one"):
        again(ledger).entries()


def test_a_note_stripped_of_its_signature_is_found(ledger: Ledger) -> None:
    shortened(ledger, signature="", key="")
    with pytest.raises(StateError, match="note of its length is not the one"):
        again(ledger).entries()


def test_a_first_entry_alone_needs_its_note_too(ledger: Ledger) -> None:
    ledger.path.write_text(ledger.path.read_text().splitlines(keepends=True)[0])
    ledger.path.with_suffix(".head.json").unlink()
    with pytest.raises(StateError, match="note of its length is missing"):
        again(ledger).entries()


def test_a_record_of_the_first_release_is_read_and_goes_on(tmp_path: Path) -> None:
    """Its entries had no form and its note no signature."""
    path, previous, lines = tmp_path / "record.jsonl", "", []
    for number in (1, 2):
        body = {"number": number, "at": NOW.isoformat(), "kind": "said", "facts": {"n": number}}
        text = json.dumps([previous, body], sort_keys=True, ensure_ascii=False)
        hashed = hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()
        lines.append(json.dumps({**body, "previous": previous, "hash": hashed}) + "\n")
        previous = hashed
    path.write_text("".join(lines))
    path.with_suffix(".head.json").write_text(json.dumps({"entries": 2, "hash": previous}))
    assert [one.facts["n"] for one in Ledger(path, KEY).entries()] == [1, 2]
    Ledger(path, KEY).append("said", {"n": 3}, NOW)
    assert [one.facts["n"] for one in Ledger(path, KEY).entries()] == [1, 2, 3]


def test_under_a_new_key_entries_keep_what_they_say_and_their_names(
    ledger: Ledger, tmp_path: Path
) -> None:
    before = ledger.entries()
    second = ledger.written_anew(tmp_path / "second.jsonl", b"second", lambda _, said: said)
    third = second.written_anew(
        tmp_path / "third.jsonl", b"third", lambda _, said: {"n": said["n"] + 10}
    )
    for other in (second, third):
        found = again(other, b"second" if other is second else b"third").entries()
        assert [one.id for one in found] == [one.id for one in before]
        assert [one.first for one in found] == [one.hash for one in before]
        assert not {one.hash for one in found} & {one.hash for one in before}
    assert [one.facts["n"] for one in third.entries()] == [10, 11, 12]
    # The hash of an entry that somebody noted elsewhere cannot be put in by whoever has the file.
    text = third.path.read_text()
    third.path.write_text(text.replace(before[1].hash, "0" * 64))
    with pytest.raises(StateError, match="line 2 does not follow"):
        again(third, b"third").entries()
    with pytest.raises(StateError, match="under another key"):
        again(second).entries()


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
