"""The INSEE API of the sample portal against the answers that were recorded."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from opendata.portals.insee import KEY_HEADER
from opendata.sample_portal.answers import Answer, Question
from opendata.sample_portal.insee import InseeApi
from opendata.sample_portal.vintages import RegisterApi

RECORDED = Path(__file__).resolve().parents[2] / "data" / "recorded" / "insee"
RECORDS: dict[str, list[dict[str, Any]]] = json.loads(
    (RECORDED / "records.json").read_text("utf-8")
)
PAGE: dict[str, Any] = json.loads((RECORDED / "siren_page_1.json").read_text("utf-8"))
FIELD = "dateDernierTraitementUniteLegale"


@pytest.fixture
def api(tmp_path: Path) -> InseeApi:
    first = RECORDS["siren"][0]
    again = {**first, FIELD: "2019-12-10T09:00:00.000"}
    lines = [json.dumps(record) for record in [*RECORDS["siren"], again]]
    (tmp_path / "siren.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    described = RegisterApi(sample="recorded", files={"siren": ("siren.jsonl",)})
    return InseeApi(tmp_path, described, lambda: date(2019, 12, 9))


def ask(api: InseeApi, path: str, **query: str) -> tuple[Answer, Any]:
    question = Question(
        f"/api-sirene/3.11/{path}",
        {name: [value] for name, value in query.items()},
        {KEY_HEADER.lower(): "k3y"},
    )
    answer = api.answer(question)
    return answer, json.loads(answer.body)


def test_a_page_has_the_shape_that_was_recorded(api: InseeApi) -> None:
    _, page = ask(api, "siren", q=f"{FIELD}:2019-12-08", nombre="2", curseur="*")
    assert page.keys() == PAGE.keys()
    assert page["header"].keys() == PAGE["header"].keys()
    assert page["header"]["nombre"] == len(page["unitesLegales"]) == 2
    assert page["unitesLegales"][0].keys() == PAGE["unitesLegales"][0].keys()


def test_the_cursor_ends_in_an_empty_page_whose_next_is_its_own(api: InseeApi) -> None:
    cursor, seen, total = "*", [], None
    while True:
        _, page = ask(api, "siren", q=f"{FIELD}:2019-12-08", nombre="2", curseur=cursor)
        seen += [unit["siren"] for unit in page["unitesLegales"]]
        total = page["header"]["total"]
        if page["header"]["curseurSuivant"] == cursor:
            break
        cursor = page["header"]["curseurSuivant"]
    assert page["unitesLegales"] == []
    assert seen == sorted(set(seen))
    assert total == len(seen) > 2


def test_what_is_treated_after_the_date_is_not_there_yet(api: InseeApi) -> None:
    answer, page = ask(api, "siren", q=f"{FIELD}:2019-12-10")
    assert (answer.status, page["header"]["message"]) == (404, "Aucun élément trouvé")


def test_it_says_how_fresh_each_collection_is(api: InseeApi) -> None:
    _, said = ask(api, "informations")
    units = said["datesDernieresMisesAJourDesDonnees"][0]
    assert units["collection"] == "Unités Légales"
    assert units["dateDerniereMiseADisposition"].startswith("2019-12-09T07:00")
    assert units["dateDernierTraitementMaximum"] < "2019-12-09"


def test_only_the_fields_asked_for_are_given_in_their_groups(api: InseeApi) -> None:
    wanted = f"siren,{FIELD},dateDebut,denominationUniteLegale"
    _, page = ask(api, "siren", q=f"{FIELD}:2019-12-08", champs=wanted)
    unit = page["unitesLegales"][0]
    assert unit.keys() == {"siren", FIELD, "periodesUniteLegale"}
    assert unit["periodesUniteLegale"][0].keys() == {"dateDebut", "denominationUniteLegale"}


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [("siren", {"q": "etatAdministratifUniteLegale:A"}, 400), ("naf", {}, 404)],
)
def test_what_it_does_not_understand_is_refused(
    api: InseeApi, path: str, query: dict[str, str], status: int
) -> None:
    assert ask(api, path, **query)[0].status == status


def test_without_a_key_nothing_is_answered(api: InseeApi) -> None:
    assert api.answer(Question("/api-sirene/3.11/informations")).status == 401
