from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from descriptions import dataset, resource
from loopback import Loopback, Reply, as_json, fast_http

from opendata.errors import PortalError
from opendata.http import UnavailableError
from opendata.portals.datagouv import DataGouv
from opendata.remote import Checksum, RemoteFile, ResourceGoneError

HOST = "www.data.gouv.fr"
RECORDED = Path(__file__).parent.parent / "data" / "recorded" / "datagouv"
CATALOGUE = "5d13a8b6634f41070a43dff3"
DATASERVICES = "322d1475-f36a-472d-97ce-d218c8f79092"


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))


def describe(
    server: Loopback, answer: Any, *, rid: str = DATASERVICES, did: str = CATALOGUE, **changes: Any
) -> RemoteFile:
    described = dataset(resource(id=rid, **changes), dataset_id=did)
    reply = answer if isinstance(answer, Reply) else as_json(answer)
    server.script(f"/{HOST}/api/1/datasets/{did}/", reply)
    with fast_http(server, HOST) as http:
        return DataGouv(http).describe(described, described.resources[0], None)


def test_a_recorded_dataset_is_read(server: Loopback):
    title = "export-dataservice-20250407-061526.csv"
    assert describe(server, recorded("dataset_catalogue"), title_pattern=r"export-.*\.csv") == (
        RemoteFile(
            portal="datagouv",
            dataset_id=CATALOGUE,
            resource_id=DATASERVICES,
            url="https://static.data.gouv.fr/resources/catalogue-des-donnees-de-data-gouv-fr/"
            f"20250407-061526/{title}",
            title=title,
            licence_id="lov2",
            format="csv",
            file_name=title,
            publisher_date=date(2025, 4, 7),
            last_modified=datetime(2025, 4, 7, 8, 15, 26, 421000, tzinfo=UTC),
            size=1643394,
            checksum=Checksum("sha1", "0d7bb1d30a853949fb522fb7f8b330cbb9cf38c5"),
        )
    )


def test_another_recorded_dataset_has_the_older_licence(server: Loopback):
    answer = recorded("dataset_fr_lo")
    first = answer["resources"][0]
    remote = describe(server, answer, rid=first["id"], did=answer["id"])
    assert remote.licence_id == "fr-lo"
    assert remote.size == 73933
    # 22:30 UTC is the next day in Paris, the legal date.
    assert remote.last_modified == datetime(2024, 10, 17, 22, 30, 9, 835000, tzinfo=UTC)
    assert remote.publisher_date == date(2024, 10, 18)


def test_a_recorded_resource_without_checksum_or_size(server: Loopback):
    answer = {**recorded("dataset_catalogue"), "resources": [recorded("resource_remote")]}
    remote = describe(server, answer, rid=answer["resources"][0]["id"])
    assert (remote.checksum, remote.size) == (None, None)
    assert remote.url.startswith("https://")


def test_a_resource_that_is_not_inline_is_asked_from_api_2(server: Loopback):
    wrapper = recorded("resource_api2")
    rid = wrapper["resource"]["id"]
    wrapper["dataset_id"] = CATALOGUE
    server.script(f"/{HOST}/api/2/datasets/resources/{rid}/", as_json(wrapper))
    link = {**recorded("dataset_catalogue"), "resources": {"rel": "subsection", "total": 8}}
    remote = describe(server, link, rid=rid)
    assert remote.checksum == Checksum("sha1", "0d7bb1d30a853949fb522fb7f8b330cbb9cf38c5")


def test_the_date_of_the_title_names_the_vintage(server: Loopback):
    answer = recorded("dataset_catalogue")
    for found in answer["resources"]:
        found["title"] = "Sirene : Fichier StockUniteLegale du 01 Août 2026 (format parquet)"
    assert describe(server, answer).publisher_date == date(2026, 8, 1)


def test_a_vanished_resource(server: Loopback):
    with pytest.raises(ResourceGoneError, match="vanished"):
        describe(server, recorded("dataset_catalogue"), rid="gone")


def test_a_resource_that_moved_to_another_dataset(server: Loopback):
    wrapper = {**recorded("resource_api2"), "dataset_id": "another"}
    rid = wrapper["resource"]["id"]
    server.script(f"/{HOST}/api/2/datasets/resources/{rid}/", as_json(wrapper))
    with pytest.raises(ResourceGoneError, match="belongs to the dataset another"):
        describe(server, recorded("dataset_catalogue"), rid=rid)


def test_a_resource_that_cannot_be_asked_is_not_gone(server: Loopback):
    server.script(f"/{HOST}/api/2/datasets/resources/r9/", Reply(500))
    with pytest.raises(UnavailableError):
        describe(server, recorded("dataset_catalogue"), rid="r9")


def test_a_permuted_id_is_found_by_its_title(server: Loopback):
    with pytest.raises(PortalError, match=r"titled 'export-dataservice.*unexpected"):
        describe(server, recorded("dataset_catalogue"), title_pattern=r"export-reuse-.*\.csv")


@pytest.mark.parametrize("status", [404, 410])
def test_a_vanished_dataset_is_more_than_a_vanished_resource(server: Loopback, status: int):
    with pytest.raises(PortalError, match="no longer exists") as caught:
        describe(server, Reply(status))
    assert not isinstance(caught.value, ResourceGoneError)


@pytest.mark.parametrize(
    ("state", "value"),
    [("archived", "2026-01-01T00:00:00"), ("deleted", "2026-01-01T00:00:00"), ("private", True)],
)
def test_a_dataset_that_is_no_longer_public(server: Loopback, state: str, value: object):
    with pytest.raises(PortalError, match=f"the dataset is {state}"):
        describe(server, {**recorded("dataset_catalogue"), state: value})


def test_a_missing_licence_is_not_an_open_one(server: Loopback):
    answer = {**recorded("dataset_catalogue"), "license": None}
    assert describe(server, answer).licence_id == "notspecified"


@pytest.mark.parametrize("answer", [[], {"title": "x"}, "x"])
def test_an_answer_that_is_no_dataset(server: Loopback, answer: object):
    with pytest.raises(PortalError, match="not a dataset"):
        describe(server, answer)


@pytest.mark.parametrize(
    ("announced", "expected"),
    [
        ({"type": "sha256", "value": "AB"}, Checksum("sha256", "ab")),
        ({"type": "md5", "value": "ab"}, Checksum("md5", "ab")),
        ({"type": "crc", "value": "ab"}, None),
        ({"type": "sha1", "value": None}, None),
        (None, None),
    ],
)
def test_kinds_of_checksum(server: Loopback, announced: object, expected: Checksum | None):
    answer = recorded("dataset_catalogue")
    for found in answer["resources"]:
        found["checksum"] = announced
    assert describe(server, answer).checksum == expected


def test_a_name_that_would_be_a_path_is_made_harmless(server: Loopback):
    answer = recorded("dataset_catalogue")
    for found in answer["resources"]:
        found["url"] = "https://static.data.gouv.fr/a/..%2F..%2Fetc%20passwd"
    assert describe(server, answer).file_name == "2F..-2Fetc-20passwd"
