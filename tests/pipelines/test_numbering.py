"""After a restore no number is given twice, whatever was lost and wherever consumers are."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from interrupted import Killed, killed_reaching
from object_store import KEYS, object_server

from assets.workspace import Workspace
from opendata.clock import Clock
from opendata.stores import ConflictError, Store, StoreAddress
from pipelines.backup import backup
from pipelines.backup_places import Folder
from pipelines.restore import restore
from signals.feed import manifest
from signals.feed.fixtures import World
from signals.feed.remote import adopt, mirror
from signals.reader import Feed, State, catch_up, tasks
from signals.reader.work import Rule
from signals.segments import read_segments

LEADS = 40
#: No help from the clock: what is known must do.
STOPPED = Clock.at(date(1969, 1, 1))
TODAY = Clock.at(date(2026, 11, 23))
STREAMS = ("company", "accounts/essai")
RULE = Rule(selling=False)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path / "data")
    world.tell(range(4))
    world.publish(LEADS)
    return world


@pytest.fixture
def place(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "vault")


def streams(world: World) -> list[Path]:
    exports = world.folder / "exports"
    found = sorted(path.parent for path in exports.rglob(manifest.NAME))
    assert len(found) == len(STREAMS)
    return found


def last(folder: Path) -> int:
    return int(manifest.read(folder).max_sequence)


def rows(folder: Path) -> pl.DataFrame:
    return read_segments(folder, manifest.read(folder).segments)


def lose(world: World, *, all_of_it: bool = True) -> None:
    """Lose the disk, but for the keys, which are kept elsewhere; or damage what tells numbers."""
    if not all_of_it:
        (world.folder / "signals" / "log.json").write_text("{")
        stray = world.folder / "exports" / "accounts" / "stray"
        stray.mkdir()
        (stray / manifest.NAME).write_text(
            '{"segments": [], "max_sequence": "x", "version": "", "previous_version": null, '
            '"resources": []}'
        )
        return
    for path in world.folder.iterdir():
        if path.is_dir() and path.name != "keys":
            shutil.rmtree(path)


class Consumer:
    """Reads one stream with the reader as it is shipped; notes which tasks it was given."""

    def __init__(self, stream: Path, home: Path) -> None:
        self.stream, self.path = stream, home / f"{stream.name}-{id(self)}.db"
        self.given: list[tuple[str, str]] = []

    def read(self) -> None:
        with State(self.path) as state:
            found = tasks(Feed.at(self.stream), state, RULE)
            self.given += [(one.kind, one.signalid) for one in found]

    @property
    def cursor(self) -> int:
        with State(self.path) as state:
            return int(state.cursor)

    def agrees(self) -> None:
        """Assert that what is held is what the stream says stands."""
        with State(self.path) as state:
            said = catch_up(Feed.at(self.stream), state)
            created = f"{said.created:%Y-%m-%dT%H:%M:%SZ}"
            held = {row["id"] for row in state.standing() if row["expirytime"] > created}
        standing = pl.read_parquet(self.stream / "signals_current.parquet")
        assert standing.height
        assert held == set(standing["id"])


@pytest.mark.parametrize(
    ("lost", "clock"), [("nothing", STOPPED), ("the log's note", STOPPED), ("all", TODAY)]
)
def test_every_consumer_ends_with_what_stands_and_no_task_comes_twice(
    world: World, place: Folder, tmp_path: Path, lost: str, clock: Clock
) -> None:
    workspace = Workspace(world.folder, clock)
    before, at, beyond = (
        [Consumer(one, tmp_path) for one in streams(world)] for _ in ("before", "at", "beyond")
    )
    fresh = [Consumer(one, tmp_path) for one in streams(world)]
    for one in (*before, *at, *beyond):
        one.read()
    world.tell(range(4, 8))
    world.retract(1)
    world.publish(LEADS)
    for one in (*at, *beyond):
        one.read()
    backup(workspace, place)
    day = world.day
    world.tell(range(8, 12))
    world.erase(2)
    world.publish(LEADS)
    for one in beyond:
        one.read()
    given = {one: last(one) for one in streams(world)}
    assert [one.cursor for one in beyond] == list(given.values())

    if lost != "nothing":
        lose(world, all_of_it=lost == "all")
    restore(replace(workspace), place)
    # The same events are detected again, and more of others than there were numbers between.
    world.day = day
    world.tell(range(8, 12))
    world.erase(2)
    world.tell(range(12, 30))
    world.publish(LEADS)
    for folder, highest in given.items():
        said = json.loads((folder / manifest.NAME).read_bytes())
        assert int(said["min_sequence"]) > highest + 1, "a cursor at the last number goes on"
        numbers = rows(folder)["sequence"].cast(pl.Int64).to_list()
        assert numbers == list(range(int(said["min_sequence"]), int(said["max_sequence"]) + 1))
        assert len(numbers) > highest, "enough for numbers to meet, were they given again"
    for one in (*before, *at, *beyond, *fresh):
        one.read()
        one.agrees()
        starts = [signalid for kind, signalid in one.given if kind == "start"]
        assert len(starts) == len(set(starts)), "a task was given twice"
    # It goes on as any stream does, segment by segment.
    segments = manifest.read(streams(world)[0]).segments
    world.tell(range(30, 33))
    world.publish(LEADS)
    assert manifest.read(streams(world)[0]).segments[: len(segments)] == segments
    for one in (*before, *beyond):
        one.agrees()


def test_what_waited_for_a_publication_is_published_under_its_number(
    world: World, place: Folder
) -> None:
    workspace = Workspace(world.folder, TODAY)
    world.tell(range(4, 7))
    waiting = set(world.log.current()["id"]) - set(rows(world.folder / "exports/company")["id"])
    assert waiting
    backup(workspace, place)
    world.tell(range(7, 9))
    world.publish(LEADS)
    restore(replace(workspace), place)
    world.tell(range(9, 11))
    world.publish(LEADS)
    company = rows(world.folder / "exports" / "company").select("id", "sequence")
    assert waiting < set(company["id"])
    log = world.log.rows().select("id", "sequence")
    assert company.equals(log.tail(company.height))
    assert last(world.folder / "exports/company") == world.log.state().next_sequence - 1
    told = world.log.rows().unique("signalid", keep="last").select("id", "sequence").sort("id")
    assert world.log.current(["id", "sequence"]).sort("id").equals(told)


def test_a_stream_that_the_copy_does_not_have_begins_above_too(
    tmp_path: Path, place: Folder
) -> None:
    world = World(tmp_path / "data")
    workspace = Workspace(world.folder, STOPPED)
    backup(workspace, place)
    world.tell(range(6))
    stream = world.publish(LEADS)
    highest = last(stream)
    restore(replace(workspace), place)
    assert not stream.exists()
    world.tell(range(20, 26))
    world.publish(LEADS)
    assert rows(stream)["sequence"].cast(pl.Int64).min() == highest + 2


def test_what_is_published_after_a_restore_is_offered_once_though_it_is_old(
    world: World, place: Folder
) -> None:
    workspace = Workspace(world.folder, TODAY)
    backup(workspace, place)
    restore(replace(workspace), place)
    world.tell(range(4, 9))
    world.day += timedelta(days=20)
    stream = world.publish(LEADS, window=timedelta(days=3))
    assert rows(stream).height == 5
    assert rows(world.folder / "exports" / "company").height == 5


@pytest.mark.parametrize("point", ["restore:cleared", "restore-ready:after-rename", "restore:in"])
def test_killed_and_run_again_it_gives_no_number_twice(
    world: World, place: Folder, point: str
) -> None:
    workspace = Workspace(world.folder, STOPPED)
    backup(workspace, place)
    world.tell(range(4, 9))
    stream = world.publish(LEADS)
    highest = last(stream)
    for _ in range(2):
        with killed_reaching(point), pytest.raises(Killed):
            restore(replace(workspace), place)
        restore(replace(workspace), place)
        world.tell(range(9, 11))
        world.publish(LEADS)
        assert rows(stream)["sequence"].cast(pl.Int64).min() == highest + 2
        highest = last(stream)


@pytest.fixture
def mirrored(monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreAddress]:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with object_server() as server:
        yield server.store().address


def test_the_mirror_tells_what_a_lost_disk_gave_and_one_goes_on(
    world: World, place: Folder, tmp_path: Path, mirrored: StoreAddress
) -> None:
    store = Store.open(mirrored, KEYS)
    workspace = Workspace(world.folder, STOPPED, export_to=mirrored)
    exports, notes = world.folder / "exports", world.folder / "mirror"
    mirror(exports, store, notes)
    backup(workspace, place)
    world.tell(range(4, 9))
    stream = world.publish(LEADS)
    mirror(exports, store, notes)
    highest = max(last(one) for one in streams(world))
    former = shutil.copytree(world.folder, tmp_path / "former")
    lose(world)
    assert not restore(replace(workspace), place).unread
    world.tell(range(9, 12))
    world.publish(LEADS)
    assert rows(stream)["sequence"].cast(pl.Int64).min() == highest + 2
    assert set(mirror(exports, store, notes).streams) == {
        one.relative_to(exports).as_posix() for one in streams(world)
    }
    # The folder that the copy was made of, were it still in use, publishes there no more.
    older = World(former)
    older.day = world.day
    older.tell(range(12, 14))
    older.publish(LEADS)
    with pytest.raises(ConflictError, match="not put there by this installation"):
        mirror(former / "exports", store, former / "mirror")
    # Nor does a restore make an installation of what never published there.
    before = store.get("company/manifest.json")
    assert adopt(store, tmp_path / "strange") == {}
    with pytest.raises(ConflictError, match="another installation publishes"):
        mirror(former / "exports", store, tmp_path / "strange")
    assert store.get("company/manifest.json") == before


def test_a_mirror_that_cannot_be_read_is_told(
    world: World, place: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    address = StoreAddress("s3://feed/prod")
    workspace = Workspace(world.folder, TODAY, export_to=address)
    backup(workspace, place)
    assert restore(replace(workspace), place).unread
