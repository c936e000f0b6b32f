"""Rules that the passing of time alone makes speak run when no source moved; the others do not."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from assets import detection, discovery
from assets.workspace import Workspace
from opendata.clock import Clock
from opendata.state import Draft, InputFile, version_id
from opendata.typing_rules import DTYPES
from signals.registry import registry

#: *Real*: two years of cleaning sewers from 4 February 2019; bids are due from 4 May 2020.
CONTRACT = {
    "uid": "24450021100127201920231802300",
    "acheteur_id": "24450021100127",
    "titulaire_id": "30600163700025",
    "titulaire_siren": "306001637",
    "titulaire_nom": "SOCIETE GIENNOISE D ASSAINISSEMENT SAS",
    "code_cpv": "90470000-2",
    "montant_eur": 200000.0,
    "winners": 1,
    "duree_mois": 24,
    "date_premiere_notification": dt.date(2019, 2, 4),
    "date_notification": dt.date(2019, 2, 4),
    "record_key": "24450021100127201920231802300/30600163700025",
    "publication_date": dt.date(2019, 3, 5),
}
COMPANY = {"siren": "306001637", "annee": 2019, "publication_date": dt.date(2020, 3, 1)}


def publish(workspace: Workspace, dataset: str, table: str, row: dict[str, object]) -> None:
    described = discovery.sources()[dataset].dataset
    now = workspace.clock.now()
    draft = Draft(
        id=version_id(now.date(), [dataset], "1"),
        created_at=now,
        publisher_date=now.date(),
        fetched_at=now,
        code_version="1",
        inputs=(InputFile(resource="x", sha256="0" * 64, bytes=3, receipt="raw/r.json"),),
    )
    columns = described.described_columns(table)[:-1]
    schema = {column.name: DTYPES[column.type] for column in columns}
    frame = pl.DataFrame([{**dict.fromkeys(schema), **row}], schema=schema)
    store = workspace.store
    store.promote(store.stage(described, draft, {table: frame.lazy()}))


def at(folder: Path, day: dt.date) -> Workspace:
    return Workspace(data_dir=folder, clock=Clock.at(day))


@pytest.fixture
def loaded(tmp_path: Path) -> Path:
    workspace = at(tmp_path, dt.date(2020, 4, 1))
    publish(workspace, "decp", "decp__awards", CONTRACT)
    publish(workspace, "egapro", "egapro__declarations", COMPANY)
    assert detection.detect(workspace).rows.is_empty()
    return tmp_path


def test_a_window_that_opens_between_two_runs_is_told_once(loaded: Path) -> None:
    assert detection.detect(at(loaded, dt.date(2020, 5, 3))).rows.is_empty()
    (row,) = detection.detect(at(loaded, dt.date(2020, 5, 4))).rows.to_dicts()
    assert row["type"] == "fr.company_signals.procurement.contract_renewal_window.v1"
    assert (row["op"], row["time"]) == ("ASSERT", dt.date(2020, 5, 4))
    assert detection.detect(at(loaded, dt.date(2020, 5, 5))).rows.is_empty()


def test_windows_that_opened_before_the_first_run_are_not_news(tmp_path: Path) -> None:
    workspace = at(tmp_path, dt.date(2020, 6, 1))
    publish(workspace, "decp", "decp__awards", CONTRACT)
    publish(workspace, "egapro", "egapro__declarations", COMPANY)
    assert detection.detect(workspace).rows.is_empty()
    assert detection.detect(at(tmp_path, dt.date(2020, 6, 2))).rows.is_empty()


def test_only_what_time_drives_runs_when_nothing_moved(
    loaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    detect_all = detection.detect_all

    def told(*arguments: object, **named: object) -> pl.DataFrame:
        ran.extend(named["detectors"])  # type: ignore[call-overload]
        return detect_all(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(detection, "detect_all", told)
    detection.detect(at(loaded, dt.date(2020, 4, 2)))
    driven = {code for code, one in registry().items() if one.signal.time_driven}
    assert "contract_renewal_window" in ran
    assert set(ran) <= driven
    # The tables of accounts were never loaded: there is no time that could pass for them.
    assert "late_accounts" not in ran
