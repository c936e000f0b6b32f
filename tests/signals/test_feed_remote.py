"""The exports in an object store: whole at any instant, one publisher, nothing left behind."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from object_store import ObjectServer, object_server
from signal_tables import SALE
from signal_world import (
    BUYER,
    LATER,
    OTHER_SALE,
    SELLER,
    account,
    at,
    killed_at,
    match,
    points,
    publish,
    sales,
    tell,
    tree,
)

from opendata import files
from opendata.errors import StateError
from opendata.stores import ConflictError, Store, StoreError
from signals.feed.export import forget_account
from signals.feed.remote import mirror
from signals.log import SignalLog


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectServer]:
    with object_server() as running:
        yield running


@pytest.fixture
def store(server: ObjectServer, request: pytest.FixtureRequest) -> Iterator[Store]:
    server.asked.clear()
    yield server.store(hashlib.sha256(request.node.name.encode()).hexdigest()[:12])
    server.fault = None


def content(store: Store) -> dict[str, str]:
    """Return every object with the digest of its bytes."""
    return {name: hashlib.sha256(read(store, name)).hexdigest() for name in store.names("")}


def read(store: Store, name: str) -> bytes:
    held = store.get(name)
    assert held is not None, name
    return held.body


def check_whole(store: Store, stream: str) -> str | None:
    """Read a stream as a consumer does; return its version, ``None`` if there is none yet."""
    if store.get(f"{stream}/manifest.json") is None:
        return None
    said = json.loads(read(store, f"{stream}/manifest.json"))
    for part in [*said["segments"], *said["resources"]]:
        body = read(store, f"{stream}/{part['path']}")
        assert part["hash"] == f"sha256:{hashlib.sha256(body).hexdigest()}"
        assert part["bytes"] == len(body)
    return str(said["version"])


def version(folder: Path) -> str:
    return str(json.loads((folder / "manifest.json").read_bytes())["version"])


def second(log: SignalLog, out: Path) -> None:
    tell(log, sales({**SALE, "ville": "Ailleurs"}))
    publish(log, out, match("l1", BUYER), match("l3", SELLER), day=LATER)


def test_the_store_holds_what_the_manifests_name_and_nothing_else(
    log: SignalLog, out: Path, tmp_path: Path, store: Store, server: ObjectServer
) -> None:
    publish(log, out, match("l1", BUYER))
    done = mirror(out, store, tmp_path / "notes")
    assert done.streams == ("accounts/acme", "company")
    copies = {path.relative_to(out).as_posix() for path in [*out.glob("company/*.*"),
              *out.glob("accounts/*/*.*")] if path.name != "manifest.json"}  # fmt: skip
    local = {name: digest for name, digest in tree(out).items() if name not in copies}
    found = content(store)
    assert found.pop("publisher.json")
    assert found == local
    for stream in ("company", "accounts/acme"):
        assert check_whole(store, stream) == version(out / stream)
        puts = [path for path in server.puts() if f"/{stream}/" in path]
        assert puts[-1].endswith("/manifest.json")
    conditions = [said for method, _, said in server.asked if method == "PUT"]
    assert all({"HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH"} & one.keys() for one in conditions)


def test_again_asks_little_and_writes_nothing(
    log: SignalLog, out: Path, tmp_path: Path, store: Store, server: ObjectServer
) -> None:
    publish(log, out, match("l1", BUYER))
    mirror(out, store, tmp_path / "notes")
    server.asked.clear()
    notes = tree(tmp_path / "notes")
    done = mirror(out, store, tmp_path / "notes")
    assert (done.streams, done.objects, done.swept) == ((), 0, 0)
    assert {method for method, _, _ in server.asked} == {"GET"}
    assert len(server.asked) == 3  # the owner and two manifests
    assert tree(tmp_path / "notes") == notes


def test_the_version_before_stays_for_who_reads_it_and_no_older_one(
    log: SignalLog, out: Path, tmp_path: Path, store: Store, server: ObjectServer
) -> None:
    publish(log, out, match("l1", BUYER))
    mirror(out, store, tmp_path / "notes")
    first = version(account(out))
    segment = json.loads((account(out) / "manifest.json").read_bytes())["segments"][0]["path"]
    second(log, out)
    server.asked.clear()
    mirror(out, store, tmp_path / "notes")
    assert not any(path.endswith(segment) for path in server.puts())  # only what is new
    assert any(first in name for name in content(store))
    publish(log, out, match("l1", BUYER), day=LATER)
    mirror(out, store, tmp_path / "notes")
    assert not any(first in name for name in content(store))


def test_erasure_and_removed_accounts_reach_the_store(
    log: SignalLog, out: Path, tmp_path: Path, store: Store
) -> None:
    publish(log, out, match("l1", BUYER), match("l2", SELLER, "acme-co"), match("l3", SELLER))
    mirror(out, store, tmp_path / "notes")
    before = content(store)
    log.erase([SELLER], reason="opposition", recorded=at(LATER), run_id="run-2")
    publish(log, out, match("l1", BUYER), match("l2", BUYER, "acme-co"), day=LATER)
    mirror(out, store, tmp_path / "notes")
    manifests = {name for name in before if name.endswith("manifest.json")}
    data = {name for name in before if "/versions/" in name or "/segments/" in name}
    kept = {name for name in data & content(store).keys() if "/acme-co/" not in name}
    assert kept == set()
    forget_account(out, "acme")
    done = mirror(out, store, tmp_path / "notes")
    assert done.removed == ("accounts/acme",)
    assert manifests - content(store).keys() == {"accounts/acme/manifest.json"}
    assert not store.names("accounts/acme")
    assert check_whole(store, "accounts/acme-co") == version(account(out, "acme-co"))


@pytest.mark.parametrize("wrong", ["500", "reset", "lost"])
def test_a_failure_in_the_middle_leaves_what_was_published(
    log: SignalLog, out: Path, tmp_path: Path, store: Store, server: ObjectServer, wrong: str
) -> None:
    publish(log, out, match("l1", BUYER))
    notes = tmp_path / "notes"
    mirror(out, store, notes)
    first = {name: version(out / name) for name in ("company", "accounts/acme")}
    second(log, out)
    last = {name: version(out / name) for name in first}
    failed = 0

    def fail(number: int) -> Any:
        left = iter(range(number))
        return lambda method, _path: (
            None if method == "GET" or next(left, None) is not None else wrong
        )

    for number in range(0, 400, 9):
        server.fault = fail(number)
        try:
            mirror(out, store, notes)
            break
        except ConflictError:
            pytest.fail("a failure of the store is no other publisher")
        except StoreError:
            failed += 1
        finally:
            server.fault = None
        for name in first:
            assert check_whole(store, name) in (first[name], last[name])
    assert failed > 3
    assert {name: check_whole(store, name) for name in first} == last
    kept = content(store)
    mirror(out, store, notes)
    assert content(store) == kept


@pytest.mark.parametrize(
    "many", [False, pytest.param(True, marks=pytest.mark.full)], ids=["each kind", "every fifth"]
)
def test_killed_anywhere_and_run_again_gives_the_same_objects(
    log: SignalLog, out: Path, tmp_path: Path, server: ObjectServer, monkeypatch: Any, many: bool
) -> None:
    publish(log, out, match("l1", BUYER), match("l2", OTHER_SALE["buyer_siren"], "gone"))
    begun = server.store(f"kills-{many}/begun")
    mirror(out, begun, tmp_path / "begun")
    shutil.copytree(out, tmp_path / "first")
    second(log, out)
    forget_account(out, "gone")
    reached = points(lambda: mirror(out, begun, tmp_path / "begun"), monkeypatch)
    assert {name.partition(":")[0] for name in reached} == {
        "store-note", "store-file", "store-manifest", "store-sweep"}  # fmt: skip
    expected = content(begun)
    expected.pop("publisher.json")
    kinds = {point: number for number, point in enumerate(reached)}
    for number in range(0, len(reached), 5) if many else sorted(kinds.values()):
        store, notes = server.store(f"kills-{many}/{number}"), tmp_path / f"notes-{number}"
        mirror(tmp_path / "first", store, notes)
        killed_at(number, lambda s=store, n=notes: mirror(out, s, n), monkeypatch)
        for name in ("company", "accounts/acme", "accounts/gone"):
            check_whole(store, name)
        mirror(out, store, notes)
        found = content(store)
        found.pop("publisher.json")
        assert found == expected, reached[number]


def test_a_second_installation_is_told_and_changes_nothing(
    log: SignalLog, out: Path, tmp_path: Path, store: Store
) -> None:
    publish(log, out, match("l1", BUYER))
    mirror(out, store, tmp_path / "notes")
    before = content(store)
    with pytest.raises(ConflictError, match="another installation") as told:
        mirror(out, store, tmp_path / "other")
    assert "another prefix" in str(told.value)
    assert content(store) == before


def test_of_two_publishers_at_once_one_wins_and_one_explains(
    log: SignalLog, out: Path, tmp_path: Path, store: Store, monkeypatch: Any
) -> None:
    """Two copies of one data folder publish at the same time: the hardest case."""
    publish(log, out, match("l1", BUYER))
    mirror(out, store, tmp_path / "notes")
    shutil.copytree(tmp_path / "notes", tmp_path / "notes-2")
    shutil.copytree(out, tmp_path / "exports-2")
    shutil.copytree(tmp_path / "signals", tmp_path / "signals-2")
    second(log, out)
    twin, theirs = SignalLog(tmp_path / "signals-2"), tmp_path / "exports-2"
    tell(twin, sales({**SALE, "ville": "Autre ville"}))
    publish(twin, theirs, match("l1", BUYER), day=LATER)
    assert version(account(out)) != version(account(theirs))

    def meanwhile(name: str) -> None:
        if name == "store-manifest:before-put":
            monkeypatch.setattr(files, "on_point", lambda _name: None)
            # The other one comes in just before our first manifest, and wins.
            mirror(theirs, store, tmp_path / "notes-2")

    monkeypatch.setattr(files, "on_point", meanwhile)
    for _ in range(2):  # it goes on to lose
        with pytest.raises(ConflictError, match="What to do"):
            mirror(out, store, tmp_path / "notes")
        for name in ("company", "accounts/acme"):
            assert check_whole(store, name) == version(theirs / name)
    assert mirror(theirs, store, tmp_path / "notes-2").objects == 0


def test_a_segment_of_another_publisher_is_never_written_over(
    log: SignalLog, out: Path, tmp_path: Path, store: Store, monkeypatch: Any
) -> None:
    publish(log, out, match("l1", BUYER))
    mirror(out, store, tmp_path / "notes")
    second(log, out)
    segment = json.loads((account(out) / "manifest.json").read_bytes())["segments"][-1]["path"]
    store.create(f"accounts/acme/{segment}", b"of the other", point="test")
    with pytest.raises(ConflictError, match="other bytes"):
        mirror(out, store, tmp_path / "notes")
    assert read(store, f"accounts/acme/{segment}") == b"of the other"


def test_the_manifest_is_put_in_the_place_of_the_one_seen(
    log: SignalLog, out: Path, tmp_path: Path, store: Store, monkeypatch: Any
) -> None:
    publish(log, out, match("l1", BUYER))
    mirror(out, store, tmp_path / "notes")
    second(log, out)

    def meanwhile(name: str) -> None:
        if name == "store-manifest:before-put":
            monkeypatch.setattr(files, "on_point", lambda _name: None)
            held = store.get("accounts/acme/manifest.json")
            store.replace("accounts/acme/manifest.json", b"{}", held, point="test")

    monkeypatch.setattr(files, "on_point", meanwhile)
    with pytest.raises(ConflictError):
        mirror(out, store, tmp_path / "notes")
    assert read(store, "accounts/acme/manifest.json") == b"{}"
    with pytest.raises(ConflictError, match="not put there by this installation"):
        mirror(out, store, tmp_path / "notes")


def test_a_damaged_note_is_an_error_not_a_new_publisher(
    log: SignalLog, out: Path, tmp_path: Path, store: Store
) -> None:
    publish(log, out, match("l1", BUYER))
    mirror(out, store, tmp_path / "notes")
    (note,) = (tmp_path / "notes").iterdir()
    note.write_text("{")
    with pytest.raises(StateError, match="cannot be read"):
        mirror(out, store, tmp_path / "notes")
