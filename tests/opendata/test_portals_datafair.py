from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from descriptions import dataset, resource, window
from loopback import Loopback, Reply, as_json, fast_http, loopback

from opendata.clock import Clock
from opendata.download import Download
from opendata.errors import DownloadError, PortalError
from opendata.portals.datafair import DataFair
from opendata.receipt import Receipt
from opendata.remote import DateWindow, RemoteFile

HOST = "data.ademe.fr"
BASE = f"/{HOST}/data-fair/api/v1/datasets/rge"
LINES = f"{BASE}/lines"
NEXT = f"https://{HOST}/data-fair/api/v1/datasets/rge/lines2"
LINES2 = f"{BASE}/lines2"
METADATA = {
    "id": "rge",
    "title": "Liste des entreprises RGE",
    "license": {"title": "Licence Ouverte / Open Licence version 2.0"},
    "dataUpdatedAt": "2026-08-02T23:30:00.000Z",
}
ROWS = [{"siret": f"{number:014d}", "nom": "É"} for number in range(5)]
COUNT = as_json({"total": 5, "results": []})


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as running:
        running.script(BASE, as_json(METADATA))
        yield running


def described(**changes: Any) -> Any:
    fields = {"id": "rge", "format": "jsonl", **changes}
    return dataset(resource(**fields), portal="datafair", host=f"https://{HOST}")


def describe(server: Loopback, period: DateWindow | None = None, **changes: Any) -> RemoteFile:
    whole = described(**changes)
    with fast_http(server, HOST) as http:
        return DataFair(http).describe(whole, whole.resources[0], period)


def take(server: Loopback, tmp_path: Path) -> Receipt:
    whole = described()
    with fast_http(server, HOST) as http:
        portal = DataFair(http)
        remote = portal.describe(whole, whole.resources[0], None)
        job = Download(whole, whole.resources[0], remote, tmp_path, Clock.at(date(2026, 8, 3)))
        return job.run(http, portal).receipt


def page(rows: list[Any], total: int = 5, following: str | None = None) -> Reply:
    return as_json({"total": total, "results": rows, **({"next": following} if following else {})})


def test_metadata(server: Loopback):
    server.script(LINES, COUNT)
    remote = describe(server, query={"select": "siret", "size": "1000"})
    assert remote.licence_id == "lov2"
    assert remote.publisher_date == date(2026, 8, 3)
    assert remote.rows_expected == 5
    assert parse_qs(urlsplit(remote.url).query) == {"size": ["1000"], "select": ["siret"]}
    assert server.asked(LINES)[0].query["size"] == "0"


def test_a_window_is_a_range_of_the_query(server: Loopback):
    server.script(LINES, COUNT)
    period = DateWindow(date(2026, 8, 1), date(2026, 8, 3))
    remote = describe(server, period, window=window(field="maj"), query={"qs": "domaine:x"})
    [asked] = parse_qs(urlsplit(remote.url).query)["qs"]
    assert asked == "(domaine:x) AND maj:[2026-08-01 TO 2026-08-03]"


def test_pages_are_followed_to_the_end(server: Loopback, tmp_path: Path):
    server.script(LINES, COUNT, page(ROWS[:3], following=NEXT))
    server.script(LINES2, page(ROWS[3:]))
    receipt = take(server, tmp_path)
    assert receipt.rows == 5
    lines = receipt.verify(tmp_path).read_text(encoding="utf-8").splitlines()
    assert lines[0] == '{"siret":"00000000000000","nom":"É"}'
    assert len(lines) == 5


@pytest.mark.parametrize("last", [ROWS[3:4], []])
def test_fewer_rows_than_the_total_are_refused(server: Loopback, tmp_path: Path, last: list[Any]):
    server.script(LINES, COUNT, page(ROWS[:3], following=NEXT))
    server.script(LINES2, page(last))
    with pytest.raises(DownloadError, match=f"says 5 records, {3 + len(last)} came"):
        take(server, tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_more_rows_than_the_total_are_refused(server: Loopback, tmp_path: Path):
    server.script(LINES, COUNT, page(ROWS + ROWS[:1], following=NEXT))
    with pytest.raises(DownloadError, match="says 5 records, 6 came"):
        take(server, tmp_path)


def test_a_total_that_changes_between_pages_is_refused(server: Loopback, tmp_path: Path):
    server.script(LINES, COUNT, page(ROWS[:3], following=NEXT))
    server.script(LINES2, page(ROWS[3:], total=6))
    with pytest.raises(DownloadError, match="data changed"):
        take(server, tmp_path)


def test_pages_that_lead_back_are_refused(server: Loopback, tmp_path: Path):
    server.script(LINES, COUNT, page(ROWS[:1], following=NEXT))
    server.script(LINES2, page(ROWS[1:2], following=NEXT))
    with pytest.raises(PortalError, match="lead back"):
        take(server, tmp_path)


@pytest.mark.parametrize("status", [200, 400, 500])
def test_all_shards_failed_is_tried_again_and_never_zero(
    server: Loopback, tmp_path: Path, status: int
):
    busy = Reply(status, b"search_phase_execution_exception: all shards failed")
    server.script(LINES, busy, COUNT, busy, page(ROWS))
    assert take(server, tmp_path).rows == 5
    assert len(server.asked(LINES)) == 4


def test_an_answer_without_total_is_an_error(server: Loopback):
    server.script(LINES, as_json({"results": []}))
    with pytest.raises(PortalError, match="does not say how many"):
        describe(server)


def test_a_vanished_dataset(server: Loopback):
    server.script(BASE, Reply(404))
    with pytest.raises(PortalError, match="no longer exists"):
        describe(server)
