"""One screen of 80 columns that says what is fresh, what waits and what there is."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest
from operating import LAST, copied, with_held_version
from replaying import Replayed

from assets import discovery
from assets.workspace import Workspace
from leads import keys
from opendata.clock import Clock
from opendata.files import write_json
from opendata.sample_portal import SamplePortal
from opendata.source_status import record_failure, record_success
from pipelines import replay
from pipelines.status import print_status

Capture = pytest.CaptureFixture[str]


def screen(workspace: Workspace, capsys: Capture) -> tuple[bool, str]:
    capsys.readouterr()
    well = print_status(workspace)
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    return well, shown


def row(shown: str, name: str) -> list[str]:
    """Return the cells of the row called ``name``."""
    return next(line.split() for line in shown.splitlines() if line.split()[:1] == [name])


def freshen(workspace: Workspace) -> None:
    """Note that every source of it was asked today and has what its publisher dates today."""
    for name in workspace.store.datasets():
        today = workspace.clock.today()
        record_success(workspace.data_dir, name, today, workspace.clock)


def test_all_is_well_when_every_source_is_fresh_and_nothing_waits(
    replayed: Replayed, portal: SamplePortal, tmp_path: Path, capsys: Capture
) -> None:
    workspace = copied(replayed, portal, tmp_path)
    freshen(workspace)
    well, shown = screen(workspace, capsys)
    assert well
    assert "GAP" not in shown
    never = sorted(set(discovery.catalogue()) - set(workspace.store.datasets()))
    assert set(never) & {"rge", "acco"}
    assert f"never asked for: {never[0]}" in shown
    assert row(shown, "decp")[1:] == ["OK", "2025-01-06", "2025-01-06", "12:00", "833", "2"]
    assert len(shown.splitlines()) <= 28
    assert "GB free" in shown
    # Every source is looked at by the cadence of its description.
    assert "Next  bodacc 07/01 07:15, boamp 07/01 07:45, decp 07/01 08:30" in shown


def test_one_source_in_a_gap_is_named_with_its_reason(
    replayed: Replayed, portal: SamplePortal, tmp_path: Path, capsys: Capture
) -> None:
    workspace = copied(replayed, portal, tmp_path)
    freshen(workspace)
    record_failure(workspace.data_dir, "decp", "the portal [main] is down", workspace.clock)
    well, shown = screen(workspace, capsys)
    assert not well
    assert row(shown, "decp")[1] == "GAP"
    assert "GAP decp: the portal [main] is down" in shown


def test_a_stale_source_is_shown_and_does_not_fail(
    replayed: Replayed, portal: SamplePortal, tmp_path: Path, capsys: Capture
) -> None:
    workspace = copied(replayed, portal, tmp_path)
    freshen(workspace)
    record_success(workspace.data_dir, "decp", date(2024, 12, 30), workspace.clock)
    well, shown = screen(workspace, capsys)
    assert well
    assert row(shown, "decp")[1] == "STALE"


def test_a_held_version_is_shown_with_the_command_that_releases_it(
    portal: SamplePortal, tmp_path: Path, capsys: Capture
) -> None:
    workspace = with_held_version(portal, tmp_path)
    freshen(workspace)
    held = workspace.store.state("sirene").versions[-1].id
    well, shown = screen(workspace, capsys)
    assert not well
    assert f"HELD sirene {held}: " in shown
    assert "company-signals release sirene" in shown


def test_an_unfinished_rollback_is_shown_with_the_command_that_ends_it(
    replayed: Replayed, portal: SamplePortal, tmp_path: Path, capsys: Capture
) -> None:
    workspace = copied(replayed, portal, tmp_path)
    freshen(workspace)
    write_json(workspace.data_dir / "state" / "rollbacks" / "decp.json", {}, point="test")
    well, shown = screen(workspace, capsys)
    assert not well
    assert "UNFINISHED rollback of decp" in shown
    assert "company-signals rollback decp" in shown


def test_counts_of_leads_and_streams_are_shown_and_nobody_is_named(
    replayed: Replayed, capsys: Capture
) -> None:
    _, shown = screen(replayed.workspace, capsys)
    matches = replayed.workspace.lead_store.matches()
    counts = dict(matches.group_by("verdict").len().iter_rows())
    assert f"{matches.height:,} answered: " in shown
    assert all(f"{count:,} {verdict}" in shown for verdict, count in counts.items())
    last = replayed.workspace.log.state().next_sequence - 1
    assert row(shown, "log")[1] == row(shown, "company")[1] == f"{last:,}"
    assert sum(line.startswith("accounts/") for line in shown.splitlines()) == 2
    with (replay.SAMPLE / "leads.csv").open(encoding="utf-8", newline="") as lines:
        leads = list(csv.DictReader(lines))
    accounts = {lead["account_id"] for lead in leads}
    said = {value for lead in leads for value in lead.values() if len(value) > 5} - accounts
    assert [value for value in said if value in shown] == []


def test_before_the_first_run_everything_is_a_gap_and_nothing_is_written(
    tmp_path: Path, capsys: Capture
) -> None:
    workspace = Workspace(data_dir=tmp_path / "data", clock=Clock.at(LAST))
    well, shown = screen(workspace, capsys)
    assert not well
    assert row(shown, "sirene")[1:3] == ["GAP", "never"]
    assert "none yet" in shown
    assert not workspace.data_dir.exists()


def test_leads_without_their_key_are_told_and_no_key_is_made(
    replayed: Replayed,
    portal: SamplePortal,
    tmp_path: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(keys.VARIABLE, raising=False)
    workspace = copied(replayed, portal, tmp_path)
    key = workspace.data_dir / "keys" / "lead.key"
    key.unlink()
    _, shown = screen(workspace, capsys)
    assert "not readable: there is no key to the leads" in shown
    assert not key.exists()
