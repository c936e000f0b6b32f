"""Renewing the key: everything under the new one, nothing lost wherever it is killed."""

from __future__ import annotations

import shutil
import stat
from contextlib import suppress
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from interrupted import Killed, killed_at, killed_reaching

from leads import keys
from leads.labels import LABEL_SCHEMA, LabelStore
from leads.model import SCHEMA
from leads.rotation import DATABASES, rotate, settle
from leads.store import LeadStore
from opendata import files
from opendata.errors import SettingsError
from opendata.lock import one_writer

OLD, NEW = "5a" * 32, "c3" * 32
DAY = date(2026, 11, 23)


def lead(number: str) -> pl.DataFrame:
    row = {"lead_id": number, "account_id": "acme", "company_name": f"Xylophone {number}"}
    return pl.DataFrame([row], schema=SCHEMA)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    store = leads(folder, OLD)
    store.upsert(pl.concat([lead("1"), lead("2")]), on=DAY)
    store.correct("acme", "2", {"city": "Nantes"}, DAY)
    answer = {"account_id": "acme", "key": "k", "siren": "", "says": "no", "lead_id": "1",
              "text": "{}", "answered_at": DAY, "applied": False}  # fmt: skip
    answers(folder, OLD).put(pl.DataFrame([answer], schema=LABEL_SCHEMA))
    path = folder / "keys" / "lead.key"
    path.parent.mkdir(mode=0o700)
    files.write_bytes(path, OLD.encode(), point="key", private=True)
    return folder


def leads(folder: Path, key: str) -> LeadStore:
    return LeadStore(folder / "leads.duckdb", key, temporary=folder / "tmp")


def answers(folder: Path, key: str) -> LabelStore:
    return LabelStore(folder / "labels.duckdb", key, temporary=folder / "tmp")


def whole(folder: Path, key: str) -> bool:
    """Return whether ``key`` opens every file, and all is in it."""
    try:
        settle(folder, key)
        found = leads(folder, key).leads()["city"].to_list()
        said = answers(folder, key).labels()["says"].to_list()
    except SettingsError:
        return False
    assert (found, said) == ([None, "Nantes"], ["no"])
    return True


def renew(folder: Path) -> tuple[str, ...]:
    with one_writer(folder):
        settle(folder, keys.read(folder / "keys" / "lead.key"))
        return rotate(folder, keys.read(folder / "keys" / "lead.key"), NEW)


def test_every_file_is_under_the_new_key_and_none_under_the_old(folder: Path) -> None:
    assert renew(folder) == DATABASES
    assert whole(folder, NEW)
    assert not whole(folder, OLD)
    assert keys.read(folder / "keys" / "lead.key") == NEW
    left = {path.name for path in folder.rglob("*") if path.is_file()}
    assert left == {*DATABASES, "lead.key", ".lock"}
    for name in (*DATABASES, "keys/lead.key"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_what_is_under_the_new_key_is_still_a_store(folder: Path) -> None:
    """Keys of tables and corrections survive: a lead that comes again replaces itself."""
    renew(folder)
    changes = leads(folder, NEW).upsert(pl.concat([lead("2"), lead("3")]), on=DAY)
    assert (changes.unchanged, changes.added["lead_id"].to_list()) == (1, ["3"])
    assert leads(folder, NEW).leads()["city"].to_list() == [None, "Nantes", None]


def test_the_same_key_and_a_wrong_one_are_refused(folder: Path) -> None:
    with pytest.raises(SettingsError, match="is the old one"):
        rotate(folder, OLD, OLD)
    with pytest.raises(SettingsError, match="does not open"):
        rotate(folder, "00" * 32, NEW)
    assert whole(folder, OLD)


@pytest.mark.full
def test_killed_anywhere_one_key_opens_all_and_the_next_run_finishes(
    folder: Path, tmp_path: Path
) -> None:
    either = 0
    for number in range(100):
        here = tmp_path / f"killed-{number}"
        shutil.copytree(folder, here)
        with killed_at(number) as passed, suppress(Killed):
            renew(here)
        if len(passed) <= number:
            break
        copies = []
        for key in (OLD, NEW):
            copy = tmp_path / f"copy-{number}-{key[:2]}"
            shutil.copytree(here, copy)
            copies.append(whole(copy, key))
        assert any(copies), passed[-1]
        either += all(copies)
        if keys.read(here / "keys" / "lead.key") == OLD:
            renew(here)
        assert whole(here, NEW), passed[-1]
        assert not [*here.rglob("*.next"), *here.rglob("*.previous"), *here.rglob("rotation.json")]
        for one in tmp_path.glob("*-*"):
            shutil.rmtree(one)
    assert number > 15
    assert either >= 5, "between the change and its end both keys lead to a whole state"


@pytest.mark.full
def test_killed_while_undone_the_old_key_still_opens_all(folder: Path, tmp_path: Path) -> None:
    with killed_at(10**9) as every:
        copy = shutil.copytree(folder, tmp_path / "whole")
        renew(copy)
    at = every.index("rotation-file:after-rename")
    with killed_at(at), pytest.raises(Killed):
        renew(folder)
    for number in range(20):
        here = shutil.copytree(folder, tmp_path / f"undone-{number}")
        with killed_at(number) as passed, suppress(Killed):
            settle(here, OLD)
        assert whole(here, OLD) or whole(here, NEW), passed[-1]
        if len(passed) <= number:
            break
    assert number > 3


@pytest.mark.parametrize("key", [OLD, NEW])
def test_killed_between_two_files_either_key_leads_to_a_whole_folder(
    folder: Path, key: str
) -> None:
    with killed_reaching("rotation-file:after-rename"), pytest.raises(Killed):
        renew(folder)
    assert whole(folder, key)
    assert not whole(folder, NEW if key == OLD else OLD)


def test_a_key_comes_from_a_command_without_a_shell(tmp_path: Path) -> None:
    path = tmp_path / "lead.key"
    asked = {"SIGNALS_KEY_COMMAND": f"echo {NEW}"}
    assert keys.load(path, asked) == NEW
    assert keys.load(path, {**asked, keys.VARIABLE: OLD}) == OLD, "the variable wins"
    assert not path.exists()
    with pytest.raises(SettingsError, match="64 hexadecimal"):
        keys.load(path, {"SIGNALS_KEY_COMMAND": f"echo {NEW}; echo"})


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("false", "ended with code 1"),
        ("/nonexistent/kms get", "could not be run"),
        ("unclosed 'quote", "could not be run"),
        (f"sh -c 'echo {OLD} >&2; exit 3'", "ended with code 3"),
    ],
)
def test_a_command_that_fails_is_told_without_what_it_said(
    tmp_path: Path, command: str, said: str
) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        keys.load(tmp_path / "lead.key", {"SIGNALS_KEY_COMMAND": command})
    assert OLD not in str(caught.value)
    assert command not in str(caught.value)
    assert not (tmp_path / "lead.key").exists()


def test_where_a_key_is_required_none_is_made_nor_read_beside_the_data(tmp_path: Path) -> None:
    path = tmp_path / "lead.key"
    required = {keys.REQUIRED: "1"}
    with pytest.raises(SettingsError, match="wants a key from outside"):
        keys.load(path, required)
    assert not path.exists()
    keys.generate(path)
    with pytest.raises(SettingsError, match="wants a key from outside"):
        keys.load(path, required)
    assert keys.load(path, {**required, keys.VARIABLE: OLD}) == OLD


def test_a_fingerprint_tells_keys_apart_and_is_none(tmp_path: Path) -> None:
    assert keys.fingerprint(OLD) != keys.fingerprint(NEW)
    assert keys.fingerprint(OLD) not in OLD
