"""What the tests of downloads share: one file of a portal, and a run that takes it.

Belongs here: the file, its description, one download. Does not belong here: the server
(``loopback``).
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from descriptions import dataset, resource
from loopback import Loopback, Reply, fast_http

from opendata.clock import Clock
from opendata.download import Download, Outcome
from opendata.http import CutError, Http
from opendata.pace import Retry
from opendata.portals.datagouv import DataGouv
from opendata.receipt import Receipt
from opendata.remote import RemoteFile

HOST = "static.data.gouv.fr"
PATH = f"/{HOST}/stock.csv"
ROWS = b"siren\n" + b"".join(b"%09d\n" % number for number in range(60_000))
SIZE = len(ROWS)
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
V1 = {"ETag": '"v1"'}
HALF = Reply(200, ROWS, V1, reset_after=100_000)


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
