from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import random
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from descriptions import dataset, resource
from loopback import Loopback, Reply, as_json, fast_http, loopback

from opendata import files
from opendata.catalogue import Dataset, Resource
from opendata.clock import Clock
from opendata.download import Download, Outcome
from opendata.errors import DownloadError, PortalError, StateError
from opendata.http import CutError, Http, MissingError
from opendata.pace import Limits, Retry
from opendata.portals.datagouv import DataGouv
from opendata.receipt import Receipt, load_receipt, receipt_path
from opendata.remote import Checksum, DateWindow, Page, RemoteFile

HOST = "static.data.gouv.fr"
PATH = f"/{HOST}/stock.csv"
ROWS = b"siren\n" + b"".join(b"%09d\n" % number for number in range(60_000))
CLOCK = Clock.at(date(2026, 9, 1))
REMOTE = RemoteFile(
    portal="datagouv",
    dataset_id="d1",
    resource_id="id-stock",
    url=f"https://{HOST}/stock.csv",
    title="Stock",
    licence_id="lov2",
    format="csv",
    file_name="stock.csv",
    publisher_date=date(2026, 9, 1),
    last_modified=datetime(2026, 9, 1, 7, 40, tzinfo=UTC),
)


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as running:
        yield running


@pytest.fixture
def http(server: Loopback) -> Iterator[Http]:
    with fast_http(server, HOST) as client:
        yield client


def job(
    tmp_path: Path,
    remote: RemoteFile = REMOTE,
    previous: Receipt | None = None,
    **changes: Any,
) -> Download:
    described = dataset(resource(**changes))
    return Download(described, described.resources[0], remote, tmp_path, CLOCK, previous)


def run(http: Http, *args: Any, **changes: Any) -> Outcome:
    return job(*args, **changes).run(http, DataGouv(http))


def kept(tmp_path: Path) -> list[str]:
    """Return the files under the data folder, partial ones included."""
    return sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())


def test_a_file_arrives_with_its_receipt(server: Loopback, http: Http, tmp_path: Path):
    headers = {"ETag": '"v1"', "Last-Modified": "Tue, 01 Sep 2026 07:40:00 GMT"}
    server.script(PATH, Reply(200, ROWS, headers))
    sha1 = Checksum("sha1", hashlib.sha1(ROWS).hexdigest())  # noqa: S324
    told: list[tuple[str, int, int | None]] = []
    download = replace(
        job(tmp_path, replace(REMOTE, size=len(ROWS), checksum=sha1)),
        progress=lambda *args: told.append(args),
    )
    outcome = download.run(http, DataGouv(http))
    sha256 = hashlib.sha256(ROWS).hexdigest()
    path = tmp_path / "raw" / "essai" / "stock" / sha256[:12] / "stock.csv"
    assert path.read_bytes() == ROWS
    assert not outcome.unchanged
    assert load_receipt(receipt_path(path)) == outcome.receipt
    assert outcome.receipt == Receipt(
        dataset="essai",
        resource="stock",
        portal="datagouv",
        dataset_id="d1",
        resource_id="id-stock",
        title="Stock",
        publisher="Insee",
        licence_id="lov2",
        licence_title="Licence Ouverte 2.0",
        licence_url="https://x.example",
        url=REMOTE.url,
        final_url=f"{server.url}{PATH}",
        publisher_date=date(2026, 9, 1),
        publisher_modified=REMOTE.last_modified,
        fetched_at=CLOCK.now(),
        etag='"v1"',
        last_modified="Tue, 01 Sep 2026 07:40:00 GMT",
        portal_checksum=str(sha1),
        file="stock.csv",
        sha256=sha256,
        bytes=len(ROWS),
    )
    assert len(kept(tmp_path)) == 2
    assert told[-1] == ("stock", len(ROWS), len(ROWS))


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


V1 = {"ETag": '"v1"'}
HALF = Reply(200, ROWS, V1, reset_after=100_000)
#: A newer file of the same length, whose end would fit under the beginning of the old one.
NEWER = ROWS.replace(b"0", b"9")
SUNDAY, MONDAY = "Sun, 30 Aug 2026 07:40:00 GMT", "Mon, 31 Aug 2026 07:40:00 GMT"


def endless(content: bytes, **headers: str) -> Reply:
    """Return a chunked answer whose end never comes."""
    body = b"%x\r\n%b\r\n" % (len(content), content)
    return Reply(200, body, {"Transfer-Encoding": "chunked", **headers}, length=False)


def leave_half(server: Loopback, tmp_path: Path, first: Reply = HALF) -> int:
    """Let a run be cut after some bytes of ``first``, and return how many are kept."""
    server.script(PATH, first)
    with (
        fast_http(server, HOST, retry=Retry(attempts=1)) as http,
        pytest.raises(CutError, match="stopped before the end"),
    ):
        run(http, tmp_path)
    [part] = tmp_path.rglob("*.part")
    size = part.stat().st_size
    assert 0 < size < len(ROWS)
    return size


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


SIZE = len(ROWS)


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


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
def test_a_wrong_checksum_is_refused(server: Loopback, http: Http, tmp_path: Path, algorithm: str):
    server.script(PATH, Reply(200, ROWS))
    right = Checksum(algorithm, hashlib.new(algorithm, ROWS).hexdigest())
    with pytest.raises(DownloadError, match=f"{algorithm} checksum differs") as caught:
        run(http, tmp_path, replace(REMOTE, checksum=Checksum(algorithm, "0" * 40)))
    assert "dataset essai, resource stock, file stock.csv" in str(caught.value)
    assert kept(tmp_path) == []
    assert not run(http, tmp_path, replace(REMOTE, checksum=right)).unchanged


def test_a_wrong_size_is_refused(server: Loopback, http: Http, tmp_path: Path):
    server.script(PATH, Reply(200, ROWS))
    with pytest.raises(DownloadError, match="size differs"):
        run(http, tmp_path, replace(REMOTE, size=len(ROWS) + 1))
    assert kept(tmp_path) == []


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


def repr_of_kind(value: object) -> str:
    """Return a name for a parameter that is the same in every process."""
    return "body" if isinstance(value, bytes) else str(value)


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("stock.csv", content)
    return buffer.getvalue()


def parquet() -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame({"siren": ["005580501"]}).write_parquet(buffer)
    return buffer.getvalue()


NOISE = random.Random(1).randbytes(50_000)  # noqa: S311


@pytest.mark.parametrize(
    ("body", "changes", "message"),
    [
        (b"", {}, "is empty"),
        (b"<!doctype html><html><title>Maintenance</title>", {}, "an HTML page instead of csv"),
        (b"<html></html>", {"archive": "zip"}, "an HTML page instead of zip"),
        (b'{"error_code": "X", "message": "no such field"}', {}, "error as data: no such field"),
        (b'{"message": "down"}', {"format": "json"}, "error as data: down"),
        (b'{"error": "all shards failed"}', {"format": "jsonl"}, "all shards failed"),
        (b'{"message": "down"}', {"archive": "gzip"}, "error as data: down"),
        (gzip.compress(NOISE, mtime=0)[:-9], {"archive": "gzip"}, "gzip file is cut short"),
        (gzip.compress(NOISE, mtime=0)[:-9], {"archive": "taz"}, "gzip file is cut short"),
        (zipped(NOISE)[:-30], {"archive": "zip"}, "zip file is cut short"),
        (parquet()[:-4], {"format": "parquet"}, "parquet file is cut short"),
        (b'[{"a": 1}, {"a"', {"format": "json"}, "json file is cut short"),
        (b'{"a": 1}\n{"a"', {"format": "jsonl"}, "json file is cut short"),
        (b"<?xml version='1.0'?><a><b", {"format": "xml"}, "xml file is cut short"),
        (gzip.compress(ROWS, mtime=0), {}, "gzip content instead of csv"),
        (b'{"a": 1}', {"format": "csv"}, "json content instead of csv"),
        (zipped(ROWS), {"format": "xlsx"}, "zip content instead of xlsx"),
    ],
    ids=repr_of_kind,
)
def test_what_came_is_not_the_data(
    server: Loopback,
    http: Http,
    tmp_path: Path,
    body: bytes,
    changes: dict[str, str],
    message: str,
):
    server.script(PATH, Reply(200, body, {"ETag": '"v1"'}))
    with pytest.raises(DownloadError, match=message):
        run(http, tmp_path, **changes)
    assert kept(tmp_path) == []


@pytest.mark.parametrize(
    ("body", "changes", "rows"),
    [
        (zipped(ROWS), {"archive": "zip"}, None),
        (gzip.compress(ROWS, mtime=0), {"archive": "gzip"}, None),
        (parquet(), {"format": "parquet"}, 1),
        (b'{"a": 1}\n\n{"a": 2}\n', {"format": "jsonl"}, 2),
        (b'{"marches": []}', {"format": "json"}, None),
        (b"<?xml version='1.0'?><a></a>\n", {"format": "xml"}, None),
    ],
    ids=repr_of_kind,
)
def test_each_format_is_accepted_whole(
    server: Loopback,
    http: Http,
    tmp_path: Path,
    body: bytes,
    changes: dict[str, str],
    rows: int | None,
):
    server.script(PATH, Reply(200, body))
    receipt = run(http, tmp_path, **changes).receipt
    assert receipt.verify(tmp_path).read_bytes() == body
    assert receipt.rows == rows


def csv_rows() -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([["siren", "nom"], ["1", 'A\n"B"'], ["2", ""]])
    return text.getvalue().encode()


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (csv_rows(), "csv"),
        (b'{"a": 1}\n{"a": 2}\n', "jsonl"),
        (json.dumps([{"a": 1}, {"a": 2}]).encode(), "json"),
    ],
)
def test_announced_records_are_counted(
    server: Loopback, http: Http, tmp_path: Path, body: bytes, form: str
):
    server.script(PATH, Reply(200, body))
    assert run(http, tmp_path, replace(REMOTE, rows_expected=2), format=form).receipt.rows == 2
    with pytest.raises(DownloadError, match="says 3 records, 2 came"):
        run(http, tmp_path, replace(REMOTE, rows_expected=3), format=form)


def test_no_records_at_all_is_a_file_when_announced(server: Loopback, http: Http, tmp_path: Path):
    server.script(PATH, Reply(200, b""))
    receipt = run(http, tmp_path, replace(REMOTE, rows_expected=0), format="jsonl").receipt
    assert (receipt.rows, receipt.bytes) == (0, 0)


def test_unchanged_by_etag_writes_nothing(server: Loopback, http: Http, tmp_path: Path):
    server.script(PATH, Reply(200, ROWS, {"ETag": '"v1"'}, ranges=True))
    first = run(http, tmp_path).receipt
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    outcome = run(http, tmp_path, previous=first)
    assert outcome == Outcome(first, unchanged=True)
    assert server.asked(PATH)[1].headers["if-none-match"] == '"v1"'
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == before


def test_unchanged_by_the_portals_checksum_asks_nothing(
    server: Loopback, http: Http, tmp_path: Path
):
    server.script(PATH, Reply(200, ROWS))
    sha1 = Checksum("sha1", hashlib.sha1(ROWS).hexdigest())  # noqa: S324
    first = run(http, tmp_path, replace(REMOTE, checksum=sha1)).receipt
    moved = replace(REMOTE, checksum=sha1, url=f"https://{HOST}/elsewhere.csv")
    assert run(http, tmp_path, moved, first) == Outcome(first, unchanged=True)
    sha256 = replace(REMOTE, checksum=Checksum("sha256", first.sha256))
    assert run(http, tmp_path, sha256, first) == Outcome(first, unchanged=True)
    assert len(server.seen) == 1


def test_unchanged_by_content_keeps_the_previous_receipt(
    server: Loopback, http: Http, tmp_path: Path
):
    server.script(PATH, Reply(200, ROWS))
    first = run(http, tmp_path).receipt
    assert run(http, tmp_path, previous=first) == Outcome(first, unchanged=True)
    assert len(server.seen) == 2
    assert len(kept(tmp_path)) == 2


def test_another_window_is_another_request(server: Loopback, http: Http, tmp_path: Path):
    server.script(PATH, Reply(200, ROWS, {"ETag": '"v1"'}, ranges=True))
    august = DateWindow(date(2026, 8, 1), date(2026, 8, 31))
    first = run(http, tmp_path, replace(REMOTE, window=august)).receipt
    september = DateWindow(date(2026, 9, 1), date(2026, 9, 1))
    second = run(http, tmp_path, replace(REMOTE, window=september), first)
    assert not second.unchanged
    assert (second.receipt.window_from, second.receipt.window_to) == (
        september.start,
        september.end,
    )
    assert "if-none-match" not in server.asked(PATH)[1].headers


def test_a_file_taken_by_a_run_that_failed_later_is_not_taken_again(
    server: Loopback, http: Http, tmp_path: Path
):
    server.script(PATH, Reply(200, ROWS))
    announced = replace(REMOTE, checksum=Checksum("sha256", hashlib.sha256(ROWS).hexdigest()))
    first = run(http, tmp_path, announced).receipt
    assert run(http, tmp_path, announced) == Outcome(first, unchanged=False)
    assert len(server.seen) == 1
    first.path(tmp_path).write_bytes(b"damaged")
    assert run(http, tmp_path, announced).receipt.verify(tmp_path).read_bytes() == ROWS
    assert len(server.seen) == 2


def test_304_to_an_unconditional_request_is_an_error(server: Loopback, http: Http, tmp_path: Path):
    server.script(PATH, Reply(304))
    with pytest.raises(PortalError, match="unconditional"):
        run(http, tmp_path)


def test_a_full_disk_is_found_before_anything_is_asked(
    server: Loopback, http: Http, tmp_path: Path
):
    server.script(PATH, Reply(200, ROWS))
    with pytest.raises(StateError, match="bytes free"):
        run(http, tmp_path, replace(REMOTE, size=1 << 60))
    assert server.seen == []


def test_a_full_disk_is_found_from_the_announced_length(
    server: Loopback, http: Http, tmp_path: Path
):
    server.script(PATH, Reply(200, b"siren\n", {"Content-Length": str(1 << 60)}, length=False))
    with pytest.raises(StateError, match="bytes free"):
        run(http, tmp_path)


def test_a_slow_drip_is_cut_and_can_be_resumed(server: Loopback, tmp_path: Path):
    server.script(PATH, Reply(200, ROWS, {"ETag": '"v1"'}, drip=0.005))
    limits = Limits(connect=60, read=60, window=0.1, min_rate=10_000)
    retry = Retry(attempts=1)
    with (
        fast_http(server, HOST, limits=limits, retry=retry) as http,
        pytest.raises(CutError, match="too slowly"),
    ):
        run(http, tmp_path)
    [part] = tmp_path.rglob("*.part")
    assert ROWS.startswith(part.read_bytes())


def test_a_vanished_file_is_not_tried_again(server: Loopback, http: Http, tmp_path: Path):
    server.script(PATH, Reply(410))
    with pytest.raises(MissingError):
        run(http, tmp_path)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "point", ["raw:before-rename", "raw:after-rename", "receipt:before-rename"]
)
def test_a_kill_at_any_point_leaves_nothing_half_and_the_next_run_finishes(
    server: Loopback, http: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
):
    def kill(name: str) -> None:
        if name == point:
            raise KeyboardInterrupt

    server.script(PATH, Reply(200, ROWS, {"ETag": '"v1"'}, ranges=True))
    monkeypatch.setattr(files, "on_point", kill)
    with pytest.raises(KeyboardInterrupt):
        run(http, tmp_path)
    assert not list(tmp_path.rglob("*.receipt.json"))
    monkeypatch.undo()
    receipt = run(http, tmp_path).receipt
    assert receipt.verify(tmp_path).read_bytes() == ROWS
    assert len(kept(tmp_path)) == 2


@pytest.mark.parametrize("declared", ["csv", "xlsx", "parquet"])
@pytest.mark.parametrize("body", [ROWS, parquet()], ids=["text", "parquet"])
def test_a_table_may_come_in_another_format_than_declared(
    server: Loopback, http: Http, tmp_path: Path, declared: str, body: bytes
):
    # Egapro was a CSV until 2022 and is a workbook since: the reader looks for itself.
    server.script(PATH, Reply(200, body, {"ETag": '"v1"'}))
    assert run(http, tmp_path, format=declared).receipt.bytes == len(body)
