from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from descriptions import dataset, resource, window
from interrupted import Killed, killed_reaching
from loopback import Loopback, Reply, as_json, fast_http, loopback

from opendata.clock import Clock
from opendata.download import Download
from opendata.errors import PortalError, SettingsError
from opendata.http import UnavailableError
from opendata.pace import PACES, Gates, Retry, Timer
from opendata.portals.insee import Insee
from opendata.receipt import Receipt
from opendata.remote import DateWindow, RemoteFile

HOST = "api.insee.fr"
BASE = f"/{HOST}/api-sirene/3.11"
SIREN = f"{BASE}/siren"
RECORDED = Path(__file__).parent.parent / "data" / "recorded" / "insee"
#: One day: what is asked of each of several days is in the tests of its own.
THIRD = DateWindow(date(2026, 8, 3), date(2026, 8, 3))
AUGUST = DateWindow(date(2026, 8, 1), date(2026, 8, 4))
FIELD = "dateDernierTraitementUniteLegale"
READY = {
    "etatService": "UP",
    "datesDernieresMisesAJourDesDonnees": [
        {
            "collection": "Unités Légales",
            "dateDerniereMiseADisposition": "2026-08-03T07:02:11.000",
            "dateDernierTraitementMaximum": "2026-08-02T23:59:00.000",
        },
        {"collection": "Établissements", "dateDerniereMiseADisposition": "2026-07-30T07:00:00"},
    ],
}


def recorded(name: str, total: int) -> dict[str, Any]:
    """Return a recorded page; only two records a page were kept, so ``total`` is theirs."""
    page: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    page["header"]["total"] = total
    return page


FIRST, SECOND = recorded("siren_page_1", 4), recorded("siren_page_2", 4)
LAST = {
    "header": {
        **SECOND["header"],
        "nombre": 0,
        "curseur": SECOND["header"]["curseurSuivant"],
    },
    "unitesLegales": [],
}
COUNT = as_json({"header": {**FIRST["header"], "nombre": 1}, "unitesLegales": []})
NOTHING = as_json({"header": {"statut": 404, "message": "Aucun élément trouvé"}}, 404)


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as running:
        running.script(f"{BASE}/informations", as_json(READY))
        yield running


def described(**changes: Any) -> Any:
    fields = {"id": "siren", "format": "jsonl", "window": window(field=FIELD), **changes}
    return dataset(resource(**fields), portal="insee", host=f"https://{HOST}/api-sirene/3.11")


def describe(
    server: Loopback, period: DateWindow | None = THIRD, key: str | None = "k3y", **changes: Any
) -> RemoteFile:
    whole = described(**changes)
    with fast_http(server, HOST) as http:
        return Insee(http, key).describe(whole, whole.resources[0], period)


def take(
    server: Loopback, tmp_path: Path, period: DateWindow = THIRD, retry: Retry | None = None
) -> Receipt:
    whole = described()
    with fast_http(server, HOST, retry=retry) as http:
        portal = Insee(http, "k3y")
        remote = portal.describe(whole, whole.resources[0], period)
        job = Download(whole, whole.resources[0], remote, tmp_path, Clock.at(date(2026, 8, 3)))
        return job.run(http, portal).receipt


def test_the_cursor_is_followed_to_the_empty_page(server: Loopback, tmp_path: Path):
    server.script(SIREN, COUNT, as_json(FIRST), as_json(SECOND), as_json(LAST))
    receipt = take(server, tmp_path)
    path = receipt.verify(tmp_path)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line["siren"] for line in lines] == ["194300398", "200067429", "511903577", "524223435"]
    assert lines == FIRST["unitesLegales"] + SECOND["unitesLegales"]
    count, *asked = server.asked(SIREN)
    assert count.query["nombre"] == "1"
    assert [seen.query["curseur"] for seen in asked] == [
        "*",
        FIRST["header"]["curseurSuivant"],
        SECOND["header"]["curseurSuivant"],
    ]
    assert {seen.headers["x-insee-api-key-integration"] for seen in asked} == {"k3y"}
    assert {seen.query["nombre"] for seen in asked} == {"1000"}
    assert {seen.query["q"] for seen in asked} == {f"{FIELD}:2026-08-03"}
    assert "k3y" not in (path.parent / f"{path.name}.receipt.json").read_text()


def test_404_means_that_nothing_matches(server: Loopback, tmp_path: Path):
    server.script(SIREN, NOTHING)
    assert describe(server, AUGUST).rows_expected == 0
    # The fourth has not come for the API: it is not asked.
    assert [seen.query["q"] for seen in server.asked(SIREN)] == [
        f"{FIELD}:2026-08-0{day}" for day in (3, 2, 1)
    ]
    receipt = take(server, tmp_path)
    assert (receipt.rows, receipt.bytes) == (0, 0)


def test_404_later_is_an_error(server: Loopback, tmp_path: Path):
    server.script(SIREN, COUNT, as_json(FIRST), NOTHING)
    with pytest.raises(PortalError, match="404"):
        take(server, tmp_path)


def test_429_is_waited_for(server: Loopback, tmp_path: Path):
    busy = Reply(429, b"", {"Retry-After": "1"})
    server.script(SIREN, COUNT, as_json(FIRST), busy, as_json(SECOND), as_json(LAST))
    assert take(server, tmp_path).rows == 4


def test_thirty_requests_a_minute_are_kept():
    slept: list[float] = []
    gates = Gates(timer=Timer(monotonic=lambda: sum(slept), sleep=slept.append))
    for _ in range(31):
        with gates.turn(HOST):
            pass
    assert sum(slept) >= 60
    assert PACES[HOST].concurrency == 1


def test_fewer_records_than_the_total_are_refused(server: Loopback, tmp_path: Path):
    last = {**LAST, "header": {**LAST["header"], "total": 60}}
    server.script(SIREN, COUNT, as_json(FIRST), as_json(SECOND), as_json(last))
    with pytest.raises(PortalError, match="60 records of 2026-08-03, 4 came"):
        take(server, tmp_path)
    assert list((tmp_path / "raw").rglob("*.part")) == []


def test_a_cursor_that_leads_back_is_refused(server: Loopback, tmp_path: Path):
    back = {**SECOND, "header": {**SECOND["header"], "curseurSuivant": "*"}}
    server.script(SIREN, COUNT, as_json(FIRST), as_json(back))
    with pytest.raises(PortalError, match="leads back"):
        take(server, tmp_path)


def test_an_answer_without_its_list_is_an_error(server: Loopback, tmp_path: Path):
    server.script(SIREN, COUNT, as_json({"header": FIRST["header"]}))
    with pytest.raises(PortalError, match="no unitesLegales"):
        take(server, tmp_path)


def test_an_answer_without_total_is_an_error(server: Loopback):
    server.script(SIREN, as_json({"unitesLegales": []}))
    with pytest.raises(PortalError, match="does not say how many"):
        describe(server)


def test_how_fresh_the_api_is(server: Loopback):
    server.script(SIREN, COUNT)
    remote = describe(server)
    assert remote.last_modified == datetime(2026, 8, 3, 5, 2, 11, tzinfo=UTC)
    assert remote.publisher_date == date(2026, 8, 3)
    assert remote.licence_id is None
    with pytest.raises(PortalError, match="nothing newer than 2026-07-30"):
        describe(server, id="siret")
    with pytest.raises(PortalError, match="does not say how fresh siret/liens"):
        describe(server, id="siret/liensSuccession")


def test_a_service_that_is_down_is_an_error(server: Loopback):
    server.script(f"{BASE}/informations", as_json({**READY, "etatService": "DOWN"}))
    with pytest.raises(PortalError, match="the API is DOWN"):
        describe(server)


@pytest.mark.parametrize("key", [None, ""])
def test_a_key_is_needed_before_anything_is_asked(server: Loopback, key: str | None):
    with pytest.raises(SettingsError, match="needs a key"):
        describe(server, key=key)
    assert server.seen == []


def test_a_refused_key_is_not_shown(server: Loopback):
    server.script(f"{BASE}/informations", Reply(401))
    with pytest.raises(PortalError, match="refuses access") as caught:
        describe(server, key="topsecret")
    assert "topsecret" not in f"{caught.value!r}{caught.value}{caught.value.__cause__!r}"


@pytest.mark.parametrize(
    ("period", "changes"), [(None, {}), (THIRD, {"id": "naf"}), (THIRD, {"window": None})]
)
def test_only_periods_of_known_services_can_be_asked(
    server: Loopback, period: DateWindow | None, changes: dict[str, Any]
):
    with pytest.raises(SettingsError, match="not a service of the API, or has no window"):
        describe(server, period, **changes)


def test_a_server_error_is_tried_again(server: Loopback):
    server.script(f"{BASE}/informations", Reply(503), as_json(READY))
    server.script(SIREN, Reply(500), COUNT)
    assert describe(server).rows_expected is None
    assert len(server.asked(SIREN)) == 2


def test_a_killed_fetch_goes_on_at_the_cursor_it_wrote(server: Loopback, tmp_path: Path):
    server.script(SIREN, COUNT, as_json(FIRST), as_json(SECOND), as_json(LAST))
    with killed_reaching("mark:after-rename"), pytest.raises(Killed):
        take(server, tmp_path)
    (part,) = (tmp_path / "raw").rglob("*.part")
    # Killed in the middle of a page, too: what no mark covers is cut off.
    part.write_bytes(part.read_bytes() + b'{"siren": "2000')
    server.script(SIREN, COUNT, as_json(SECOND), as_json(LAST))
    seen = len(server.asked(SIREN))
    whole = take(server, tmp_path).verify(tmp_path).read_text(encoding="utf-8")
    assert [json.loads(line)["siren"] for line in whole.splitlines()] == [
        "194300398",
        "200067429",
        "511903577",
        "524223435",
    ]
    _count, first, _last = server.asked(SIREN)[seen:]
    assert first.query["curseur"] == FIRST["header"]["curseurSuivant"]
    assert list((tmp_path / "raw").rglob("*.part")) == []


def test_what_failed_for_now_goes_on_too(server: Loopback, tmp_path: Path):
    server.script(SIREN, COUNT, as_json(FIRST), Reply(503))
    with pytest.raises(UnavailableError):
        take(server, tmp_path, retry=Retry(attempts=1))
    server.script(SIREN, COUNT, as_json(SECOND), as_json(LAST))
    assert take(server, tmp_path).rows == 4


def test_pages_of_two_states_of_the_data_are_never_joined(server: Loopback, tmp_path: Path):
    server.script(SIREN, COUNT, as_json(FIRST), Reply(503))
    with pytest.raises(UnavailableError):
        take(server, tmp_path, retry=Retry(attempts=1))
    later = json.loads(json.dumps(READY))
    later["datesDernieresMisesAJourDesDonnees"][0]["dateDerniereMiseADisposition"] = (
        "2026-08-03T09:30:00.000"
    )
    server.script(f"{BASE}/informations", as_json(later))
    server.script(SIREN, COUNT, as_json(FIRST), as_json(SECOND), as_json(LAST))
    seen = len(server.asked(SIREN))
    assert take(server, tmp_path).rows == 4
    assert server.asked(SIREN)[seen + 1].query["curseur"] == "*"


def test_days_are_asked_in_order_and_an_empty_one_is_none(server: Loopback, tmp_path: Path):
    # The last day first, for whether there is anything; then each day.
    server.script(SIREN, COUNT, NOTHING, NOTHING, as_json(FIRST), as_json(SECOND), as_json(LAST))
    assert take(server, tmp_path, AUGUST).rows == 4
    asked = [seen.query["q"].removeprefix(f"{FIELD}:2026-08-0") for seen in server.asked(SIREN)]
    assert asked == ["3", "1", "2", "3", "3", "3"]
