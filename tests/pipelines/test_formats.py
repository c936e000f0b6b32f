"""A data folder that an earlier release wrote is read by this one."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from assets.workspace import Workspace
from leads import keys
from opendata import folder_format
from opendata.clock import Clock
from opendata.warehouse import Warehouse
from pipelines.migrations import migrate

FORMATS = Path(__file__).resolve().parents[1] / "data" / "formats"
LEAD_KEY, RECORD_KEY = "5a" * 32, "6b" * 32


def test_each_format_so_far_has_its_folder() -> None:
    kept = sorted(int(path.name) for path in FORMATS.iterdir())
    assert kept == list(range(1, folder_format.FORMAT + 1))


@pytest.mark.parametrize("folder", sorted(FORMATS.iterdir()), ids=lambda path: path.name)
def test_a_folder_of_each_format_is_read_once_migrated(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(keys.VARIABLE, LEAD_KEY)
    monkeypatch.setenv(keys.RECORD_VARIABLE, RECORD_KEY)
    data = shutil.copytree(folder, tmp_path / "data")
    for name in ("leads", "labels"):
        with Warehouse.encrypted(data / f"{name}.duckdb", LEAD_KEY) as database:
            for statement in (data / f"{name}.sql").read_text().split(";\n")[:-1]:
                database.execute(statement)
    migrate(data)
    folder_format.require(data)
    workspace = Workspace(data_dir=data, clock=Clock.at(date(2026, 11, 24)))
    store = workspace.lead_store
    assert store.leads().select("lead_id", "city").rows() == [("1", "Nantes"), ("2", None)]
    assert store.matches()["siren"].to_list() == ["552032534"]
    assert store.usage()["received_on"].to_list() == [date(2026, 11, 1), date(2026, 11, 23)]
    assert store.corrections()["value"].to_list() == ["Nantes"]
    assert workspace.label_store.labels()["says"].to_list() == ["yes"]
    assert [one.kind for one in workspace.suppressions.requests()] == ["email"]
    serving = workspace.store.current("egapro")
    assert serving is not None
    assert serving.tables["egapro__declarations"].rows == 1906
    state = workspace.log.state()
    assert (state.next_sequence, len(state.segments)) == (175, 1)
    # What is read can be written again: keys and columns are those of today.
    assert store.upsert(store.leads(), on=date(2026, 11, 24)).unchanged == 2
