"""Every way in which the sample portal can drift is told, with what to edit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest
from descriptions import dataset, resource
from loopback import TLS, Loopback, Reply, as_json, fast_http

from opendata.addresses import Addresses, PortalBases
from opendata.catalogue import Dataset, load_catalogue
from opendata.http import Http
from opendata.live_check import Drift, check_dataset
from opendata.pace import Gates, Pace, Retry
from opendata.portals import portals
from opendata.sample_portal import Kind, SamplePortal

ROOT = Path(__file__).parents[2]
CATALOGUE = load_catalogue(ROOT / "assets")
#: The last date on which the sample shows something new of each dataset.
DATES = {
    "sirene": date(2017, 5, 2),
    "bodacc": date(2021, 1, 11),
    "egapro": date(2021, 3, 2),
    "decp": date(2025, 1, 6),
}
HOSTS = [url.removeprefix("https://") for url in {d.host for d in CATALOGUE.values()}]
PORTAL, STATIC = "www.data.gouv.fr", "static.data.gouv.fr"


@pytest.fixture(scope="module")
def sample() -> Iterator[SamplePortal]:
    with SamplePortal(ROOT / "data" / "sample") as running:
        yield running


def check(sample: SamplePortal, name: str, *, today: date | None = None) -> list[Drift]:
    day = today or DATES[name]
    sample.set_date(day)
    addresses = Addresses(HOSTS, bases=PortalBases(sample.bases()))
    gates = Gates(paces={}, default=Pace(interval=0.0))
    with Http(addresses, gates=gates, retry=Retry(attempts=1), tls=TLS) as http:
        return check_dataset(
            CATALOGUE[name],
            portal=portals(http)[CATALOGUE[name].portal],
            http=http,
            today=day,
            described_in=f"assets/{name}/dataset.yml",
        )


def drifted(sample: SamplePortal, name: str, kind: Kind) -> list[Drift]:
    sample.drift(kind, CATALOGUE[name].resources[0].id)
    try:
        return check(sample, name)
    finally:
        sample.restore()


@pytest.mark.parametrize("name", ["sirene", "bodacc", "decp"])
def test_a_portal_as_described_shows_no_drift(sample: SamplePortal, name: str) -> None:
    assert check(sample, name) == []


def test_a_table_in_another_shape_is_told_and_stops_nothing(sample: SamplePortal) -> None:
    """The sample's Egapro is the CSV of 2022; the description is of today's workbook."""
    (drift,) = check(sample, "egapro")
    assert (drift.what, drift.expected, drift.stops) == ("format", "xlsx", False)
    assert drift.found == "csv announced, csv sent"


#: What each drift must lead to: what is told, what is found, whether a run would stop.
EXPECTED: dict[tuple[str, Kind], tuple[str, str, bool] | None] = {
    ("sirene", "title"): ("title", "Fichier renommé par le producteur", True),
    ("sirene", "format"): ("format", "xlsx announced, zip sent", False),
    ("sirene", "header"): ("columns", "renomme_siren", True),
    ("sirene", "licence"): ("licence", "notspecified", True),
    ("sirene", "vanished"): ("resource", "vanished from the dataset", True),
    # No title is described, so that none can differ.
    ("bodacc", "title"): None,
    ("bodacc", "format"): ("answer", "no date field 'dateparution'", True),
    ("bodacc", "header"): ("columns", "renomme_id", True),
    ("bodacc", "licence"): ("licence", "notspecified", True),
    ("bodacc", "vanished"): ("resource", "no longer exists", True),
    ("decp", "title"): None,
    ("decp", "format"): ("format", "xlsx announced, csv sent", False),
    ("decp", "header"): ("columns", "renomme_uid", True),
    ("decp", "licence"): ("licence", "notspecified", True),
    ("decp", "vanished"): ("resource", "no longer exists", True),
}


def test_every_drift_of_the_sample_portal_is_expected_here() -> None:
    assert {kind for _, kind in EXPECTED} == set(get_args(Kind))


@pytest.mark.parametrize(("name", "kind"), EXPECTED)
def test_each_drift_is_told_once_with_what_to_edit(
    sample: SamplePortal, name: str, kind: Kind
) -> None:
    expected = EXPECTED[name, kind]
    found = drifted(sample, name, kind)
    if expected is None:
        assert found == []
        return
    (drift,) = found
    what, shown, stops = expected
    assert (drift.dataset, drift.what, drift.stops) == (name, what, stops)
    assert shown in drift.found
    assert f"assets/{name}/dataset.yml" in drift.edit


def test_a_renamed_column_names_the_column_to_edit(sample: SamplePortal) -> None:
    (drift,) = drifted(sample, "bodacc", "header")
    assert drift.expected == "id"
    assert drift.edit == (
        "`columns`, notice_id: the new header to `synonyms` of the resource "
        "annonces-commerciales in assets/bodacc/dataset.yml"
    )


def test_several_drifts_are_all_told(sample: SamplePortal) -> None:
    for kind in ("title", "header", "licence"):
        sample.drift(kind, CATALOGUE["sirene"].resources[1].id)
    try:
        found = check(sample, "sirene")
    finally:
        sample.restore()
    assert [(drift.resource, drift.what) for drift in found] == [
        ("", "licence"),
        ("stock-etablissement", "title"),
        ("stock-etablissement", "columns"),
    ]


@pytest.mark.parametrize(("day", "stops"), [(date(2021, 1, 15), False), (date(2021, 1, 25), True)])
def test_silence_of_the_publisher_is_told(sample: SamplePortal, day: date, *, stops: bool) -> None:
    (drift,) = check(sample, "bodacc", today=day)
    assert (drift.what, drift.stops) == ("date", stops)
    assert drift.found.startswith("2021-01-08")


# -- what the sample does not do --------------------------------------------------------


def serve(server: Loopback, contents: Mapping[str, bytes], months: Mapping[str, str]) -> None:
    """Let the server answer as data.gouv.fr with one resource for each of ``contents``."""
    listed = []
    for name, content in contents.items():
        server.script(f"/{STATIC}/{name}.csv", Reply(200, content))
        listed.append(
            {
                "id": f"id-{name}",
                "title": f"Fichier {name} du 01 {months.get(name, 'septembre')} 2026",
                "url": f"https://{STATIC}/{name}.csv",
                "format": "csv",
                "checksum": {"type": "sha1", "value": hashlib.sha1(content).hexdigest()},  # noqa: S324
                "last_modified": "2026-09-01T07:40:00+00:00",
            }
        )
    answer = {"id": "d1", "license": "lov2", "resources": listed}
    server.script(f"/{PORTAL}/api/1/datasets/d1/", as_json(answer))


def check_described(server: Loopback, described: Dataset) -> list[Drift]:
    with fast_http(server, PORTAL, STATIC, retry=Retry(attempts=1)) as http:
        return check_dataset(
            described,
            portal=portals(http)["datagouv"],
            http=http,
            today=date(2026, 9, 2),
            described_in="assets/essai/dataset.yml",
        )


def pair(**changes: Any) -> Dataset:
    return dataset(resource("units"), resource("sites"), **changes)


def test_resources_of_different_months_are_told(server: Loopback) -> None:
    serve(server, dict.fromkeys(("units", "sites"), b"siren\n1\n"), {"units": "août"})
    (drift,) = check_described(server, pair(coherent=True))
    assert (drift.resource, drift.what, drift.found) == ("", "date", "units 2026-08, sites 2026-09")
    assert check_described(server, pair(coherent=False)) == []


@pytest.mark.parametrize("content", [b"<!doctype html><html>maintenance</html>", b""])
def test_a_page_in_the_place_of_data_stops_a_run(server: Loopback, content: bytes) -> None:
    serve(server, {"units": content, "sites": b"siren\n1\n"}, {})
    (drift,) = check_described(server, pair())
    assert (drift.resource, drift.what, drift.stops) == ("units", "format", True)


def test_a_file_that_is_gone_is_told_and_the_others_are_still_checked(server: Loopback) -> None:
    serve(server, {"units": b"siren\n1\n", "sites": b"numero\n1\n"}, {})
    server.script(f"/{STATIC}/units.csv", Reply(404, b""))
    found = check_described(server, pair())
    assert [(drift.resource, drift.what) for drift in found] == [
        ("units", "answer"), ("sites", "columns"),
    ]  # fmt: skip


def test_a_portal_that_does_not_answer_is_told(server: Loopback) -> None:
    server.script(f"/{PORTAL}/api/1/datasets/d1/", Reply(503, b""))
    found = check_described(server, pair())
    assert [(drift.resource, drift.what, drift.stops) for drift in found] == [
        ("units", "answer", True), ("sites", "answer", True),
    ]  # fmt: skip
    assert "503" in found[0].found


def test_an_optional_resource_may_be_gone(server: Loopback) -> None:
    serve(server, {"units": b"siren\n1\n"}, {})
    described = dataset(resource("units"), resource("sites", optional=True))
    (drift,) = check_described(server, described)
    assert (drift.resource, drift.what, drift.stops) == ("sites", "resource", False)
