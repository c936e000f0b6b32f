"""data.gouv.fr as the sample portal gives it, against recorded real answers."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from opendata.sample_portal import SamplePortal

API, STORAGE = "www.data.gouv.fr", "static.data.gouv.fr"
SIRENE = "5b7ffc618b4c4169d30727e0"
SLUG = "base-sirene-des-entreprises-et-de-leurs-etablissements-siren-siret"
UNITS = "825f4199-cadd-486c-ac46-a65a8ea1a047"
INDEX = "d434859f-8d3b-4381-bcdb-ec9200653ae6"

Get = Callable[..., Any]


def differing_types(real: dict[str, Any], ours: dict[str, Any]) -> dict[str, tuple[type, type]]:
    """Return the keys whose types differ where both sides have a value."""
    return {
        key: (type(real[key]), type(ours[key]))
        for key in real.keys() & ours.keys()
        if real[key] is not None
        and ours[key] is not None
        and type(real[key]) is not type(ours[key])
    }


def test_a_dataset_has_the_keys_and_types_of_a_real_one(
    get: Get, recorded: Callable[[str], Any]
) -> None:
    real, ours = recorded("dataset_v1.json"), get(API, f"/api/1/datasets/{SIRENE}/").json
    assert ours.keys() == real.keys()
    assert not differing_types(real, ours)
    assert ours["organization"].keys() == real["organization"].keys()
    assert ours["quality"].keys() == real["quality"].keys()
    assert ours["resources"][0].keys() == real["resources"][0].keys()
    assert not differing_types(real["resources"][0], ours["resources"][0])


def test_a_resource_of_api_v2_is_wrapped_like_a_real_one(
    get: Get, recorded: Callable[[str], Any]
) -> None:
    real, ours = recorded("resource_v2.json"), get(API, f"/api/2/datasets/resources/{UNITS}/").json
    assert ours.keys() == real.keys()
    assert ours["dataset_id"] == SIRENE
    assert ours["resource"].keys() == real["resource"].keys()
    assert not differing_types(real["resource"], ours["resource"])


def test_slug_and_id_give_the_same_dataset(get: Get) -> None:
    by_id = get(API, f"/api/1/datasets/{SIRENE}/")
    assert by_id.status == 200
    assert by_id.body == get(API, f"/api/1/datasets/{SLUG}/").body


@pytest.mark.parametrize("prefix", ["/api/1/datasets/r/", "/datasets/r/", "/fr/datasets/r/"])
def test_the_stable_address_leads_to_the_file_that_was_described(get: Get, prefix: str) -> None:
    described = get(API, f"/api/2/datasets/resources/{UNITS}/").json["resource"]
    hop = get(API, f"{prefix}{UNITS}")
    assert hop.status == 302
    official = described["url"].removeprefix("https://")
    assert hop.headers["location"].endswith(f"/{official}")
    host, _, path = official.partition("/")
    file = get(host, f"/{path}")
    assert len(file.body) == described["filesize"]
    assert hashlib.sha1(file.body).hexdigest() == described["checksum"]["value"]  # noqa: S324
    assert zipfile.ZipFile(io.BytesIO(file.body)).namelist() == ["StockUniteLegale_utf8.csv"]


def test_the_sample_is_never_shown_as_the_publishers_own(get: Get) -> None:
    for dataset in (SIRENE, "608c055b35eb4e6ee20eb325", "61a73dcfe3171089843587bf"):
        shown = get(API, f"/api/1/datasets/{dataset}/").json
        assert shown["title"].endswith(", échantillon")
        assert shown["description"].startswith("ÉCHANTILLON")
        assert all("extract" in one["extras"]["sample:note"] for one in shown["resources"])


@pytest.mark.parametrize(
    ("day", "month", "stamp"),
    [
        (date(2017, 1, 1), "01 janvier 2017", "20170101-074000"),
        (date(2017, 1, 31), "01 janvier 2017", "20170101-074000"),
        (date(2017, 2, 1), "01 février 2017", "20170201-074000"),
        (date(2026, 1, 1), "01 mai 2017", "20170501-074000"),
        (None, "01 mai 2017", "20170501-074000"),
    ],
)
def test_a_vintage_is_shown_from_its_publication_on(
    portal: SamplePortal, get: Get, day: date | None, month: str, stamp: str
) -> None:
    portal.set_date(day)
    resource = get(API, f"/api/1/datasets/{SIRENE}/").json["resources"][0]
    assert resource["title"] == f"Sirene : Fichier StockUniteLegale - {month}"
    assert f"/{stamp}/" in resource["url"]
    assert resource["last_modified"].startswith(f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}T07:40:00")


def test_nothing_is_there_before_the_first_publication(portal: SamplePortal, get: Get) -> None:
    later = get(API, f"/api/2/datasets/resources/{UNITS}/").json["resource"]["url"]
    portal.set_date(date(2016, 12, 31))
    assert get(API, f"/api/1/datasets/{SIRENE}/").status == 404
    assert get(API, f"/api/2/datasets/resources/{UNITS}/").status == 404
    assert get(API, f"/api/1/datasets/r/{UNITS}").status == 404
    assert get(STORAGE, later.removeprefix(f"https://{STORAGE}")).status == 404


def test_an_older_file_keeps_its_address(portal: SamplePortal, get: Get) -> None:
    portal.set_date(date(2017, 1, 1))
    old = get(API, f"/api/2/datasets/resources/{UNITS}/").json["resource"]
    portal.set_date(date(2017, 5, 1))
    file = get(STORAGE, old["url"].removeprefix(f"https://{STORAGE}"))
    assert hashlib.sha1(file.body).hexdigest() == old["checksum"]["value"]  # noqa: S324


@pytest.mark.parametrize(
    ("host", "path"),
    [
        (API, "/api/1/datasets/000000000000000000000000/"),
        (API, "/api/2/datasets/resources/00000000-0000-0000-0000-000000000000/"),
        (API, "/api/1/organizations/"),
        (STORAGE, f"/resources/{SLUG}/20170101-074000/other.zip"),
        (STORAGE, "/resources/../../portal.yml"),
        ("example.org", "/"),
    ],
)
def test_what_does_not_exist_is_not_found(get: Get, host: str, path: str) -> None:
    assert get(host, path).status == 404


class TestDrift:
    """Each thing a publisher may change shows, and only where it was switched on."""

    def test_title_and_format(self, portal: SamplePortal, get: Get) -> None:
        before = get(API, f"/api/1/datasets/{SIRENE}/").json["resources"]
        portal.drift("title", UNITS)
        portal.drift("format", UNITS)
        after = get(API, f"/api/1/datasets/{SIRENE}/").json["resources"]
        assert before[0]["title"] != after[0]["title"]
        assert (before[0]["format"], after[0]["format"]) == ("zip", "xlsx")
        assert after[1:] == before[1:]

    def test_header_in_a_zip_and_in_a_bare_file(self, portal: SamplePortal, get: Get) -> None:
        portal.drift("header", UNITS)
        portal.drift("header", INDEX)
        described = get(API, f"/api/2/datasets/resources/{UNITS}/").json["resource"]
        packed = get(STORAGE, described["url"].removeprefix(f"https://{STORAGE}")).body
        text = zipfile.ZipFile(io.BytesIO(packed)).read("StockUniteLegale_utf8.csv").decode()
        assert text.startswith("renomme_siren,statutDiffusionUniteLegale,")
        assert hashlib.sha1(packed).hexdigest() == described["checksum"]["value"]  # noqa: S324
        bare = get(API, f"/api/2/datasets/resources/{INDEX}/").json["resource"]["url"]
        text = get(STORAGE, bare.removeprefix(f"https://{STORAGE}")).body.decode()
        assert text.startswith("renomme_Raison Sociale;SIREN;")

    def test_licence(self, portal: SamplePortal, get: Get) -> None:
        assert get(API, f"/api/1/datasets/{SIRENE}/").json["license"] == "lov2"
        portal.drift("licence", UNITS)
        assert get(API, f"/api/1/datasets/{SIRENE}/").json["license"] == "notspecified"
        portal.restore()
        assert get(API, f"/api/1/datasets/{SIRENE}/").json["license"] == "lov2"

    def test_vanished(self, portal: SamplePortal, get: Get) -> None:
        portal.drift("vanished", UNITS)
        shown = [one["id"] for one in get(API, f"/api/1/datasets/{SIRENE}/").json["resources"]]
        assert len(shown) == 5
        assert UNITS not in shown
        assert get(API, f"/api/1/datasets/r/{UNITS}").status == 404

    def test_an_unknown_kind_is_refused(self, portal: SamplePortal) -> None:
        with pytest.raises(ValueError, match="none of title, format"):
            portal.drift("colour", UNITS)  # type: ignore[arg-type]
