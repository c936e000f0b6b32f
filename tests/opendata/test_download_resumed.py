"""A download cut short goes on where it stood, or begins again: never two files in one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from downloads import HALF, HOST, PATH, REMOTE, ROWS, SIZE, V1, endless, kept, leave_half, run
from loopback import Loopback, Reply, fast_http

from opendata.errors import DownloadError
from opendata.http import CutError, Http
from opendata.pace import Retry


@pytest.fixture
def http(server: Loopback) -> Iterator[Http]:
    with fast_http(server, HOST) as client:
        yield client


def test_a_reset_at_30_percent_is_resumed(server: Loopback, http: Http, tmp_path: Path):
    whole = Reply(200, ROWS, {"ETag": '"v1"'}, ranges=True)
    server.script(PATH, replace(whole, reset_after=int(len(ROWS) * 0.3)), whole)
    outcome = run(http, tmp_path)
    assert outcome.receipt.sha256 == hashlib.sha256(ROWS).hexdigest()
    first, second = server.asked(PATH)
    assert "range" not in first.headers
    assert second.headers["if-range"] == '"v1"'
    offset = int(second.headers["range"].removeprefix("bytes=").rstrip("-"))
    assert 0 < offset <= int(len(ROWS) * 0.3)


def test_the_next_run_resumes_what_the_last_one_left(server: Loopback, tmp_path: Path):
    whole = Reply(200, ROWS, {"ETag": '"v1"'}, ranges=True)
    server.script(PATH, replace(whole, reset_after=200_000))
    with (
        fast_http(server, HOST, retry=Retry(attempts=1)) as http,
        pytest.raises(CutError, match="stopped before the end"),
    ):
        run(http, tmp_path)
    assert not list(tmp_path.rglob("*.csv"))
    server.script(PATH, whole)
    with fast_http(server, HOST) as http:
        assert run(http, tmp_path).receipt.bytes == len(ROWS)
    assert server.asked(PATH)[-1].headers["range"].startswith("bytes=")
    assert len(kept(tmp_path)) == 2


def test_a_server_that_ignores_range_restarts(server: Loopback, http: Http, tmp_path: Path):
    whole = Reply(200, ROWS, {"ETag": '"v1"'}, ranges=False)
    server.script(PATH, replace(whole, reset_after=100_000), whole)
    outcome = run(http, tmp_path)
    assert "range" in server.asked(PATH)[1].headers
    assert outcome.receipt.sha256 == hashlib.sha256(ROWS).hexdigest()


#: A newer file of the same length, whose end would fit under the beginning of the old one.
NEWER = ROWS.replace(b"0", b"9")
SUNDAY, MONDAY = "Sun, 30 Aug 2026 07:40:00 GMT", "Mon, 31 Aug 2026 07:40:00 GMT"


@pytest.mark.parametrize(
    ("begun", "told"),
    [
        (V1, {"ETag": '"v2"'}),
        (V1, {}),
        (V1, {"ETag": 'W/"v1"'}),
        ({**V1, "Last-Modified": SUNDAY}, {"Last-Modified": SUNDAY}),
        ({"Last-Modified": SUNDAY}, {"Last-Modified": MONDAY}),
        ({"Last-Modified": SUNDAY}, {**V1, "Last-Modified": SUNDAY}),
    ],
)
def test_the_rest_of_another_file_is_not_joined(
    server: Loopback, tmp_path: Path, begun: dict[str, str], told: dict[str, str]
):
    start = leave_half(server, tmp_path, replace(HALF, headers=begun))
    span = f"bytes {start}-{len(ROWS) - 1}/{len(ROWS)}"
    server.script(
        PATH,
        Reply(206, NEWER[start:], {**told, "Content-Range": span}),
        Reply(200, NEWER, {"ETag": '"v2"'}),
    )
    with fast_http(server, HOST, retry=Retry(attempts=1)) as http:
        receipt = run(http, tmp_path).receipt
    assert receipt.sha256 == hashlib.sha256(NEWER).hexdigest()
    _, resumed, again = server.asked(PATH)
    assert "range" in resumed.headers
    assert "range" not in again.headers


@pytest.mark.parametrize(
    ("last", "total"),
    [
        (150_000, f"/{SIZE}"),  # less than was asked for
        (150_000, "/150001"),  # the whole of a shorter file, under the same validator
        (150_000, "/*"),
        (SIZE - 1, f"/{SIZE + 1}"),
        (SIZE - 1, ""),
        (SIZE - 1, "/"),
        (SIZE - 1, f"/{SIZE}, bytes 0-0/{SIZE}"),
    ],
)
def test_a_part_that_is_not_the_whole_rest_is_not_kept(
    server: Loopback, tmp_path: Path, last: int, total: str
):
    start = leave_half(server, tmp_path)
    told = {**V1, "Content-Range": f"bytes {start}-{last}{total}"}
    server.script(PATH, Reply(206, ROWS[start : last + 1], told), Reply(200, ROWS, V1))
    with fast_http(server, HOST, retry=Retry(attempts=1)) as http:
        assert run(http, tmp_path).receipt.sha256 == hashlib.sha256(ROWS).hexdigest()
    assert "range" not in server.asked(PATH)[2].headers


@pytest.mark.parametrize(("announced", "size"), [(True, None), (False, SIZE), (False, None)])
def test_a_rest_without_a_total_is_joined_where_the_total_is_known(
    server: Loopback, tmp_path: Path, announced: bool, size: int | None
):
    start = leave_half(server, tmp_path, HALF if announced else endless(ROWS[:100_000], **V1))
    told = {**V1, "Content-Range": f"bytes {start}-{SIZE - 1}/*"}
    server.script(PATH, Reply(206, ROWS[start:], told), Reply(200, ROWS, V1))
    with fast_http(server, HOST) as http:
        receipt = run(http, tmp_path, replace(REMOTE, size=size)).receipt
    assert receipt.sha256 == hashlib.sha256(ROWS).hexdigest()
    joined = len(server.asked(PATH)) == 2
    assert joined is (announced or size is not None)


def test_a_rest_that_ends_early_is_asked_for_again(server: Loopback, http: Http, tmp_path: Path):
    start = leave_half(server, tmp_path)
    told = {**V1, "Content-Range": f"bytes {start}-{SIZE - 1}/{SIZE}"}
    server.script(
        PATH,
        Reply(206, ROWS[start:150_000], told, length=False),
        Reply(200, ROWS, V1, ranges=True),
    )
    assert run(http, tmp_path).receipt.sha256 == hashlib.sha256(ROWS).hexdigest()
    assert server.asked(PATH)[2].headers["range"] == "bytes=150000-"


def test_a_server_that_only_gives_parts_is_given_up(server: Loopback, http: Http, tmp_path: Path):
    told = {**V1, "Content-Range": f"bytes 0-{SIZE - 1}/{SIZE}"}
    server.script(PATH, Reply(206, ROWS, told))
    with pytest.raises(DownloadError, match="a part where the whole file was asked for"):
        run(http, tmp_path)
    assert len(server.seen) == 2
    assert kept(tmp_path) == []


def test_a_server_whose_rest_did_not_fit_is_not_asked_for_one_again(
    server: Loopback, http: Http, tmp_path: Path
):
    start = leave_half(server, tmp_path)
    lie = {"ETag": '"v2"', "Content-Range": f"bytes {start}-{SIZE - 1}/{SIZE}"}
    server.script(PATH, Reply(206, NEWER[start:], lie), HALF, Reply(200, ROWS, V1, ranges=True))
    assert run(http, tmp_path).receipt.sha256 == hashlib.sha256(ROWS).hexdigest()
    assert ["range" in seen.headers for seen in server.asked(PATH)] == [False, True, False, False]


def test_an_etag_that_changes_meanwhile_restarts(server: Loopback, http: Http, tmp_path: Path):
    newer = ROWS.replace(b"0", b"9")
    server.script(
        PATH,
        Reply(200, ROWS, {"ETag": '"v1"'}, ranges=True, reset_after=100_000),
        Reply(200, newer, {"ETag": '"v2"'}, ranges=True),
    )
    outcome = run(http, tmp_path)
    assert outcome.receipt.sha256 == hashlib.sha256(newer).hexdigest()
    assert outcome.receipt.etag == '"v2"'


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"v1"'}])
def test_without_a_strong_validator_nothing_is_joined(
    server: Loopback, http: Http, tmp_path: Path, headers: dict[str, str]
):
    server.script(
        PATH, Reply(200, ROWS, headers, reset_after=100_000), Reply(200, ROWS, headers, ranges=True)
    )
    assert run(http, tmp_path).receipt.sha256 == hashlib.sha256(ROWS).hexdigest()
    assert "range" not in server.asked(PATH)[1].headers


def test_a_range_that_starts_elsewhere_is_not_joined(server: Loopback, http: Http, tmp_path: Path):
    lying = {"ETag": '"v1"', "Content-Range": f"bytes 7-{len(ROWS) - 1}/{len(ROWS)}"}
    server.script(
        PATH,
        Reply(200, ROWS, {"ETag": '"v1"'}, reset_after=100_000),
        Reply(206, ROWS[7:], lying),
        Reply(200, ROWS, {"ETag": '"v1"'}),
    )
    assert run(http, tmp_path).receipt.sha256 == hashlib.sha256(ROWS).hexdigest()


def test_a_partial_file_longer_than_the_remote_one_restarts(
    server: Loopback, http: Http, tmp_path: Path
):
    server.script(
        PATH,
        Reply(200, ROWS, {"ETag": '"v1"'}, reset_after=100_000),
        Reply(416, b""),
        Reply(200, ROWS),
    )
    assert run(http, tmp_path).receipt.bytes == len(ROWS)
    assert "range" not in server.asked(PATH)[2].headers
