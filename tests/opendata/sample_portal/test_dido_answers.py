"""The bundled permits, served as DiDo serves its data files."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from opendata.sample_portal.answers import Answer, Question
from opendata.sample_portal.dido import DidoApi
from opendata.sample_portal.vintages import load

SAMPLE = Path(__file__).parents[3] / "data" / "sample"
DATASET, PREMISES = "6513f0189d7d312c80ec5b5b", "f8f0700f-806c-40a7-83b1-f21cf507e7c4"
BARE = {"withColumnName": ["true"], "withColumnDescription": ["false"]}


def ask(path: str, day: date | None = None, **query: list[str]) -> Answer:
    portal = DidoApi(SAMPLE, load(SAMPLE).dido, lambda: day)
    return portal.answer(Question(f"/dido/api/v1/{path}", query))


def told(day: date) -> dict[str, list[tuple[str, int]]]:
    answer = json.loads(ask(f"datasets/{DATASET}", day).body)
    assert answer["license"] == "fr-lo"
    return {
        file["rid"]: [(one["millesime"], one["rows"]) for one in file["millesimes"]]
        for file in answer["datafiles"]
    }


def test_a_vintage_is_there_from_its_day_on() -> None:
    assert told(date(2024, 7, 31)) == {}
    assert told(date(2024, 8, 1))[PREMISES] == [("2024-07", 12)]
    assert told(date(2025, 1, 2))[PREMISES] == [("2024-07", 12), ("2024-12", 15)]


def test_the_file_has_one_header_line_if_told_so_and_two_else() -> None:
    one = ask(f"datafiles/{PREMISES}/csv", None, **BARE, millesime=["2024-12"])
    assert one.status == 200
    assert one.body == (SAMPLE / "sitadel/2025-01-02/locaux.csv").read_bytes()
    two = ask(f"datafiles/{PREMISES}/csv", None, millesime=["2024-12"])
    assert two.body.count(b"\n") == one.body.count(b"\n") + 1
    latest = ask(f"datafiles/{PREMISES}/csv", date(2024, 9, 1), **BARE)
    assert latest.body == (SAMPLE / "sitadel/2024-08-01/locaux.csv").read_bytes()


@pytest.mark.parametrize(
    "path", ["datasets/x", "datafiles/x/csv", f"datafiles/{PREMISES}/json", "other"]
)
def test_what_is_not_there_is_missing(path: str) -> None:
    assert ask(path).status == 404


def test_a_vintage_that_is_not_out_yet_is_missing() -> None:
    assert ask(f"datafiles/{PREMISES}/csv", date(2024, 9, 1), millesime=["2024-12"]).status == 404
