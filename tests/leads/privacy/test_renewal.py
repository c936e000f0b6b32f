"""The key of the record renewed: whoever is on it is known, and the former key knows nobody."""

from __future__ import annotations

import datetime as dt
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import polars as pl
import pytest

from leads import keys
from leads.model import SCHEMA
from leads.privacy.facts import Keys
from leads.privacy.receipts import PlaceReport, Receipt, read_receipt, receipts, write_receipt
from leads.privacy.renewal import renew, settle
from leads.privacy.suppressions import Action, Suppressions
from opendata import files
from opendata.errors import SettingsError, StateError

FIRST, SECOND, THIRD = "5a" * 32, "c3" * 32, "e1" * 32
TWO, THREE = f"{FIRST},{SECOND}", f"{FIRST},{SECOND},{THIRD}"
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
TODAY, MAY = dt.date(2026, 11, 23), dt.date(2026, 5, 1)
SIREN, SIRET = "552032534", "55203253400646"


def opened(folder: Path, key: str) -> Suppressions:
    return Suppressions(folder / "privacy", lambda: keys.parts_of(key))


def subjects(known: Keys) -> dict[str, tuple[Action, str]]:
    """Return kind → what was asked, and the hash of whom it is about."""
    return {
        "account": ("erase", known.account("acme")),
        "lead": ("erase", known.lead("globex", "1")),
        "email": ("object", known.email("ann@exemple.fr")),
        "phone": ("restrict", known.phone("0612345678")),
        "person": ("object", f"{known.unit(SIREN):016x}"),
    }


def hidden(known: Keys) -> dict[str, list[int]]:
    site = pl.select(known.sites(pl.lit(SIRET))).item()
    return {"natural": [known.unit("005410949"), known.unit(SIREN)], "natural_sites": [site]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A record with a request of every kind, one lifted, a change of diffusion, receipts."""
    folder = tmp_path / "data"
    path = folder / "keys" / keys.RECORD_FILE
    path.parent.mkdir(parents=True, mode=0o700)
    files.write_bytes(path, FIRST.encode(), point="key", private=True)
    record = opened(folder, FIRST)
    for kind, (action, tag) in subjects(record.keys()).items():
        request = record.request(action, kind, tag, asked_on=TODAY, at=NOW)
        write_receipt(record, receipt(request.id, action, kind, tag))
        record.done(request, NOW)
    gone = record.keys().email("back@exemple.fr")
    record.request("object", "email", gone, asked_on=TODAY, at=NOW)
    record.lift("email", gone, NOW)
    entry = record.hide(hidden(record.keys()), MAY, NOW)
    assert entry is not None
    write_receipt(record, receipt(entry, "diffusion", "person", "2 natural, 0 legal"))
    record.audit.append("erase", {"request": "some"}, NOW)
    return folder


def receipt(request: str, action: str, kind: str, tag: str) -> Receipt:
    places = (PlaceReport(place="leads", rows=1),)
    return Receipt(request=request, action=action, subject=kind, tag=tag, places=places,
                   asked_on=TODAY.isoformat(), done_at=NOW)  # fmt: skip


def whole(folder: Path, key: str) -> bool:
    """Return whether the record is under ``key``, and knows everybody it knew."""
    record = opened(folder, key)
    try:
        record.entries()
    except StateError:
        return False
    for kind, (action, tag) in subjects(record.keys()).items():
        request = record.find(action, kind, tag)  # type: ignore[arg-type]
        assert request is not None, kind
        assert request.done_at == NOW
        proof = read_receipt(record, folder / "privacy" / "receipts" / f"{request.id}.json")
        assert proof.tag == tag
    known = record.facts()
    assert set(known.natural) == set(hidden(record.keys())["natural"])
    assert set(known.natural_sites) == set(hidden(record.keys())["natural_sites"])
    assert known.emails == {record.keys().email("ann@exemple.fr")}, "who was lifted stays lifted"
    assert len([read_receipt(record, path) for path in receipts(record)]) == 6
    assert record.audit.entries()[0].kind == "erase"
    return True


def test_everybody_on_record_is_known_under_the_whole_key_and_no_part_alone_opens_it(
    folder: Path,
) -> None:
    before = opened(folder, FIRST).entries()
    done = renew(folder, TWO, NOW, key_file=True)
    assert done is not None
    assert (done.entries, done.receipts) == (len(before), 6)
    assert whole(folder, TWO)
    for other in (FIRST, SECOND, f"{SECOND},{FIRST}", THIRD):
        assert not whole(folder, other)
    # Requests keep their names and their days; nobody is put on record again.
    record = opened(folder, TWO)
    assert [one.id for one in record.entries()] == [one.id for one in before]
    assert record.hide(hidden(record.keys()), MAY, NOW) is None
    said = record.audit.entries()[-1]
    assert (said.kind, said.facts["files"]) == ("rotation", ["privacy"])
    for path in folder.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 or path.name == ".lock", path.name


def test_who_holds_the_former_key_learns_nothing_from_the_record(folder: Path) -> None:
    """Every hash that this key alone gives was there before, and is in no file after."""
    former = opened(folder, FIRST).keys()
    tags = [tag for _, tag in subjects(former).values()]
    tags += [f"{one:016x}" for found in hidden(former).values() for one in found]

    def shown() -> list[str]:
        content = b"".join(p.read_bytes() for p in (folder / "privacy").rglob("*") if p.is_file())
        return [tag for tag in tags if tag.encode() in content]

    assert shown() == tags, "the search finds what is there"
    renew(folder, TWO, NOW)
    assert shown() == []


def test_leads_and_tables_are_screened_as_before(folder: Path) -> None:
    row = {"account_id": "other", "lead_id": "7", "contact_email": "Ann <ann@exemple.fr>"}
    sole = {"account_id": "other", "lead_id": "8", "siret": SIRET}
    nobody = {"account_id": "other", "lead_id": "9", "contact_email": "bob@exemple.fr"}
    leads = pl.DataFrame([row, sole, nobody], schema=SCHEMA)
    for key in (FIRST, TWO, THREE):
        renew(folder, key, NOW)
        record = opened(folder, key)
        assert record.keys().concerned(leads, record.facts()).to_list() == [True, True, False]


def test_twice_renewed_is_the_same_as_by_two_parts_at_once(folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "other")
    renew(folder, TWO, NOW)
    renew(folder, THREE, NOW)
    renew(other, THREE, NOW)
    assert whole(folder, THREE)
    assert opened(folder, THREE).entries() == opened(other, THREE).entries()
    assert renew(folder, THREE, NOW) is None, "there is nothing left to do"


def test_a_record_under_none_of_the_parts_and_a_damaged_one_are_refused(folder: Path) -> None:
    with pytest.raises(StateError, match="under another key"):
        renew(folder, f"{SECOND},{THIRD}", NOW)
    path = folder / "privacy" / "suppressions.jsonl"
    path.write_text(path.read_text().replace('"erase"', '"object"', 1))
    with pytest.raises(StateError):
        renew(folder, TWO, NOW)
    assert not (folder / "privacy" / ".next").exists()


def test_a_changed_receipt_is_not_signed_again(folder: Path) -> None:
    path = receipts(opened(folder, FIRST))[0]
    path.write_text(path.read_text().replace('"rows": 1', '"rows": 0'))
    with pytest.raises(StateError, match="signature"):
        renew(folder, TWO, NOW)
    settle(folder)
    assert opened(folder, FIRST).entries(), "what was there is unchanged"


def test_a_signature_of_before_is_still_known_and_no_other(folder: Path) -> None:
    """Lists of backups lie elsewhere: they are not signed again."""
    made = opened(folder, FIRST).sign(b"a list")
    renewed = opened(folder, TWO)
    assert renewed.signed(b"a list", made)
    assert renewed.signed(b"a list", renewed.sign(b"a list"))
    assert not renewed.signed(b"another list", made)
    assert not opened(folder, SECOND).signed(b"a list", made)


class Killed(BaseException):
    """The process ends here."""


@contextmanager
def killed_at(number: int) -> Iterator[list[str]]:
    passed: list[str] = []

    def stop(point: str) -> None:
        passed.append(point)
        if len(passed) - 1 == number:
            raise Killed

    before, files.on_point = files.on_point, stop
    try:
        yield passed
    finally:
        files.on_point = before


def _key_of(folder: Path) -> str:
    """Return the key as the next command finds it."""
    settle(folder)
    return keys.load(folder / "keys" / keys.RECORD_FILE, {}, variable=keys.RECORD_VARIABLE)


def _killed(folder: Path, number: int, *, key_file: bool) -> tuple[list[str], bool]:
    """Kill a renewal, look at what the next command finds, and finish it.

    Returns:
        The points passed, and whether the record was under the new key already.
    """
    with killed_at(number) as passed, suppress(Killed):
        renew(folder, TWO, NOW, key_file=key_file)
    key = _key_of(folder) if key_file else TWO
    settle(folder)
    # From outside, a key that has the new part already waits for the command to run again.
    assert whole(folder, key) or (not key_file and whole(folder, FIRST)), passed[-1]
    changed = whole(folder, TWO)
    renew(folder, TWO, NOW, key_file=key_file)
    assert whole(folder, TWO), passed[-1]
    assert not [*folder.rglob("*.next"), *folder.rglob(".*.next"), *folder.rglob("ready.json")]
    return passed, changed


POINTS = {
    "ledger-anew:before-rename": False,
    "renewal-ready:before-rename": False,
    "renewal-ready:after-rename": True,
    "renewal-key-file:after-rename": True,
    "renewal-file:after-rename": True,
    "renewal:settled": True,
}


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_the_change_the_next_command_finds_one_whole_record(
    folder: Path, tmp_path: Path, point: str
) -> None:
    with killed_at(10**9) as every:
        renew(shutil.copytree(folder, tmp_path / "whole"), TWO, NOW, key_file=True)
    _, changed = _killed(folder, every.index(point), key_file=True)
    assert changed is POINTS[point]


@pytest.mark.full
@pytest.mark.parametrize("key_file", [True, False], ids=["key in a file", "key from outside"])
def test_killed_anywhere_the_next_command_finds_one_whole_record(
    folder: Path, tmp_path: Path, *, key_file: bool
) -> None:
    renewed = 0
    for number in range(500):
        here = shutil.copytree(folder, tmp_path / f"killed-{number}")
        passed, changed = _killed(here, number, key_file=key_file)
        if len(passed) <= number:
            break
        renewed += changed
        shutil.rmtree(here)
    assert 10 < renewed < number - 10, "both sides of the change were looked at"


def test_parts_of_a_key_come_from_wherever_a_key_may(tmp_path: Path) -> None:
    path = tmp_path / keys.RECORD_FILE
    files.write_bytes(path, f"{FIRST}\n{SECOND}\n".encode(), point="key", private=True)
    command = {keys.COMMANDS[keys.RECORD_VARIABLE]: f"printf '{FIRST}\\n{SECOND}'"}
    for environment in ({}, command, {keys.RECORD_VARIABLE: f"{FIRST}, {SECOND.upper()}"}):
        assert keys.load(path, environment, variable=keys.RECORD_VARIABLE) == TWO
    with pytest.raises(SettingsError, match="64 hexadecimal") as caught:
        keys.load(path, {keys.RECORD_VARIABLE: f"{FIRST},abc"}, variable=keys.RECORD_VARIABLE)
    assert FIRST not in str(caught.value)
    with pytest.raises(SettingsError, match="twice"):
        keys.load(path, {keys.RECORD_VARIABLE: f"{FIRST},{FIRST}"}, variable=keys.RECORD_VARIABLE)
    # The key of the leads has one part.
    with pytest.raises(SettingsError, match="64 hexadecimal"):
        keys.load(path, {keys.VARIABLE: TWO})
