"""The reader of the feed: from where, from which cursor, and what a kill or a lie does to it."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from object_store import BUCKET, KEYS, object_server

from pipelines.settings import ROOT
from signals.conformance import doctored
from signals.feed.fixtures import World, siren
from signals.reader import (
    Feed,
    FetchError,
    MissingError,
    ReaderError,
    Rule,
    StaleError,
    State,
    StopError,
    Task,
    catch_up,
    fetcher,
    tasks,
)
from signals.reader.manifest import parse
from signals.reader.rows import Row

NOW = datetime(2026, 1, 10, tzinfo=UTC)
COMPANIES = 6


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The stream when all is asserted, and after an amendment, a retraction and an erasure."""
    folder = tmp_path_factory.mktemp("lives")
    world = World(folder / "world")
    world.tell(range(COMPANIES))
    first = doctored.copied(world.publish(COMPANIES), folder / "first")
    world.tell(range(1), amount=2)
    world.retract(1)
    world.erase(2)
    return first, doctored.copied(world.publish(COMPANIES), folder / "last")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State(tmp_path / "state.db") as opened:
        yield opened


def work(feed: Path, state: State, now: datetime = NOW) -> list[tuple[str, str]]:
    return [(task.kind, task.signalid) for task in tasks(Feed.at(feed), state, now=now)]


def held(state: State) -> list[str]:
    return [row["id"] for row in state.standing()]


def snapshot(feed: Path) -> list[str]:
    path = feed / doctored.manifest(feed)["snapshot"]["path"]
    return pl.read_parquet(path)["id"].to_list()


def ids(feed: Path, number: int) -> str:
    rows = doctored.rows_of(feed).filter(siren=siren(number))
    return str(rows["signalid"][0])


def test_it_holds_what_the_snapshot_holds(lives: tuple[Path, Path], state: State) -> None:
    for feed in lives:
        catch_up(Feed.at(feed), state)
        assert held(state) == snapshot(feed)
        assert state.cursor == doctored.manifest(feed)["max_sequence"]


def test_news_alone_are_read(lives: tuple[Path, Path], state: State) -> None:
    first, last = lives
    catch_up(Feed.at(first), state)
    asked = []
    read = fetcher(last)

    def fetch(path: str, /) -> bytes:
        asked.append(path)
        return read(path)

    catch_up(Feed(fetch), state)
    assert asked == ["manifest.json", doctored.manifest(last)["segments"][-1]["path"]]


def test_each_task_once_and_undone_when_withdrawn_or_erased(
    lives: tuple[Path, Path], state: State
) -> None:
    first, last = lives
    begun = work(first, state)
    assert {kind for kind, _ in begun} == {"start"}
    assert work(first, state) == []
    gone = {ids(first, number) for number in (1, 2)}
    assert gone & {signalid for _, signalid in begun}
    assert sorted(work(last, state)) == sorted(
        ("undo", one) for one in gone & {signalid for _, signalid in begun}
    )
    assert work(last, state) == []


@pytest.fixture(scope="module")
def merging(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """An event told by one source, then by two, then annulled."""
    folder = tmp_path_factory.mktemp("merging")
    world = World(folder / "world")
    world.tell(range(1), code="hq_moved_in")
    feeds = [doctored.copied(world.publish(1), folder / "one")]
    world.merge(0, "hq_moved")
    feeds.append(doctored.copied(world.publish(1), folder / "two"))
    world.retract(0)
    return [*feeds, doctored.copied(world.publish(1), folder / "annulled")]


def test_work_goes_on_when_another_signal_tells_the_event(
    merging: list[Path], state: State
) -> None:
    one, two, annulled = merging
    ((kind, begun),) = work(one, state)
    assert kind == "start"
    assert work(two, state) == []
    (row,) = state.standing()
    assert row["signalid"] != begun
    (undone,) = tasks(Feed.at(annulled), state, now=NOW)
    # It is known under the name it was begun with; the row is that of the signal that fell.
    assert (undone.kind, undone.signalid) == ("undo", begun)
    assert undone.row["signalid"] == row["signalid"]
    assert work(annulled, state) == []


def test_what_nobody_acted_on_is_begun_by_the_signal_that_stands_for_both(
    merging: list[Path], state: State
) -> None:
    probable = Rule(accept=("probable",))
    assert list(tasks(Feed.at(merging[0]), state, probable, NOW)) == []
    (begun,) = work(merging[1], state)
    (row,) = state.standing()
    assert begun == ("start", row["signalid"])


def test_a_process_that_dies_at_its_work_gets_it_again(
    lives: tuple[Path, Path], tmp_path: Path
) -> None:
    with State(tmp_path / "whole.db") as whole:
        wanted = work(lives[0], whole)
    done: list[Task] = []
    with State(tmp_path / "cut.db") as cut:
        given = tasks(Feed.at(lives[0]), cut, now=NOW)
        done = [next(given), next(given)]
        given.close()  # the second was begun, and never ended
    with State(tmp_path / "cut.db") as again:
        left = work(lives[0], again)
    assert left[0][1] == done[1].row["signalid"]
    assert [(one.kind, one.row["signalid"]) for one in done[:1]] + left == wanted


def test_a_step_cut_short_leaves_rows_and_cursor_as_they_were(
    lives: tuple[Path, Path], state: State
) -> None:
    first, last = lives
    catch_up(Feed.at(first), state)
    before = (held(state), state.cursor)
    (batch,) = Feed.at(last).read(state.cursor)
    broken: list[Row] = [*batch.rows, {"id": "x"}]
    with pytest.raises(KeyError):
        state.apply(type(batch)(broken, batch.cursor, batch.manifest))
    assert (held(state), state.cursor) == before
    state.apply(batch)
    assert held(state) == snapshot(last)


def test_erased_values_leave_the_file(lives: tuple[Path, Path], tmp_path: Path) -> None:
    first, last = lives
    file = tmp_path / "state.db"
    with State(file) as state:
        catch_up(Feed.at(first), state)
        assert any(siren(2).encode() in path.read_bytes() for path in tmp_path.iterdir())
        catch_up(Feed.at(last), state)
        assert not any(siren(2).encode() in path.read_bytes() for path in tmp_path.iterdir())


def test_a_stream_that_moves_under_the_reader_is_read_again(
    lives: tuple[Path, Path], state: State
) -> None:
    first, last = lives
    said = doctored.manifest(first)
    said["segments"][0]["path"] = "segments/swept-meanwhile.parquet"
    old, new = json.dumps(said).encode(), fetcher(last)
    answers = iter([lambda _path: old])  # the old manifest once, then the new publication

    def fetch(path: str, /) -> bytes:
        return next(answers, new)(path)

    catch_up(Feed(fetch), state)
    assert held(state) == snapshot(last)


def test_it_says_when_files_never_fit(lives: tuple[Path, Path], tmp_path: Path) -> None:
    feed = doctored.copied(lives[0], tmp_path / "feed")
    (feed / doctored.manifest(feed)["segments"][0]["path"]).unlink()
    with State(tmp_path / "state.db") as state, pytest.raises(StaleError, match="is gone"):
        catch_up(Feed.at(feed), state)


@pytest.mark.parametrize(
    "order", [(0, 2, 3, 4, 5), (0, 2, 1, 3, 4, 5), (0, 1, 2, 3, 4), (0, 1, 1, 2, 3, 4, 5)]
)
def test_a_segment_without_the_rows_that_its_name_says_stops_it(
    lives: tuple[Path, Path], state: State, tmp_path: Path, order: tuple[int, ...]
) -> None:
    feed = doctored.otherwise_filled(doctored.copied(lives[0], tmp_path / "feed"), order)
    before = state.cursor
    with pytest.raises(StopError, match="has not the rows"):
        catch_up(Feed.at(feed), state)
    assert (held(state), state.cursor) == ([], before)


def test_one_state_is_for_one_stream(
    lives: tuple[Path, Path], state: State, tmp_path: Path
) -> None:
    catch_up(Feed.at(lives[0]), state)
    other = doctored.copied(lives[1], tmp_path / "other")
    doctored.changed(other, source="urn:company-signals:account:other")
    with pytest.raises(StopError, match="another stream"):
        catch_up(Feed.at(other), state)


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a\\b", "https://elsewhere/x"])
def test_a_manifest_that_leads_outside_is_refused(lives: tuple[Path, Path], path: str) -> None:
    said = doctored.manifest(lives[0])
    said["segments"][0]["path"] = path
    with pytest.raises(StopError, match="outside"):
        parse(json.dumps(said).encode())


@pytest.mark.parametrize("body", [b"", b"[]", b'{"feed_version": "1.0"}'])
def test_a_manifest_that_is_none_stops_it(body: bytes) -> None:
    with pytest.raises(StopError, match="cannot be read"):
        parse(body)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != "Bearer key":
            self.send_error(403)
            return
        super().do_GET()


def test_over_http(lives: tuple[Path, Path], state: State) -> None:
    handler = partial(_Quiet, directory=str(lives[1]))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}"
            with pytest.raises(FetchError, match="403"):
                Feed.at(url).manifest()
            feed = Feed.at(f"{url}/", {"Authorization": "Bearer key"})
            with pytest.raises(MissingError, match="is not there"):
                feed.fetch("nothing.json")
            catch_up(feed, state)
        finally:
            server.shutdown()
            thread.join()
    assert held(state) == snapshot(lives[1])
    with pytest.raises(FetchError, match="no answer"):
        Feed.at(url).manifest()


def test_from_a_store(lives: tuple[Path, Path], state: State) -> None:
    with object_server() as server:
        store = server.store("acme")
        for path in (path for path in lives[1].rglob("*") if path.is_file()):
            store.create(path.relative_to(lives[1]).as_posix(), path.read_bytes(), point="test")
        key, secret = KEYS.values()
        where = server.url.removeprefix("http://")
        feed = Feed.at(
            f"s3://{key}:{secret.replace(' ', '%20')}@{BUCKET}/acme"
            f"?scheme=http&endpoint_override={where}&region=us-east-1"
        )
        with pytest.raises(MissingError):
            feed.fetch("nothing.json")
        catch_up(feed, state)
    assert held(state) == snapshot(lives[1])


@pytest.mark.parametrize("base", ["http://feed.example.org/x", "ftp://feed.example.org"])
def test_unknown_or_open_roads_are_refused(base: str) -> None:
    with pytest.raises(ReaderError, match="no place of a feed"):
        fetcher(base)


def test_it_is_installed_and_runs_without_the_pipeline(
    lives: tuple[Path, Path], tmp_path: Path
) -> None:
    pip = [sys.executable, "-m", "pip"]
    quiet = ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    source = str(ROOT / "clients" / "python")
    subprocess.run(
        [*pip, "wheel", *quiet, "--no-build-isolation", "-w", str(tmp_path), source], check=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run([*pip, "install", *quiet, "--target", str(tmp_path / "lib"), wheel], check=True)
    program = (
        "import runpy, sys\n"
        "sys.path.insert(0, sys.argv.pop(1))\n"
        "for name in ('dagster', 'polars', 'duckdb', 'pydantic', 'opendata', 'httpx'):\n"
        "    sys.modules[name] = None\n"
        "runpy.run_module('signals.reader', run_name='__main__')\n"
    )
    words = [str(tmp_path / "lib"), str(lives[1]), str(tmp_path / "state"), NOW.isoformat()]
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, *words],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["id"] for line in lines if line["kind"] == "signal"] == snapshot(lives[1])
