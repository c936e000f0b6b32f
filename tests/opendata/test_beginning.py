"""The beginning of a file: small reads, and the headers through every packing."""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
from typing import Any

import polars as pl
import pytest
from descriptions import COLUMN, dataset, resource
from loopback import Loopback, Reply, fast_http

from opendata import beginning
from opendata.beginning import SMALL, headers_of, read_beginning
from opendata.catalogue import Resource
from opendata.errors import ContractError, DownloadError, PortalError

HOST = "www.data.gouv.fr"
URL, PATH = f"https://{HOST}/file", f"/{HOST}/file"
HEADERS = ["siren", "nom", "Année"]


def described(**changes: Any) -> Resource:
    return dataset(resource(**changes)).resources[0]


def lines(delimiter: str = ",") -> bytes:
    """Return a CSV several times as long as what is read, which does not compress away."""
    chance = random.Random(7)  # noqa: S311
    rows = (
        f"{chance.randrange(10**9):09}{delimiter}{chance.random()}{delimiter}2020\n"
        for _ in range(20_000)
    )
    return (delimiter.join(HEADERS) + "\n" + "".join(rows)).encode()


def zipped(content: bytes, name: str = "file.csv", **options: Any) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", **{"compression": zipfile.ZIP_DEFLATED, **options}) as target:
        target.writestr(name, content)
    return packed.getvalue()


def workbook() -> bytes:
    content = io.BytesIO()
    pl.DataFrame({name: ["1"] for name in HEADERS}).write_excel(content)
    return content.getvalue()


def parquet() -> bytes:
    content = io.BytesIO()
    pl.DataFrame({name: ["1"] for name in HEADERS}).write_parquet(content)
    return content.getvalue()


def headers(server: Loopback, content: bytes, **changes: Any) -> list[str]:
    # Without a length the server expects to be left, as it is after a small read.
    server.script(PATH, Reply(200, content, length=False))
    with fast_http(server, HOST) as http:
        return headers_of(read_beginning(http, URL), described(**changes))


def test_a_range_is_asked_and_a_server_that_ignores_it_is_left(server: Loopback) -> None:
    server.script(PATH, Reply(200, lines(), length=False))
    with fast_http(server, HOST) as http:
        found = read_beginning(http, URL)
    assert [seen.headers["range"] for seen in server.asked(PATH)] == [f"bytes=0-{SMALL - 1}"]
    assert (len(found.content), found.whole, found.kind) == (SMALL, False, "text")


@pytest.mark.parametrize(
    ("content", "changes"),
    [
        (lines(), {}),
        (b"\xef\xbb\xbf" + lines(), {}),
        (lines(";"), {}),
        (lines(";").decode().encode("windows-1252"), {"csv": {"encoding": "windows-1252"}}),
        (b"not a header\n" + lines(), {"csv": {"skip_lines": 1}}),
        (zipped(lines()), {"archive": "zip"}),
        (zipped(lines(), compression=zipfile.ZIP_STORED), {"archive": "zip"}),
        (zipped(lines()), {"archive": "zip", "member": "file.csv"}),
        (gzip.compress(lines(), mtime=0), {"archive": "gzip"}),
        (workbook(), {"format": "xlsx"}),
        (parquet(), {"format": "parquet"}),
        (workbook(), {}),
    ],
)
def test_headers_are_seen_whatever_the_packing(
    server: Loopback, content: bytes, changes: dict[str, Any]
) -> None:
    columns = [COLUMN, {**COLUMN, "name": "annee", "source": "Année"}]
    assert headers(server, content, columns=columns, **changes) == HEADERS


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([{"siren": "1", "nom": None}, {"siren": "2"}]),
        '{"siren": "1", "nom": null}\n{"siren": "2", "nom": "x"}\n',
        json.dumps({"total": 1, "results": [{"siren": "1", "nom": None}]}),
        json.dumps([{"siren": "1", "nom": None}, {"x": "y" * 2 * SMALL}]),
    ],
)
def test_headers_of_json_are_the_keys_of_its_first_record(server: Loopback, text: str) -> None:
    assert headers(server, text.encode(), format="json") == ["siren", "nom"]


def test_a_workbook_longer_than_a_small_read_is_read_whole(server: Loopback) -> None:
    content = io.BytesIO()
    chance = random.Random(7)  # noqa: S311
    rows = [f"{chance.random()}" for _ in range(10_000)]
    pl.DataFrame({"siren": rows, "nom": rows}).write_excel(content)
    assert len(content.getvalue()) > SMALL
    assert headers(server, content.getvalue(), format="xlsx") == ["siren", "nom"]
    assert len(server.asked(PATH)) == 2


def test_a_workbook_too_large_for_a_look_is_not_looked_into(
    server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beginning, "SMALL", 100)
    monkeypatch.setattr(beginning, "WHOLE", 200)
    with pytest.raises(ContractError, match="can only be read whole"):
        headers(server, workbook(), format="xlsx")


def test_a_damaged_or_foreign_archive_is_an_error_of_ours(server: Loopback) -> None:
    with pytest.raises(ContractError, match=r"begins with 'file\.csv', not with 'other\.csv'"):
        headers(server, zipped(lines()), archive="zip", member="other.csv")
    broken = bytearray(zipped(lines()))
    broken[40:60] = b"\xff" * 20
    with pytest.raises(DownloadError, match="damaged"):
        headers(server, bytes(broken), archive="zip")
    with pytest.raises(ContractError, match="not JSON"):
        headers(server, b'{"siren": ', format="json")


def test_a_file_that_is_not_there_is_a_portals_error(server: Loopback) -> None:
    with fast_http(server, HOST) as http, pytest.raises(PortalError, match="does not exist"):
        read_beginning(http, URL)


def test_an_empty_file_is_empty_and_whole(server: Loopback) -> None:
    server.script(PATH, Reply(416, b""))
    with fast_http(server, HOST) as http:
        found = read_beginning(http, URL)
    assert (found.content, found.whole, found.kind) == (b"", True, "empty")
