"""A download takes no more than was announced, or than the file may weigh."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from downloads import HOST, PATH, REMOTE, ROWS, SIZE, V1, endless, job, kept, leave_half, run
from loopback import Loopback, Reply, as_json, fast_http

from opendata import files
from opendata.catalogue import Dataset, Resource
from opendata.download import Download
from opendata.errors import DownloadError, StateError
from opendata.http import Http
from opendata.pace import Limits
from opendata.portals.datagouv import DataGouv
from opendata.remote import Page, RemoteFile


@pytest.fixture
def http(server: Loopback) -> Iterator[Http]:
    with fast_http(server, HOST) as client:
        yield client


def stopped_at(
    http: Http, download: Download, error: type[Exception], message: str
) -> tuple[Exception, int]:
    """Run ``download`` until it fails as said; return the error and the bytes it had taken."""
    told = [0]
    watched = replace(download, progress=lambda _name, received, _total: told.append(received))
    with pytest.raises(error, match=message) as caught:
        watched.run(http, DataGouv(http))
    return caught.value, max(told)


@pytest.mark.parametrize("headers", [{}, V1], ids=["no validator", "validator"])
def test_nothing_is_taken_beyond_the_announced_size(
    server: Loopback, http: Http, tmp_path: Path, headers: dict[str, str]
):
    server.script(PATH, endless(ROWS, **headers))
    announced = job(tmp_path, replace(REMOTE, size=200_000))
    message = "200,000 bytes were announced, more came"
    _, taken = stopped_at(http, announced, DownloadError, message)
    assert 0 < taken <= 200_000
    assert len(server.seen) == 1
    parts = list(tmp_path.rglob("*.part"))
    assert len(parts) == len(headers)
    assert all(part.read_bytes() == ROWS[:200_000] for part in parts)
    # The description was out of date: what had come is continued once it is right.
    server.script(PATH, Reply(200, ROWS, headers, ranges=True))
    receipt = run(http, tmp_path, replace(REMOTE, size=SIZE)).receipt
    assert receipt.sha256 == hashlib.sha256(ROWS).hexdigest()
    assert ("range" in server.seen[-1].headers) is bool(headers)


def test_nothing_is_taken_beyond_the_total_of_the_rest(
    server: Loopback, http: Http, tmp_path: Path
):
    start = leave_half(server, tmp_path)
    told = {**V1, "Content-Range": f"bytes {start}-{SIZE - 1}/{SIZE}"}
    server.script(PATH, replace(endless(ROWS, **told), status=206))
    _, taken = stopped_at(http, job(tmp_path), DownloadError, "announced, more came")
    assert start < taken <= SIZE


def test_a_body_of_unknown_length_is_capped(server: Loopback, tmp_path: Path):
    server.script(PATH, endless(ROWS))
    limits = Limits(connect=60, read=60, unannounced_bytes=200_000)
    with fast_http(server, HOST, limits=limits) as http:
        message = "more than 200,000 bytes came and no length was announced"
        error, taken = stopped_at(http, job(tmp_path), DownloadError, message)
    assert "raise unannounced_bytes in opendata/pace.py" in str(error)
    assert 0 < taken <= 200_000
    assert len(server.seen) == 1
    assert kept(tmp_path) == []


def test_a_body_of_unknown_length_may_be_four_times_the_previous_one(
    server: Loopback, tmp_path: Path
):
    limits = Limits(connect=60, read=60, unannounced_bytes=1000)
    with fast_http(server, HOST, limits=limits) as http:
        server.script(PATH, Reply(200, ROWS))
        previous = run(http, tmp_path).receipt
        server.script(PATH, Reply(200, ROWS * 4, length=False))
        assert run(http, tmp_path, previous=previous).receipt.bytes == 4 * SIZE
        server.script(PATH, Reply(200, ROWS * 4 + b"1", length=False))
        with pytest.raises(DownloadError, match=f"more than {4 * SIZE:,} bytes came"):
            run(http, tmp_path, previous=previous)


def test_the_disk_is_looked_at_again_every_64_mib(
    server: Loopback, http: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    server.script(PATH, Reply(200, bytes(70 << 20), V1))
    taken: list[int] = []

    def fill(_name: str, received: int, _total: int | None) -> None:
        # Somebody else takes the rest of the disk: what is kept free no longer is.
        taken.append(received)
        monkeypatch.setattr(files, "RESERVE", 1 << 60)

    with pytest.raises(StateError, match="bytes free"):
        replace(job(tmp_path), progress=fill).run(http, DataGouv(http))
    assert 63 << 20 < max(taken) < 64 << 20
    assert kept(tmp_path) == []


class Pages(DataGouv):
    """A portal with far more pages than announced, each read over the network."""

    def pages(self, _dataset: Dataset, _resource: Resource, remote: RemoteFile) -> Iterator[Page]:
        for _ in range(20):
            yield self.http.get_json(remote.url)

    def __init__(self, http: Http) -> None:
        super().__init__(http)
        self.http = http


@pytest.mark.parametrize(
    ("expected", "asked", "message"),
    [(5, 3, "says 5 records, 6 came"), (None, 2, "more than 50 bytes came and no length")],
)
def test_paging_stops_at_what_was_announced_or_may_come(
    server: Loopback, tmp_path: Path, expected: int | None, asked: int, message: str
):
    server.script(PATH, as_json([{"siren": "1"}, {"siren": "2"}]))  # 28 bytes as lines
    paged = replace(REMOTE, paged=True, rows_expected=expected)
    limits = Limits(connect=60, read=60, unannounced_bytes=50)
    with (
        fast_http(server, HOST, limits=limits) as http,
        pytest.raises(DownloadError, match=message),
    ):
        job(tmp_path, paged, format="jsonl").run(http, Pages(http))
    assert len(server.seen) == asked
    assert kept(tmp_path) == []
