from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from descriptions import dataset, resource, window
from loopback import Loopback, Reply, as_json, fast_http, loopback

from opendata.errors import PortalError, SettingsError
from opendata.portals.opendatasoft import Opendatasoft
from opendata.remote import DateWindow, RemoteFile

HOST = "bodacc-datadila.opendatasoft.com"
BASE = f"/{HOST}/api/explore/v2.1/catalog/datasets/annonces-commerciales"
AUGUST = DateWindow(date(2026, 8, 1), date(2026, 8, 3))
METADATA = {
    "dataset_id": "annonces-commerciales",
    "has_records": True,
    "fields": [
        {"name": "id", "type": "text"},
        {"name": "dateparution", "type": "date"},
    ],
    "metas": {
        "default": {
            "title": "BODACC",
            "license": "Licence Ouverte v2.0 (Etalab)",
            "data_processed": "2026-08-03T04:10:00+00:00",
            "modified": "2026-08-01T00:00:00+00:00",
        }
    },
}
WHERE = "dateparution >= date'2026-08-01' AND dateparution < date'2026-08-04'"


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as running:
        running.script(BASE, as_json(METADATA))
        running.script(f"{BASE}/records", as_json({"total_count": 3, "results": []}))
        yield running


def describe(server: Loopback, period: DateWindow | None = AUGUST, **changes: Any) -> RemoteFile:
    fields = {"id": "annonces-commerciales", "format": "jsonl", "window": window(), **changes}
    described = dataset(resource(**fields), portal="opendatasoft", host=f"https://{HOST}")
    with fast_http(server, HOST) as http:
        return Opendatasoft(http).describe(described, described.resources[0], period)


def query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_the_window_is_a_half_open_condition_on_the_date_field(server: Loopback):
    remote = describe(server)
    assert urlsplit(remote.url).path == f"{BASE.removeprefix('/' + HOST)}/exports/jsonl"
    assert query(remote.url) == {"where": WHERE, "timezone": "Europe/Paris"}
    assert remote.rows_expected == 3
    assert remote.licence_id == "lov2"
    assert remote.publisher_date == date(2026, 8, 3)
    assert remote.file_name == "annonces-commerciales.jsonl"
    [count] = server.asked(f"{BASE}/records")
    assert count.query == {"where": WHERE, "timezone": "Europe/Paris", "limit": "0"}


def test_a_filter_of_the_description_is_kept_beside_the_window(server: Loopback):
    own = {"where": "familleavis='vente' OR familleavis='collective'", "select": "id"}
    remote = describe(server, query=own)
    assert query(remote.url)["where"] == f"({own['where']}) AND {WHERE}"
    assert query(remote.url)["select"] == "id"
    assert "select" not in server.asked(f"{BASE}/records")[0].query


def test_a_csv_export_has_technical_names_and_no_mark(server: Loopback):
    remote = describe(server, format="csv", csv={"delimiter": ";"})
    asked = query(remote.url)
    assert (asked["delimiter"], asked["use_labels"], asked["with_bom"]) == (";", "false", "false")


def test_a_filter_that_never_matches_is_told_from_a_quiet_day(server: Loopback):
    none = as_json({"total_count": 0})
    server.script(f"{BASE}/records", none, none)
    with pytest.raises(PortalError, match="match no record of any period"):
        describe(server, query={"refine": "familleavis:ventes"})
    assert [seen.query.get("where") for seen in server.asked(f"{BASE}/records")] == [WHERE, None]
    server.script(f"{BASE}/records", none, as_json({"total_count": 9}))
    assert describe(server).rows_expected == 0


def test_a_date_field_that_is_gone_is_an_error(server: Loopback):
    with pytest.raises(PortalError, match="no date field 'date_parution'"):
        describe(server, window=window(field="date_parution"))


@pytest.mark.parametrize("answer", [{}, {"total_count": "many"}, []])
def test_a_count_is_needed(server: Loopback, answer: object):
    server.script(f"{BASE}/records", as_json(answer))
    with pytest.raises(PortalError, match="does not say how many"):
        describe(server)


def test_an_error_with_status_200_is_an_error(server: Loopback):
    server.script(f"{BASE}/records", as_json({"error_code": "ODSQLError", "message": "bad where"}))
    with pytest.raises(PortalError, match="bad where"):
        describe(server)


def test_a_vanished_or_emptied_dataset(server: Loopback):
    server.script(BASE, as_json({**METADATA, "has_records": False}))
    with pytest.raises(PortalError, match="has no records"):
        describe(server)
    server.script(BASE, Reply(404))
    with pytest.raises(PortalError, match="no longer exists"):
        describe(server)


@pytest.mark.parametrize(
    "changes", [{"query": {"offset": "10"}}, {"format": "xml"}, {"archive": "zip"}]
)
def test_what_an_export_cannot_be(server: Loopback, changes: dict[str, Any]):
    with pytest.raises(SettingsError, match="without offset"):
        describe(server, **changes)
    assert server.seen == []
