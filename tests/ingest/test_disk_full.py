"""A disk that fills up at any point: a clear message, nothing published changes, space heals."""

from __future__ import annotations

import json
import re
import resource as limits
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import pytest
from loopback import Loopback, Reply, loopback
from world import NAME, OCTOBER, SEPTEMBER, Variant, World, csv, october, september, unit

from opendata import files
from opendata.errors import StateError
from opendata.take import Client

#: Several pages of memory: what goes into a page that the file has already needs no room.
LARGE = csv([*SEPTEMBER, *(unit(number) for number in range(50_000_000, 50_000_400))])
FULL = "the disk is full. What to do: free some space"
TOLD = re.compile(r"(the disk is full|the disk has .* bytes free .*)\. What to do: free some space")


class Disk(Protocol):
    """A place that can be made full and free again."""

    folder: Path

    def fill(self) -> None: ...

    def free(self) -> None: ...


@dataclass
class SmallDisk:
    """A file system of its own; a ballast takes all that is left of it (ENOSPC)."""

    folder: Path

    def fill(self) -> None:
        with (self.folder / "ballast").open("ab", buffering=0) as ballast:
            for size in (1 << 20, 1 << 12):
                try:
                    while True:
                        ballast.write(b"\1" * size)
                except OSError:
                    continue

    def free(self) -> None:
        (self.folder / "ballast").unlink(missing_ok=True)


@dataclass
class LimitedProcess:
    """A process that may not make any file larger (EFBIG); needs no right to mount."""

    folder: Path
    allowed: tuple[int, int] = limits.getrlimit(limits.RLIMIT_FSIZE)

    def fill(self) -> None:
        limits.setrlimit(limits.RLIMIT_FSIZE, (0, self.allowed[1]))

    def free(self) -> None:
        limits.setrlimit(limits.RLIMIT_FSIZE, self.allowed)


# Mounting is for the machine of the full tests; there it must work.
@pytest.fixture(params=["limited process", pytest.param("small disk", marks=pytest.mark.full)])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if request.param == "limited process":
        limited = LimitedProcess(folder)
        yield limited
        limited.free()
        return
    # Room for what is always kept free, and some more.
    size = files.RESERVE + (16 << 20)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    subprocess.run(mount, check=True)
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with loopback() as running:
        yield running


@pytest.fixture(scope="module")
def template(server: Loopback, tmp_path_factory: pytest.TempPathFactory) -> World:
    return september(tmp_path_factory.mktemp("september"), server, Variant())


@pytest.fixture
def fresh(template: World, disk: Disk) -> Callable[[], World]:
    """Return a world on the disk in which September serves and October is offered."""

    def made() -> World:
        shutil.rmtree(disk.folder / "data", ignore_errors=True)
        world = october(template, disk.folder / "data")
        world.publish(csv(OCTOBER))
        return world

    return made


@pytest.fixture
def at_point(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str, int], None]], None]:
    """Call a function with the name and the number of each point that is reached."""

    def hook(call: Callable[[str, int], None]) -> None:
        met: Counter[str] = Counter()

        def reached(name: str) -> None:
            met[name] += 1
            call(name, met[name])

        monkeypatch.setattr(files, "on_point", reached)

    return hook


def test_full_at_each_point_of_a_fetch_and_build(
    disk: Disk,
    fresh: Callable[[], World],
    at_point: Callable[[Callable[[str, int], None]], None],
):
    points: list[str] = []
    at_point(lambda name, _number: points.append(name))
    world = fresh()
    september_files = world.published()
    world.run()
    october_files = world.published()
    decided = points.index("state:before-rename")
    assert len(points) == len(set(points)) > decided > 10
    for turn, chosen in enumerate(points):
        at_point(lambda name, _number, chosen=chosen: disk.fill() if name == chosen else None)
        world = fresh()
        try:
            world.run()
            error = None
        except StateError as full:
            error = full
        disk.free()
        at_point(lambda _name, _number: None)
        # A rename needs no room: the version is whole on the disk by then.
        assert world.published() == (september_files if turn < decided else october_files), chosen
        if error is None:
            assert turn >= decided, chosen
        else:
            assert str(error).startswith(f"dataset {NAME}, "), chosen
            assert TOLD.search(str(error)), chosen
        world.run()
        assert world.published() == october_files, chosen
        assert world.status()["state"] == "OK"


def test_full_in_the_middle_of_a_transfer(disk: Disk, fresh: Callable[[], World]):
    world = fresh()
    before = world.published()
    half = len(LARGE) // 2
    world.describe(None)
    # No length is announced, so that only the disk itself can tell.
    world.send(Reply(200, LARGE, length=False, drip=0.0))
    plain = world.connect
    received: list[int] = []

    def fill_at_half(_resource: str, count: int, _total: int | None) -> None:
        received.append(count)
        if count > half:
            disk.fill()

    @contextmanager
    def connect(host: str) -> Iterator[Client]:
        with plain(host) as client:
            yield replace(client, progress=fill_at_half)

    world.connect = connect  # type: ignore[method-assign]
    with pytest.raises(StateError) as caught:
        world.run()
    disk.free()
    assert str(caught.value).startswith(f"dataset {NAME}, resource stock, file stock.csv: {FULL}")
    assert received[-1] > half
    assert world.published() == before
    assert not list((world.folder / "raw" / NAME / "stock").glob(".partial/*"))
    world.connect = plain  # type: ignore[method-assign]
    world.publish(csv(OCTOBER))
    assert world.run().status == "published"
    assert world.rows() == OCTOBER


def test_a_file_that_cannot_fit_is_not_asked_for(fresh: Callable[[], World], disk: Disk):
    world = fresh()
    before, asked = world.published(), len(world.server.asked(world.path))
    world.describe(None, size=1 << 60)
    with pytest.raises(StateError, match=r"bytes free and 1,152,921,504,606,846,976 are needed"):
        world.run()
    assert len(world.server.asked(world.path)) == asked
    assert world.published() == before
    status = world.status()
    assert status["state"] == "GAP"
    assert "free some space or run `company-signals gc`" in status["message"]


def test_full_at_each_kind_of_point_of_a_publication(
    disk: Disk,
    fresh: Callable[[], World],
    at_point: Callable[[Callable[[str, int], None]], None],
):
    points: list[str] = []
    at_point(lambda name, _number: points.append(name))
    world = fresh()
    world.run()
    points.clear()
    world.export()
    result = world.published()
    kinds = list(dict.fromkeys(points))
    assert {kind.partition(":")[0] for kind in kinds} == {
        "warehouse", "feed-file", "feed-manifest", "feed-copy",
    }  # fmt: skip
    for kind in (kind for kind in kinds if kind.endswith(":before-write")):
        at_point(lambda _name, _number: None)
        world = fresh()
        world.run()
        named = manifest_of(world)

        def filled(name: str, number: int, kind: str = kind) -> None:
            if (name, number) == (kind, 1):
                disk.fill()

        at_point(filled)
        with pytest.raises(StateError, match="the disk is full"):
            world.export()
        disk.free()
        at_point(lambda _name, _number: None)
        if kind != "feed-copy:before-write":
            assert manifest_of(world) == named, kind
        world.export()
        assert without_warehouse(world.published()) == without_warehouse(result), kind


def manifest_of(world: World) -> dict[str, bytes]:
    """Return the manifest of the company stream and the files that it names."""
    folder = world.folder / "exports" / "company"
    text = (folder / "manifest.json").read_bytes()
    paths = [part["path"] for part in json.loads(text)["resources"]]
    return {"manifest.json": text, **{path: (folder / path).read_bytes() for path in paths}}


def without_warehouse(published: dict[str, bytes]) -> dict[str, bytes]:
    """Leave out the DuckDB file, whose bytes are no part of the promise."""
    return {name: content for name, content in published.items() if name != "warehouse.duckdb"}
