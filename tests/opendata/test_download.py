"""A file arrives whole, with its receipt, or not at all."""

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
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from downloads import CLOCK, HOST, PATH, REMOTE, ROWS, job, kept, run
from loopback import Loopback, Reply, fast_http

from opendata import files
from opendata.download import Outcome
from opendata.errors import DownloadError, PortalError, StateError
from opendata.http import CutError, Http, MissingError
from opendata.pace import Limits, Retry
from opendata.portals.datagouv import DataGouv
from opendata.receipt import Receipt, load_receipt, receipt_path
from opendata.remote import Checksum, DateWindow


@pytest.fixture
def http(server: Loopback) -> Iterator[Http]:
    with fast_http(server, HOST) as client:
        yield client


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
