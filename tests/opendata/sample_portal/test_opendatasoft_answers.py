"""Opendatasoft's API v2.1 as the sample portal gives it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from opendata.sample_portal import SamplePortal

HOST = "bodacc-datadila.opendatasoft.com"
DATASET = "/api/explore/v2.1/catalog/datasets/annonces-commerciales"
Get = Callable[..., Any]


def lines(reply: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in reply.body.decode().splitlines()]


def test_a_record_has_the_fields_and_types_of_a_real_one(
    get: Get, recorded: Callable[[str], Any]
) -> None:
    ours = get(HOST, f"{DATASET}/records", q={"refine": "familleavis:creation"}).json["results"][0]
    for real in recorded("opendatasoft_records.json"):
        assert real.keys() <= ours.keys()
        for field in real.keys() & ours.keys():
            if real[field] is not None and ours[field] is not None:
                assert type(real[field]) is type(ours[field]), field
    real = json.loads(recorded("opendatasoft_records.json")[1]["listepersonnes"])["personne"]
    person = json.loads(ours["listepersonnes"])["personne"]
    assert real.keys() <= person.keys()
    assert person["adresseSiegeSocial"].keys() <= real["adresseSiegeSocial"].keys()


def test_records_are_paged_and_counted(get: Get) -> None:
    first = get(HOST, f"{DATASET}/records").json
    assert first["total_count"] > 900
    assert len(first["results"]) == 10
    pages = [
        get(HOST, f"{DATASET}/records", q={"limit": "100", "offset": str(offset)}).json["results"]
        for offset in range(0, first["total_count"], 100)
    ]
    ids = [one["id"] for page in pages for one in page]
    assert len(ids) == len(set(ids)) == first["total_count"]


@pytest.mark.parametrize(
    "q", [{"limit": "101"}, {"limit": "-2"}, {"limit": "ten"}, {"offset": "9950", "limit": "51"}]
)
def test_the_caps_of_paging_are_those_of_the_service(get: Get, q: dict[str, str]) -> None:
    refused = get(HOST, f"{DATASET}/records", q=q)
    assert refused.status == 400
    assert refused.json["error_code"] == "InvalidRESTParameterError"
    assert refused.json.keys() == {"error_code", "message"}


def test_an_export_has_no_cap_and_the_order_of_the_issue(get: Get) -> None:
    total = get(HOST, f"{DATASET}/records").json["total_count"]
    exported = lines(get(HOST, f"{DATASET}/exports/jsonl"))
    assert len(exported) == total
    assert get(HOST, f"{DATASET}/exports/json").json == exported
    assert len(lines(get(HOST, f"{DATASET}/exports/jsonl", q={"limit": "150"}))) == 150


def test_dates_bound_what_is_exported(get: Get) -> None:
    clause = "dateparution >= date'2008-01-16' and dateparution <= date'2008-05-21'"
    found = lines(get(HOST, f"{DATASET}/exports/jsonl", q={"where": clause}))
    assert {one["dateparution"] for one in found} == {"2008-01-16", "2008-05-21"}
    clause = "dateparution > date'2008-01-16' and dateparution < date'2008-05-21'"
    assert lines(get(HOST, f"{DATASET}/exports/jsonl", q={"where": clause})) == []


@pytest.mark.parametrize(
    ("clause", "holds"),
    [
        ('familleavis = "vente"', lambda one: one["familleavis"] == "vente"),
        ("familleavis != 'collective'", lambda one: one["familleavis"] != "collective"),
        (
            'familleavis in ("vente", "immatriculation") and not typeavis = "annonce"',
            lambda one: (
                one["familleavis"] in ("vente", "immatriculation") and one["typeavis"] != "annonce"
            ),
        ),
        ("jugement is null", lambda one: one["jugement"] is None),
        ("jugement is not null", lambda one: one["jugement"] is not None),
        ("numeroannonce < 20", lambda one: one["numeroannonce"] < 20),
        ('registre = "892606575"', lambda one: "892606575" in one["registre"]),
        (
            'tribunal like "*LYON*" or (numerodepartement = "75" and familleavis = "vente")',
            lambda one: (
                "lyon" in one["tribunal"].lower()
                or (one["numerodepartement"] == "75" and one["familleavis"] == "vente")
            ),
        ),
    ],
)
def test_a_clause_keeps_exactly_what_it_says(
    get: Get, clause: str, holds: Callable[[dict[str, Any]], bool]
) -> None:
    everything = lines(get(HOST, f"{DATASET}/exports/jsonl"))
    found = lines(get(HOST, f"{DATASET}/exports/jsonl", q={"where": clause}))
    assert found == [one for one in everything if holds(one)]
    assert 0 < len(found) < len(everything)


def test_refine_select_and_order(get: Get) -> None:
    q = {
        "refine": 'familleavis:"vente"',
        "select": "id, ville",
        "order_by": "ville desc, id",
    }
    found = lines(get(HOST, f"{DATASET}/exports/jsonl", q=q))
    assert len(found) == 28
    assert all(list(one) == ["id", "ville"] for one in found)
    assert [one["ville"] for one in found] == sorted((one["ville"] for one in found), reverse=True)


def test_exclude_is_the_contrary_of_refine(get: Get) -> None:
    total = get(HOST, f"{DATASET}/records").json["total_count"]
    counts = [
        get(HOST, f"{DATASET}/records", q={name: "familleavis:vente", "limit": "0"}).json
        for name in ("refine", "exclude")
    ]
    assert [one["results"] for one in counts] == [[], []]
    assert counts[0]["total_count"] + counts[1]["total_count"] == total


@pytest.mark.parametrize(
    ("q", "code"),
    [
        ({"where": "siren = '1'"}, "ODSQLError"),
        ({"select": "id,siren"}, "ODSQLError"),
        ({"order_by": "siren"}, "ODSQLError"),
        ({"refine": "siren:1"}, "ODSQLError"),
        ({"where": "ville =="}, "ODSQLSyntaxError"),
        ({"where": "(ville = 'Paris'"}, "ODSQLSyntaxError"),
        ({"where": "ville = 'Paris' ville"}, "ODSQLSyntaxError"),
        ({"where": "ville = ?"}, "ODSQLSyntaxError"),
    ],
)
@pytest.mark.parametrize("action", ["records", "exports/jsonl"])
def test_a_wrong_query_is_refused_as_the_service_does(
    get: Get, action: str, q: dict[str, str], code: str
) -> None:
    refused = get(HOST, f"{DATASET}/{action}", q=q)
    assert refused.status == 400
    assert refused.json["error_code"] == code
    assert refused.json["message"]


def test_a_wrong_value_is_zero_rows_without_error(get: Get) -> None:
    found = get(HOST, f"{DATASET}/records", q={"refine": "familleavis:ventes"})
    assert (found.status, found.json["total_count"]) == (200, 0)


def test_the_description_names_fields_and_licence(portal: SamplePortal, get: Get) -> None:
    described = get(HOST, DATASET).json
    record = get(HOST, f"{DATASET}/records", q={"limit": "1"}).json["results"][0]
    assert [one["name"] for one in described["fields"]] == list(record)
    assert {one["name"]: one["type"] for one in described["fields"]}["dateparution"] == "date"
    metas = described["metas"]["default"]
    assert metas["license"] == "Licence Ouverte v2.0 (Etalab)"
    assert metas["modified"].startswith("2021-01-08")
    portal.set_date(date(2008, 1, 15))
    assert get(HOST, DATASET).json["metas"]["default"]["modified"].startswith("2008-01-15")


def test_a_notice_is_there_from_its_own_date(portal: SamplePortal, get: Get) -> None:
    seen = []
    for day in (date(2008, 1, 14), date(2008, 1, 15), date(2008, 5, 28), date(2008, 5, 29)):
        portal.set_date(day)
        exported = lines(get(HOST, f"{DATASET}/exports/jsonl"))
        assert all(one["dateparution"] <= day.isoformat() for one in exported)
        seen.append(len(exported))
    assert seen == sorted(set(seen))
    assert seen[0] == 0


def test_unknown_datasets_and_paths_are_not_found(get: Get) -> None:
    assert get(HOST, "/api/explore/v2.1/catalog/datasets/other/records").status == 404
    assert get(HOST, f"{DATASET}/exports/parquet").status == 404


def test_drift_of_fields_title_licence_and_presence(portal: SamplePortal, get: Get) -> None:
    portal.drift("header", "annonces-commerciales")
    assert "renomme_id" in get(HOST, f"{DATASET}/records").json["results"][0]
    assert get(HOST, f"{DATASET}/records", q={"select": "id"}).status == 400
    portal.restore()
    before = get(HOST, DATASET).json
    portal.drift("title", "annonces-commerciales")
    portal.drift("format", "annonces-commerciales")
    portal.drift("licence", "annonces-commerciales")
    after = get(HOST, DATASET).json
    assert after["metas"]["default"]["title"] != before["metas"]["default"]["title"]
    assert after["metas"]["default"]["license"] == "notspecified"
    assert {one["name"]: one["type"] for one in after["fields"]}["dateparution"] == "text"
    portal.drift("vanished", "annonces-commerciales")
    assert get(HOST, DATASET).status == 404
