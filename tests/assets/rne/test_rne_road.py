"""The RNE from its API to its table: login, pages, what is never received, what is never exported.

No real record is at hand: the companies are *synthetic*, after the documentation of the API.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from answering import answering
from register_reading import RECORDS

from assets import discovery
from assets.rne.normalise import normalise
from assets.workspace import INPI_ACCOUNT, Workspace
from opendata.catalogue import OPEN_LICENCES
from opendata.clock import Clock
from opendata.errors import LicenceError, PortalError, SettingsError
from opendata.ingest import build
from opendata.pace import Retry
from opendata.take import take
from pipelines.jobs import chosen_datasets
from signals.feed.attribution import require_open
from signals.registry import registry

SOURCE = discovery.sources()["rne"]
COMPANIES = json.loads((RECORDS / "rne.json").read_text("utf-8"))
DAY = date(2026, 4, 28)
HOST = "registre-national-entreprises.inpi.fr"


@dataclass
class Api:
    """What stands for the API: its pages, and what it was asked."""

    pages: list[Any] = field(default_factory=list)
    token: Any = "t0ken"  # noqa: S105 - of a server that stands for the API
    base: str = ""
    #: Pages that one token opens; all of them if not given.
    lasts: int | None = None
    issued: list[int] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str], str]] = field(default_factory=list)

    def answer(self, path: str, query: dict[str, str], key: str) -> tuple[int, Any]:
        self.asked.append((path, query, key))
        if path.endswith("/api/sso/login"):
            self.issued.append(0)
            return 200, {"token": self.token and f"{self.token}{len(self.issued)}"}
        if key != f"Bearer t0ken{len(self.issued)}" or self.issued[-1] == self.lasts:
            return 401, {"message": "Expired JWT Token"}
        self.issued[-1] += 1
        after = query.get("searchAfter")
        if not isinstance(self.pages[0], list):
            return 200, self.pages[0]
        last = [page[-1]["siren"] if page else None for page in self.pages]
        return 200, self.pages[0 if after is None else last.index(after) + 1]


@contextmanager
def serving(api: Api) -> Iterator[Api]:
    def answer(path: str, query: dict[str, str], key: str) -> tuple[int, bytes]:
        status, content = api.answer(path, query, key)
        return status, json.dumps(content).encode()

    with answering(answer) as api.base:
        yield api


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(Api([COMPANIES[:2], COMPANIES[2:], []])) as running:
        yield running


@pytest.fixture
def workspace(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    for name, value in zip(INPI_ACCOUNT, ("someone", "s3cret"), strict=True):
        monkeypatch.setenv(name, value)
    return Workspace(
        data_dir=tmp_path,
        clock=Clock.at(DAY),
        bases={HOST: f"{api.base}/{HOST}"},
        patience=Retry(attempts=1),
    )


def fetched(workspace: Workspace) -> pl.DataFrame:
    take(SOURCE, workspace.store, workspace.clock, workspace.portals)
    assert build(SOURCE, workspace.store, workspace.clock).status == "published"
    return workspace.store.scan("rne__companies").collect()


def test_from_the_login_to_the_table(api: Api, workspace: Workspace) -> None:
    rows = fetched(workspace)
    shown, hidden = rows.sort("siren").drop("source_id").to_dicts()
    assert shown == {
        "siren": "382456051",
        "statut_diffusion": "O",
        "denomination": "EXEMPLE INDUSTRIE SAS",
        "forme_juridique": "5710",
        "date_immatriculation": date(2010, 5, 10),
        "date_debut_activite": date(2010, 5, 3),
        "capital": 150_000.0,
        "devise": "EUR",
        "capital_variable": False,
        "cloture_exercice": "3112",
        "date_fin_existence": date(2109, 5, 2),
        "date_radiation": None,
        "record_key": "382456051",
        "publication_date": date(2026, 4, 20),
    }
    # Who opposed diffusion keeps its number alone.
    kept = {"siren", "statut_diffusion", "record_key", "publication_date"}
    assert {name for name, value in hidden.items() if value is not None} == kept
    login, *pages = api.asked
    assert json.loads(login[2]) == {"username": "someone", "password": "s3cret"}
    assert [path for path, _, _ in api.asked].count(f"/{HOST}/api/sso/login") == 1
    assert pages[-1][1]["searchAfter"] == "732829320"
    assert (pages[0][1]["from"], pages[0][1]["to"]) == ("2026-04-21", "2026-04-28")


def test_no_person_is_ever_received(workspace: Workspace) -> None:
    fetched(workspace)
    raw = b"".join(path.read_bytes() for path in workspace.data_dir.rglob("*") if path.is_file())
    for name in (b"FICTIF", b"s3cret", b"t0ken", b"732829320"):
        assert name not in raw


def test_without_an_account_nobody_is_asked(
    api: Api, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(INPI_ACCOUNT[1])
    assert "rne" not in chosen_datasets()
    assert workspace.unconfigured()["rne"] == INPI_ACCOUNT[1]
    assert "rne" not in workspace.source_status()["dataset"].to_list()
    with pytest.raises(SettingsError, match="needs an account") as caught:
        fetched(workspace)
    assert INPI_ACCOUNT[1] in caught.value.next_step
    assert api.asked == []


@pytest.mark.parametrize(
    ("pages", "told"),
    [
        ([{"companies": []}], "not a list"),
        ([COMPANIES[:2], COMPANIES[:2], []], "lead back"),
    ],
)
def test_pages_that_cannot_be_read_stop_the_dataset(
    api: Api, workspace: Workspace, pages: list[Any], told: str
) -> None:
    api.pages = pages
    with pytest.raises(PortalError, match=told):
        fetched(workspace)
    assert workspace.store.current("rne") is None


def test_a_login_without_token_is_told_without_the_password(api: Api, workspace: Workspace) -> None:
    api.token = None
    with pytest.raises(PortalError, match="no token") as caught:
        fetched(workspace)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("lasts", [1, 2, 3])
def test_a_token_that_expires_in_the_middle_of_a_fetch_is_asked_for_again(
    api: Api, workspace: Workspace, lasts: int
) -> None:
    pages = len(api.pages) + 1  # the first one is asked twice: is there something to fetch?
    api.lasts = lasts
    assert fetched(workspace)["siren"].sort().to_list() == ["382456051", "443061304"]
    assert (sum(api.issued), len(api.issued)) == (pages, -(-pages // lasts))


def test_a_token_that_was_never_taken_is_not_asked_for_for_ever(
    api: Api, workspace: Workspace
) -> None:
    api.lasts = 0
    with pytest.raises(PortalError, match="refuses access"):
        fetched(workspace)
    assert len(api.issued) == 1


def test_its_licence_keeps_it_out_of_every_export(workspace: Workspace) -> None:
    fetched(workspace)
    (source,) = workspace.store.sources().to_dicts()
    assert source["licence_id"] not in OPEN_LICENCES
    with pytest.raises(LicenceError, match="does not allow publishing"):
        require_open(pl.Series([source["source_id"]]), workspace.store.sources())
    closed = {name for name, one in discovery.catalogue().items() if not one.licence.republication}
    assert closed == {"rne"}
    assert not any(closed & {*one.signal.datasets} for one in registry().values())


def test_a_closed_licence_is_fetched_only_if_the_description_says_so(workspace: Workspace) -> None:
    licence = SOURCE.dataset.licence.model_copy(update={"republication": True})
    source = replace(SOURCE, dataset=SOURCE.dataset.model_copy(update={"licence": licence}))
    with pytest.raises(LicenceError, match="re-published"):
        take(source, workspace.store, workspace.clock, workspace.portals)


@pytest.mark.parametrize(
    ("values", "column", "expected"),
    [
        ({"duree": 0}, "date_fin_existence", None),
        ({"duree": 999}, "date_fin_existence", None),
        ({"date_fin_existence": date(2030, 1, 1)}, "date_fin_existence", date(2030, 1, 1)),
        ({"capital": -1.0}, "capital", None),
        ({"cloture_exercice": "3113"}, "cloture_exercice", None),
        ({"cloture_exercice": "2027-12-31"}, "cloture_exercice", None),
    ],
)
def test_values_that_cannot_be_used(values: dict[str, Any], column: str, expected: Any) -> None:
    assert tabled({**values})[0][column] == expected


def test_the_latest_state_of_a_company_counts() -> None:
    newer = {"mis_a_jour": datetime(2026, 4, 22, tzinfo=UTC), "capital": 2.0}
    assert [row["capital"] for row in tabled({"capital": 1.0}, newer)] == [2.0]
    assert [row["capital"] for row in tabled(newer, {"capital": 1.0})] == [2.0]


def tabled(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    usual = {
        "siren": "382456051", "statut_diffusion": "O",
        "mis_a_jour": datetime(2026, 4, 20, tzinfo=UTC),
        "date_creation": date(2010, 5, 3), "denomination": "X", "forme_juridique": "5710",
        "date_immatriculation": None, "date_debut_activite": None, "capital": 10.0,
        "devise": "EUR", "capital_variable": False, "cloture_exercice": "3112", "duree": 50,
        "date_fin_existence": None, "date_radiation": None,
    }  # fmt: skip
    kinds = {"date_immatriculation": pl.Date, "date_debut_activite": pl.Date,
             "date_fin_existence": pl.Date, "date_radiation": pl.Date}  # fmt: skip
    frame = pl.LazyFrame([{**usual, **row} for row in rows], schema_overrides=kinds)
    return normalise({"companies": frame})["rne__companies"].collect().to_dicts()
