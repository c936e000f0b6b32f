"""Calls for tenders, on the four bundled notices, and the withdrawal of one that was cancelled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from event_worlds import World, rows, told

from assets.boamp.normalise import normalise
from opendata.catalogue import load_dataset
from opendata.contract import read_resource
from signals.detect import detect_all
from signals.log import SignalLog
from signals.withdrawn import withdrawn

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "data/sample/boamp").glob("*.jsonl"))
RESOURCE = load_dataset(ROOT / "assets/boamp/dataset.yml").resource("boamp")
TABLE = "boamp__notices"
#: *Real*: 25-123573.
CALL: dict[str, Any] = {
    "idweb": "25-123573", "date_parution": date(2025, 11, 7), "nature": "APPEL_OFFRE",
    "etat": "INITIAL", "dossier": "0df69801-9633-409b-8216-41d5900b694e",
    "acheteur_siret": "21950598900018", "acheteur_siren": "219505989",
    "acheteur_nom": "COMMUNE DE SOISY-SOUS-MONTMORENCY", "date_limite": date(2025, 12, 15),
}  # fmt: skip


def state(files: list[Path], work: Path) -> dict[str, pl.DataFrame]:
    result = read_resource(RESOURCE, files, work=work)
    source = pl.lit("boamp@v1").alias("source_id")
    tables = normalise({"boamp": pl.scan_parquet(result.path)})
    return {name: table.with_columns(source).collect() for name, table in tables.items()}


def test_real_calls_and_the_cancellation_of_one(tmp_path: Path) -> None:
    first, second, third = (state(FILES[: n + 1], tmp_path / str(n)) for n in range(3))
    log = SignalLog(tmp_path / "signals")
    for day, world in (
        (datetime(2025, 11, 10, 9, tzinfo=UTC), World(date(2025, 11, 10), second, first)),
        (datetime(2025, 11, 20, 9, tzinfo=UTC), World(date(2025, 11, 20), third, second)),
    ):
        found = detect_all(world, recorded=day, run_id="r")
        gone = withdrawn(world, log.current(), recorded=day, run_id="r")
        log.append(found, {"boamp": day.isoformat()}, gone)
        if day.day == 10:
            # Of two calls, the one whose buyer gives no SIRET is silent.
            (row,) = log.current().to_dicts()
            assert (row["op"], row["subject"]) == ("ASSERT", "siren:219505989")
            assert row["title_fr"] == "Appel d'offres, réponse avant le 15/12/2025"
    (row,) = log.current().to_dicts()
    assert (row["op"], row["reason"]) == ("RETRACT", "annulation")


def called(*given: Mapping[str, Any], today: date = date(2025, 11, 10)) -> list[dict[str, Any]]:
    return told("tender_published", World(today, {TABLE: rows(TABLE, *given)}))


@pytest.mark.parametrize(
    "values",
    [
        {"acheteur_siren": None},
        {"date_limite": None},
        {"date_limite": date(2025, 11, 9)},
        {"nature": "ATTRIBUTION"},
        {"etat": "ANNULATION"},
        {"date_parution": date(2025, 9, 1)},
    ],
    ids=["no SIRET", "no deadline", "over", "award", "cancellation", "stale"],
)
def test_no_call(values: Mapping[str, Any]) -> None:
    assert called({**CALL, **values}) == []


def test_a_correction_is_the_same_event_and_a_cancellation_silences_it() -> None:
    fixed = {
        **CALL, "idweb": "25-127510", "etat": "RECTIFICATIF", "cancels": CALL["idweb"],
        "date_parution": date(2025, 11, 9), "date_limite": date(2025, 12, 20),
    }  # fmt: skip
    events = called(CALL, fixed)
    assert (len(events), len({event["event_key"] for event in events})) == (2, 1)
    cancelled = {**fixed, "etat": "ANNULATION"}
    assert called(CALL, cancelled) == []
