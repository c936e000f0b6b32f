"""Organic operators from the API to the signals: a real record, and one test for each trap."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from answering import answering
from register_lists import Lists, detected
from register_reading import RECORDS

from assets import discovery
from assets.agence_bio.normalise import normalise
from assets.workspace import Workspace
from opendata.clock import Clock
from opendata.errors import DownloadError, PortalError
from opendata.ingest import build
from opendata.pace import Retry
from opendata.take import take
from pipelines.jobs import chosen_datasets

SOURCE = discovery.sources()["agence_bio"]
#: *Real*: NATURALIA SAINT OUEN PERI, as the API answered in 2020 (addresses left out).
ANSWER = json.loads((RECORDS / "agence_bio.json").read_text("utf-8"))
(NATURALIA,) = ANSWER["items"]
HOST = "opendata.agencebio.org"
DAY = date(2020, 6, 3)
TABLE = "agence_bio__operators"


def operator(number: int, siret: str, **changes: Any) -> dict[str, Any]:
    """Return a *synthetic* operator in the shape of the real one."""
    return {**copy.deepcopy(NATURALIA), "numeroBio": number, "siret": siret, **changes}


#: Synthetic.
OTHERS = [operator(1, "38245605100004"), operator(2, "35600000000048")]


@dataclass
class Api:
    """What stands for the API: its operators, and the most it gives on a page."""

    items: list[Any]
    page: int = 1000
    total: Any = None
    base: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)

    def answer(self, query: dict[str, str]) -> Any:
        self.asked.append(query)
        start, size = int(query["debut"]), min(int(query["nb"]), self.page)
        total = str(len(self.items)) if self.total is None else self.total
        # What is not described, and would reach a person.
        contacts = {"gerant": "NOMFICTIF", "telephone": "0102030405"}
        rows = [{**item, **contacts} for item in self.items[start : start + size]]
        return {"nbTotal": total, "items": rows}


@contextmanager
def serving(api: Api) -> Iterator[Api]:
    def answer(_path: str, query: dict[str, str], _key: str) -> tuple[int, bytes]:
        return 200, json.dumps(api.answer(query)).encode()

    with answering(answer) as api.base:
        yield api


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(Api([NATURALIA, *OTHERS])) as running:
        yield running


def fetched(api: Api, folder: Path) -> pl.DataFrame:
    workspace = Workspace(
        data_dir=folder,
        clock=Clock.at(DAY),
        bases={HOST: f"{api.base}/{HOST}"},
        patience=Retry(attempts=1),
    )
    take(SOURCE, workspace.store, workspace.clock, workspace.portals)
    assert build(SOURCE, workspace.store, workspace.clock).status == "published"
    return workspace.store.scan(TABLE).collect()


@pytest.mark.parametrize("page", [1000, 2, 1])
def test_every_page_is_read_however_short(api: Api, tmp_path: Path, page: int) -> None:
    api.page = page
    assert fetched(api, tmp_path).height == 3
    assert {query["nb"] for query in api.asked[1:]} == {"1000"}


def test_golden_operator_and_nothing_that_reaches_a_person(api: Api, tmp_path: Path) -> None:
    (row,) = fetched(api, tmp_path).filter(siren="302474648").drop("source_id").to_dicts()
    assert row == {
        "numero_bio": "200807",
        "siret": "30247464801571",
        "siren": "302474648",
        "raison_sociale": "SAS NATURALIA SAINT OUEN PERI",
        "code_naf": "47.29Z",
        "certifie": True,
        "organismes": "Ecocert France",
        "date_premier_engagement": date(2018, 2, 15),
        "date_engagement": date(2018, 2, 15),
        "date_fin": None,
        "activites": "Distribution",
        "record_key": "200807",
        "publication_date": DAY,
    }
    raw = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"NOMFICTIF" not in raw
    assert b"0102030405" not in raw


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"total": None, "items": []}, PortalError, "no records|empty|plausible"),
        ({"total": "many"}, PortalError, "how many"),
        ({"total": "5"}, DownloadError, "5"),
    ],
    ids=["nobody", "no number", "fewer than announced"],
)
def test_a_list_that_is_not_whole_is_refused(
    api: Api, tmp_path: Path, changes: dict[str, Any], error: type[Exception], told: str
) -> None:
    for name, value in changes.items():
        setattr(api, name, value)
    with pytest.raises(error, match=told):
        fetched(api, tmp_path)


def made(**changes: Any) -> list[dict[str, Any]]:
    record = {**copy.deepcopy(NATURALIA), **changes}
    raw = {
        "numero_bio": str(record["numeroBio"]),
        "siret": record["siret"],
        "raison_sociale": record["raisonSociale"],
        "code_naf": record["codeNAF"],
        "date_premier_engagement": date(2018, 2, 15),
        "activites": json.dumps(record["activites"]),
        "certificats": None if record["certificats"] is None else json.dumps(record["certificats"]),
    }
    schema = {name: pl.String() for name in raw} | {"date_premier_engagement": pl.Date()}
    rows = normalise({"operateurs": pl.LazyFrame([raw], schema=schema)})[TABLE]
    return rows.collect().to_dicts()


(CERTIFICATE,) = NATURALIA["certificats"]
STOPPED = {**CERTIFICATE, "etatCertification": "ARRETEE", "dateArret": "2020-04-30"}
SUSPENDED = {**CERTIFICATE, "etatCertification": "SUSPENDUE", "dateSuspension": "2020-05-02"}


@pytest.mark.parametrize(
    ("certificates", "certified", "ended"),
    [
        ([CERTIFICATE], True, None),
        ([STOPPED, CERTIFICATE], True, None),
        ([CERTIFICATE, STOPPED], True, None),
        ([STOPPED], False, date(2020, 4, 30)),
        ([STOPPED, SUSPENDED], False, date(2020, 5, 2)),
        ([{**STOPPED, "dateArret": None}], False, None),
        ([], False, None),
        (None, False, None),
    ],
)
def test_one_certificate_in_force_is_enough(
    certificates: Any, certified: bool, ended: date | None
) -> None:
    (row,) = made(certificats=certificates)
    assert (row["certifie"], row["date_fin"]) == (certified, ended)


@pytest.mark.parametrize("siret", [None, "", "302474648", "30247464801572"])
def test_only_a_right_siret_identifies_an_operator(siret: str | None) -> None:
    assert made(siret=siret) == []


HELD = {
    "numero_bio": "200807", "siret": "30247464801571", "siren": "302474648",
    "raison_sociale": "SAS NATURALIA SAINT OUEN PERI", "certifie": True,
    "organismes": "Ecocert France", "activites": "Distribution",
    "date_premier_engagement": date(2018, 2, 15), "date_engagement": date(2018, 2, 15),
}  # fmt: skip
NOT_HELD = {**HELD, "certifie": False, "organismes": None, "date_engagement": None}
ELSE = {**HELD, "numero_bio": "1", "siret": "38245605100004", "siren": "382456051"}
SOON = date(2018, 3, 20)


def events(code: str, today: date, *lists: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return detected(code, Lists(today, {TABLE: lists}))


def test_organic_gained() -> None:
    (event,) = events("organic_gained", SOON, [ELSE], [ELSE], [ELSE, HELD])
    assert (event["siret"], event["occurred_at"]) == ("30247464801571", date(2018, 2, 15))
    assert json.loads(event["after"]) == {
        "organismes": "Ecocert France", "activites": "Distribution",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("today", "lists"),
    [
        (SOON, [[ELSE, HELD]]),
        (SOON, [[ELSE], [ELSE], [ELSE, NOT_HELD]]),
        (SOON, [[ELSE, HELD], [ELSE], [ELSE, HELD]]),
        (SOON, [[ELSE], [ELSE, HELD], [ELSE, {**HELD, "organismes": "Certipaq Bio"}]]),
        # Another body in 2020, an operator since 2018.
        (DAY, [[ELSE], [ELSE], [ELSE, {**HELD, "date_engagement": date(2020, 5, 20)}]]),
    ],
    ids=["baseline", "notified only", "left out for a day", "another body", "an old operator"],
)
def test_what_is_no_first_certification(today: date, lists: list[Any]) -> None:
    assert events("organic_gained", today, *lists) == []


def test_organic_lost() -> None:
    stopped = {**NOT_HELD, "date_fin": date(2020, 4, 30)}
    (event,) = events("organic_lost", DAY, [ELSE, HELD], [ELSE, stopped], [ELSE, stopped])
    assert (event["siret"], event["occurred_at"]) == ("30247464801571", date(2020, 4, 30))
    (event,) = events("organic_lost", DAY, [ELSE, HELD], [ELSE], [ELSE])
    assert event["occurred_at"] == DAY


@pytest.mark.parametrize(
    "lists",
    [
        [[ELSE, HELD], [ELSE], [ELSE, HELD]],
        [[ELSE, HELD], [ELSE]],
        # One of two operators of the establishment goes on.
        [[HELD, {**HELD, "numero_bio": "9"}], [HELD, {**NOT_HELD, "numero_bio": "9"}],
         [HELD, {**NOT_HELD, "numero_bio": "9"}]],
    ],
    ids=["left out for a day", "one list only", "another is in force"],
)  # fmt: skip
def test_what_is_no_loss(lists: list[Any]) -> None:
    assert events("organic_lost", DAY, *lists) == []


def test_an_operator_whose_certificate_comes_later_gains_it_then() -> None:
    first = [ELSE, NOT_HELD]
    assert len(events("organic_gained", SOON, first, first, [ELSE, HELD])) == 1


def test_two_operators_of_one_site_are_one_event() -> None:
    second = {**HELD, "numero_bio": "9"}
    assert len(events("organic_gained", SOON, [ELSE], [ELSE], [ELSE, HELD, second])) == 1
    assert len(events("organic_lost", DAY, [ELSE, HELD, second], [ELSE], [ELSE])) == 1


def test_who_was_never_certified_loses_nothing() -> None:
    assert events("organic_lost", DAY, [ELSE, NOT_HELD], [ELSE], [ELSE]) == []


def test_nobody_is_asked_for_it_by_default() -> None:
    assert "agence_bio" not in chosen_datasets()
