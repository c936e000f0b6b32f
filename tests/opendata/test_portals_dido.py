from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from descriptions import dataset, resource
from loopback import Loopback, Reply, as_json, fast_http, loopback

from opendata.errors import PortalError
from opendata.portals.dido import Dido
from opendata.remote import RemoteFile, ResourceGoneError

HOST = "data.statistiques.developpement-durable.gouv.fr"
PATH = f"/{HOST}/dido/api/v1/datasets/d1"
ANSWER = {
    "id": "d1",
    "title": "Sitadel",
    "license": "fr-lo",
    "last_modified": "2026-07-28T10:00:00.000Z",
    "datafiles": [
        {
            "rid": "id-stock",
            "title": "Liste des permis de construire",
            "millesimes": [
                {"millesime": "2026-05", "rows": 10},
                {"millesime": "2026-06", "rows": 12},
            ],
        }
    ],
}


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as running:
        running.script(PATH, as_json(ANSWER))
        yield running


def describe(server: Loopback, **changes: Any) -> RemoteFile:
    described = dataset(resource(**changes), portal="dido", host=f"https://{HOST}")
    with fast_http(server, HOST) as http:
        return Dido(http).describe(described, described.resources[0], None)


def test_the_latest_vintage_is_asked_with_one_header_line(server: Loopback):
    remote = describe(server)
    assert urlsplit(remote.url).path == "/dido/api/v1/datafiles/id-stock/csv"
    assert parse_qs(urlsplit(remote.url).query) == {
        "withColumnName": ["true"],
        "withColumnDescription": ["false"],
        "withColumnUnit": ["false"],
        "millesime": ["2026-06"],
    }
    assert remote.licence_id == "fr-lo"
    assert remote.publisher_date == date(2026, 7, 28)
    assert remote.rows_expected == 12
    assert remote.file_name == "stock.2026-06.csv"


def test_a_filtered_file_has_no_announced_count(server: Loopback):
    remote = describe(server, query={"DEP_CODE": "eq:69"})
    assert remote.rows_expected is None
    assert parse_qs(urlsplit(remote.url).query)["DEP_CODE"] == ["eq:69"]


def test_what_vanished(server: Loopback):
    with pytest.raises(ResourceGoneError, match="data file other vanished"):
        describe(server, id="other")
    server.script(PATH, Reply(404))
    with pytest.raises(PortalError, match="no longer exists"):
        describe(server)


@pytest.mark.parametrize("answer", [{}, [], {"datafiles": None}])
def test_an_answer_that_is_no_dataset(server: Loopback, answer: object):
    server.script(PATH, as_json(answer))
    with pytest.raises(PortalError, match="not a dataset"):
        describe(server)


def test_a_file_without_vintage_is_an_error(server: Loopback):
    server.script(PATH, as_json({**ANSWER, "datafiles": [{"rid": "id-stock", "millesimes": []}]}))
    with pytest.raises(PortalError, match="no vintage"):
        describe(server)
