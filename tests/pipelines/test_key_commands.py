"""The commands on keys, copies, the record and retention, as they are typed."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from assets.workspace import Workspace
from leads import keys
from leads.model import SCHEMA
from opendata import folder_format
from opendata.clock import Clock
from opendata.errors import OpenDataError
from opendata.folder_format import note
from pipelines import migrations
from pipelines.audit import audit_log
from pipelines.cli import app

OLD, NEW = "5a" * 32, "c3" * 32
DAY = date(2026, 11, 23)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    given = (keys.VARIABLE, keys.RECORD_VARIABLE, keys.REQUIRED, keys.NEW_VARIABLE)
    for name in (*given, *keys.COMMANDS.values()):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "data"


def filled(data: Path) -> Workspace:
    workspace = Workspace(data_dir=data, clock=Clock.at(DAY))
    row = {"lead_id": "1", "account_id": "acme", "company_name": "Xylophone"}
    workspace.lead_store.upsert(pl.DataFrame([row], schema=SCHEMA), on=DAY)
    return workspace


def typed(data: Path, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--data-dir", str(data)])


def ids(data: Path) -> list[str]:
    return Workspace(data_dir=data, clock=Clock.at(DAY)).lead_store.leads()["lead_id"].to_list()


def test_a_key_file_is_renewed_and_it_is_on_record(data: Path) -> None:
    filled(data)
    before = keys.read(data / "keys" / "lead.key")
    done = typed(data, "keys", "rotate", "--at", "2026-11-23")
    assert done.exit_code == 0, done.output
    after = keys.read(data / "keys" / "lead.key")
    assert before != after
    assert ids(data) == ["1"]
    entry = audit_log(Workspace(data_dir=data, clock=Clock.at(DAY))).entries()[-1]
    assert (entry.kind, entry.facts["files"]) == ("rotation", ["leads.duckdb"])
    shown = typed(data, "keys", "show")
    assert keys.fingerprint(after) in shown.output
    for key in (before, after):
        assert key not in done.output + shown.output + str(entry)
    assert "rotation" in typed(data, "audit", "show").output
    assert "Nothing was changed" in typed(data, "audit", "verify").output


def test_a_key_from_outside_needs_a_new_one_from_outside(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(keys.VARIABLE, OLD)
    filled(data)
    refused = typed(data, "keys", "rotate")
    assert isinstance(refused.exception, OpenDataError)
    assert "so must the new one" in str(refused.exception)
    monkeypatch.setenv(keys.COMMANDS[keys.NEW_VARIABLE], f"echo {NEW}")
    assert typed(data, "keys", "rotate").exit_code == 0
    with pytest.raises(OpenDataError, match="does not open"):
        ids(data)
    monkeypatch.setenv(keys.VARIABLE, NEW)
    assert ids(data) == ["1"]
    assert not (data / "keys" / "lead.key").exists()


def known(data: Path) -> list[str]:
    """Return which addresses the record knows."""
    record = Workspace(data_dir=data, clock=Clock.at(DAY)).suppressions
    names = ("ann@exemple.fr", "bob@exemple.fr")
    return [name for name in names if record.keys().email(name) in record.facts().emails]


def test_the_key_file_of_the_record_is_renewed_and_it_is_on_record(data: Path) -> None:
    assert "nothing to renew" in typed(data, "keys", "rotate", "--record").output
    assert typed(data, "object", "--email", "ann@exemple.fr").exit_code == 0
    before = keys.read(data / "keys" / "record.key")
    done = typed(data, "keys", "rotate", "--record", "--at", "2026-11-23")
    assert done.exit_code == 0, done.output
    after = keys.read(data / "keys" / "record.key")
    first, second = after.split(",")
    assert first == before
    assert known(data) == ["ann@exemple.fr"]
    assert typed(data, "object", "--email", "bob@exemple.fr").exit_code == 0
    assert known(data) == ["ann@exemple.fr", "bob@exemple.fr"]
    shown = typed(data, "keys", "show")
    assert keys.fingerprint(after) in shown.output
    assert "Nothing was changed" in typed(data, "audit", "verify").output
    entry = audit_log(Workspace(data_dir=data, clock=Clock.at(DAY))).entries()[-2]
    assert (entry.kind, entry.facts["new"]) == ("rotation", keys.fingerprint(after))
    for part in (first, second):
        assert part not in done.output + shown.output + str(entry)
    # With the first part alone, as before, nobody passes for unknown: every command refuses.
    (data / "keys" / "record.key").write_text(before)
    assert "under another key" in str(typed(data, "audit", "verify").exception)


def test_a_key_of_the_record_from_outside_gets_its_new_part_there(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(keys.RECORD_VARIABLE, OLD)
    assert typed(data, "object", "--email", "ann@exemple.fr").exit_code == 0
    refused = typed(data, "keys", "rotate", "--record")
    assert "every part of the key that SIGNALS_RECORD_KEY gives" in str(refused.exception)
    monkeypatch.setenv(keys.RECORD_VARIABLE, f"{OLD},{NEW}")
    # Until it is renewed, no command takes the record for somebody else's or for none.
    assert "under another key" in str(typed(data, "status").exception)
    assert typed(data, "keys", "rotate", "--record").exit_code == 0
    assert known(data) == ["ann@exemple.fr"]
    assert not (data / "keys" / "record.key").exists()


def test_copies_are_made_and_brought_back(data: Path, tmp_path: Path) -> None:
    filled(data)
    place = str(tmp_path / "vault")
    made = typed(data, "backup", "--to", place, "--at", "2026-11-23")
    assert made.exit_code == 0, made.output
    inside = typed(data, "backup", "--to", str(data / "vault"))
    assert "inside the data folder" in str(inside.exception)
    (data / "leads.duckdb").unlink()
    back = typed(data, "restore", "--from", place)
    assert back.exit_code == 0, back.output
    assert ids(data) == ["1"]


def test_a_folder_of_a_newer_release_is_refused_by_every_command(data: Path) -> None:
    filled(data)
    note(data, 99)
    for words in (["status"], ["keys", "rotate"], ["audit", "show"], ["migrate"]):
        refused = typed(data, *words)
        assert "has format 99" in str(refused.exception), words


def test_the_next_format_refuses_a_folder_of_this_one_copies_it_and_takes_the_step(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A format more and its step, as a release to come would bring them."""
    filled(data)
    note(data)
    monkeypatch.setattr(folder_format, "FORMAT", 2)
    monkeypatch.setattr(migrations, "STEPS", {1: lambda folder: (folder / "moved").touch()})
    for words in (["status"], ["keys", "rotate"], ["audit", "show"]):
        refused = str(typed(data, *words).exception)
        assert "make a backup, then run `company-signals migrate`" in refused, words
    place = str(tmp_path / "vault")
    made = typed(data, "backup", "--to", place)
    assert made.exit_code == 0, made.output
    done = typed(data, "migrate")
    assert "1 step(s) taken" in done.output
    assert (data / "moved").exists()
    assert "migration" in typed(data, "audit", "show").output
    assert ids(data) == ["1"]
    # The copy of before is brought up to date on its way back.
    shutil.rmtree(data / "state", ignore_errors=True)
    (data / "moved").unlink()
    back = typed(data, "restore", "--from", place)
    assert back.exit_code == 0, back.output
    assert (data / "moved").exists()
    assert (folder_format.found(data), ids(data)) == (2, ["1"])


def test_retention_counts_unless_it_is_told_to_erase_and_takes_its_days_from_the_settings(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(data)
    late = ["--at", "2029-11-23"]
    for words in (["retention", *late], ["retention", "--dry-run", *late]):
        counted = typed(data, *words)
        assert counted.exit_code == 0, counted.output
        assert ids(data) == ["1"]
    assert typed(data, "retention", "--erase", "--at", "2029-11-22").exit_code == 0
    assert ids(data) == ["1"], "kept for three years"
    monkeypatch.setenv("SIGNALS_RETENTION_DAYS", "3000")
    assert typed(data, "retention", "--erase", *late).exit_code == 0
    assert ids(data) == ["1"], "kept for as long as the settings say"
    monkeypatch.delenv("SIGNALS_RETENTION_DAYS")
    assert typed(data, "retention", "--erase", *late).exit_code == 0
    assert ids(data) == []
    assert "retention" in typed(data, "audit", "show").output
