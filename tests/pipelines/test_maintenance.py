"""Going back, releasing, cleaning and asking, on real tables of the sample."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from operating import LAST, copied, with_held_version
from replaying import Replayed, hashes, run_step, stream_rows, workspace_at

from assets.feed import detect
from assets.workspace import Workspace
from opendata import files
from opendata.clock import Clock
from opendata.errors import OpenDataError, SettingsError, StateError
from opendata.sample_portal import SamplePortal
from opendata.warehouse import Warehouse
from pipelines import garbage, replay
from pipelines.main_job import history, one_writer, run_datasets, run_exports
from pipelines.maintenance import (
    collect_garbage,
    print_quarantine,
    print_query,
    release_held,
    roll_back,
)
from pipelines.rollback import unfinished

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module", autouse=True)
def _one_history() -> Iterator[None]:
    with history():
        yield


def ids(workspace: Workspace, dataset: str) -> list[str]:
    return [version.id for version in workspace.store.state(dataset).versions]


def serving(workspace: Workspace, dataset: str) -> str | None:
    return workspace.store.state(dataset).current


def standing(workspace: Workspace) -> pl.DataFrame:
    """Return what the log says now, free of when and by which row it was said."""
    current = workspace.log.current().filter(pl.col("op").is_in(["ASSERT", "AMEND"]))
    return current.select("signalid", "after", "time", "evidence").sort("signalid")


def cites(rows: pl.DataFrame, source_id: str) -> pl.DataFrame:
    record = pl.element().struct.field("source_id") == source_id
    return rows.filter(pl.col("evidence").list.eval(record).list.any())


# -- rollback ---------------------------------------------------------------------------


def test_a_rollback_takes_back_the_version_what_is_derived_and_what_was_said(
    replayed: Replayed, portal: SamplePortal, tmp_path: Path
) -> None:
    workspace = copied(replayed, portal, tmp_path)
    second = ids(workspace, "sirene")[1]
    changes = ids(workspace, "sirene_changes")
    before, said = standing(workspace), workspace.log.state().next_sequence
    assert roll_back(workspace, "sirene")

    assert serving(workspace, "sirene") == second
    assert serving(workspace, "sirene_changes") == changes[1]
    gone = f"sirene_changes@{changes[2]}"
    assert not cites(before, gone).is_empty()
    assert standing(workspace).equals(before.join(cites(before, gone), on="signalid", how="anti"))
    new = workspace.log.rows(after=said - 1)
    assert set(new["op"]) == {"RETRACT"}
    assert set(new["reason"]) == {"rollback"}
    assert workspace.log.cursor("sirene_changes") == changes[1]
    fates = [version.status for version in workspace.store.state("sirene").versions]
    assert fates == ["good", "good", "withdrawn"]

    # The platform, the analysts and the leads see the same.
    company = stream_rows(workspace.exports / "company")
    assert company["sequence"].to_list() == workspace.log.rows()["sequence"].to_list()
    for account in (workspace.exports / "accounts").iterdir():
        assert "rollback" in stream_rows(account)["reason"].to_list()
    with Warehouse.read_only(workspace.warehouse) as database:
        found = database.rows("SELECT DISTINCT source_id FROM sirene__legal_units")
    assert found == [(f"sirene@{second}",)]
    matched = workspace.lead_store.matches()["registry_version"].unique().to_list()
    assert matched == [f"sirene@{second}"]
    # Nothing is left to be said: neither again nor anew.
    assert detect(workspace).rows.is_empty()


def test_a_release_undoes_a_rollback_and_says_it_all_again(
    replayed: Replayed, portal: SamplePortal, tmp_path: Path
) -> None:
    workspace = copied(replayed, portal, tmp_path)
    versions, before = ids(workspace, "decp"), standing(workspace)
    roll_back(workspace, "decp")
    assert standing(workspace).height < before.height
    assert release_held(workspace, "decp")
    assert serving(workspace, "decp") == versions[-1]
    assert standing(workspace).equals(before)
    assert workspace.log.cursor("decp") == versions[-1]
    with pytest.raises(StateError, match="no version is held"):
        release_held(workspace, "decp")


def test_a_release_brings_back_what_is_derived_as_well(
    replayed: Replayed, portal: SamplePortal, tmp_path: Path
) -> None:
    workspace = copied(replayed, portal, tmp_path)
    now = {name: serving(workspace, name) for name in ("sirene", "sirene_changes")}
    roll_back(workspace, "sirene")
    assert release_held(workspace, "sirene")
    assert {name: serving(workspace, name) for name in now} == now


def test_a_run_after_a_rollback_does_not_serve_the_withdrawn_version_again(
    replayed: Replayed, portal: SamplePortal, plan: list[replay.Step], tmp_path: Path
) -> None:
    workspace = copied(replayed, portal, tmp_path)
    roll_back(workspace, "decp")
    before, served = hashes(workspace.exports), serving(workspace, "decp")
    report = run_step(portal, plan[-1], workspace.data_dir)
    assert report.ok
    assert report.nothing_new
    assert serving(workspace, "decp") == served
    assert hashes(workspace.exports) == before


class Killed(BaseException):
    """Stands for the end of the process: nothing but ``finally`` sees it."""


#: Points of a rollback of Sirene, and how often each was passed when the process ends.
KILLS = [
    ("rollback:after-rename", 1),
    ("log-segment:after-rename", 1),
    ("log:after-rename", 1),
    ("state:after-rename", 1),
    ("state:before-rename", 2),
    ("state:after-rename", 2),
]


def _kill_at(point: str, times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    left = [times]

    def stop(reached: str) -> None:
        left[0] -= reached == point
        if left[0] == 0:
            raise Killed

    monkeypatch.setattr(files, "on_point", stop)


@pytest.fixture(scope="module")
def rolled_back(
    replayed: Replayed, portal: SamplePortal, tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    """A rollback that nothing interrupted, without leads: matching has tests of its own."""
    workspace = _without_leads(copied(replayed, portal, tmp_path_factory.mktemp("whole")))
    roll_back(workspace, "sirene")
    return workspace


def _without_leads(workspace: Workspace) -> Workspace:
    (workspace.data_dir / "leads.duckdb").unlink()
    return workspace


@pytest.mark.parametrize(("point", "times"), KILLS)
def test_a_rollback_killed_anywhere_is_finished_by_the_next_and_takes_one_step(
    replayed: Replayed,
    portal: SamplePortal,
    rolled_back: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    point: str,
    times: int,
) -> None:
    workspace = _without_leads(copied(replayed, portal, tmp_path))
    with monkeypatch.context() as patched:
        _kill_at(point, times, patched)
        with pytest.raises(Killed):
            roll_back(workspace, "sirene")
    assert unfinished(workspace) == ["sirene"]
    again = workspace_at(portal, LAST, workspace.data_dir)
    assert roll_back(again, "sirene")
    assert unfinished(again) == []
    for name in ("sirene", "sirene_changes"):
        assert again.store.state(name) == rolled_back.store.state(name)
    assert again.log.rows().equals(rolled_back.log.rows())
    assert again.log.state().cursors == rolled_back.log.state().cursors
    assert hashes(again.exports / "company") == hashes(rolled_back.exports / "company")


def test_a_rollback_whose_export_failed_is_finished_by_the_next_and_takes_one_step(
    replayed: Replayed,
    portal: SamplePortal,
    rolled_back: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace = _without_leads(copied(replayed, portal, tmp_path))
    with monkeypatch.context() as patched:
        _kill_at("feed-manifest:before-rename", 1, patched)
        assert not roll_back(workspace, "sirene")
    assert unfinished(workspace) == ["sirene"]
    assert roll_back(workspace, "sirene")
    assert unfinished(workspace) == []
    assert serving(workspace, "sirene") == serving(rolled_back, "sirene")
    assert hashes(workspace.exports / "company") == hashes(rolled_back.exports / "company")


def test_what_cannot_be_rolled_back_is_refused_and_nothing_changes(
    replayed: Replayed, portal: SamplePortal, tmp_path: Path
) -> None:
    workspace = copied(replayed, portal, tmp_path)
    before = hashes(workspace.data_dir)
    with pytest.raises(SettingsError, match="company-signals rollback sirene`"):
        roll_back(workspace, "sirene_changes")
    with pytest.raises(SettingsError, match="choose among bodacc, decp"):
        roll_back(workspace, "nope")
    workspace.store.withdraw("decp", ids(workspace, "decp")[0], reason="only one is left")
    with pytest.raises(StateError, match="no previous version"):
        roll_back(workspace, "decp")
    assert hashes(workspace.exports) == {
        name.removeprefix("exports/"): found
        for name, found in before.items()
        if name.startswith("exports/")
    }
    assert unfinished(workspace) == []


def test_a_running_writer_is_not_disturbed(
    replayed: Replayed, portal: SamplePortal, tmp_path: Path
) -> None:
    workspace = copied(replayed, portal, tmp_path)
    before = hashes(workspace.data_dir / "state")
    with one_writer(workspace):
        for action in (roll_back, release_held):
            with pytest.raises(StateError, match="another run is writing"):
                action(workspace, "decp")
        with pytest.raises(StateError, match="another run is writing"):
            collect_garbage(workspace)
    assert hashes(workspace.data_dir / "state") == before


# -- release ----------------------------------------------------------------------------


def test_a_held_version_is_released_with_all_that_follows(
    portal: SamplePortal, tmp_path: Path, capsys: Capture
) -> None:
    workspace = with_held_version(portal, tmp_path)
    held = ids(workspace, "sirene")[-1]
    detect(workspace)
    capsys.readouterr()
    print_quarantine(workspace, "sirene", rows=5)
    assert f"sirene {held}: held: " in capsys.readouterr().out
    assert release_held(workspace, "sirene")
    assert serving(workspace, "sirene") == held
    derived = workspace.store.current("sirene_changes")
    assert derived is not None
    assert derived.inputs[0].resource == held
    said = workspace.log.rows()
    assert said.height > 100
    assert stream_rows(workspace.exports / "company").height == said.height


# -- gc ---------------------------------------------------------------------------------


def test_gc_removes_what_nothing_cites_and_nothing_else(
    replayed: Replayed, portal: SamplePortal, tmp_path: Path, capsys: Capture
) -> None:
    workspace = copied(replayed, portal, tmp_path)
    data = workspace.data_dir
    before = hashes(data)
    (kept,) = (data / "index").iterdir()
    stray = [
        data / "index" / "2016-01-01-000000000000" / "meta.json",
        data / "tables" / "decp__awards" / "2016-01-01-000000000000.parquet",
        data / "raw" / "decp" / "decp" / "0123456789ab" / "decp.csv",
        data / "tmp" / "build-decp" / "decp.parquet",
    ]
    for path in stray:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 2000)
    collect_garbage(workspace)
    shown = capsys.readouterr().out
    assert "8 kB freed." in shown
    assert hashes(data) == before | {".lock": hashes(data)[".lock"]}
    assert kept.exists()
    collect_garbage(workspace)
    assert "Nothing to remove." in capsys.readouterr().out


def test_gc_keeps_every_version_that_something_still_needs(
    replayed: Replayed, portal: SamplePortal, tmp_path: Path
) -> None:
    workspace = copied(replayed, portal, tmp_path)
    roll_back(workspace, "sirene")
    baseline, second, withdrawn = (f"sirene@{one}" for one in ids(workspace, "sirene"))
    cited = garbage.cited(workspace)
    # What the next detection and the next comparison start from, and what was ever cited.
    assert cited >= {second, baseline}
    assert f"sirene_changes@{ids(workspace, 'sirene_changes')[-1]}" in cited
    assert f"bodacc@{serving(workspace, 'bodacc')}" in cited
    removed = workspace.store.gc(1, cited)
    assert withdrawn in removed
    assert not set(removed) & cited
    with pytest.raises(StateError, match="no version is held"):
        release_held(workspace, "sirene")
    # Going on needs what came before; exporting describes every source that is cited.
    assert detect(workspace).rows.is_empty()
    assert run_exports(workspace).ok


def test_gc_removes_a_version_beyond_those_kept_with_its_files(
    portal: SamplePortal, tmp_path: Path, capsys: Capture
) -> None:
    for day in (date(2020, 3, 2), date(2021, 3, 2)):
        portal.set_date(day)
        workspace = workspace_at(portal, day, tmp_path / "data")
        assert run_datasets(workspace, ["egapro"]).ok
    old, new = ids(workspace, "egapro")
    before = workspace.store.disk_use()
    collect_garbage(workspace)
    assert "Nothing to remove." in capsys.readouterr().out
    # Three are kept; a version that was withdrawn and that nobody cites is not among them.
    workspace.store.withdraw("egapro", old, reason="test")
    collect_garbage(workspace)
    shown = capsys.readouterr().out
    assert f"removed egapro@{old}" in shown
    assert ids(workspace, "egapro") == [new]
    after = workspace.store.disk_use()
    assert after["tables"] < before["tables"]
    assert after["raw"] < before["raw"]
    assert len(list((workspace.data_dir / "raw").rglob("*.receipt.json"))) == 1


# -- quarantine -------------------------------------------------------------------------


def test_quarantine_shows_rules_and_rows_with_brackets_as_they_are(
    tmp_path: Path, capsys: Capture
) -> None:
    sample = tmp_path / "sample"
    shutil.copytree(replay.SAMPLE / "egapro", sample / "egapro")
    shutil.copy(replay.SAMPLE / "portal.yml", sample)
    path = sample / "egapro" / "2020-03-01" / "index-egalite-fh.csv"
    lines = path.read_text("utf-8").splitlines(keepends=True)
    at = lines[0].split(";").index("SIREN")
    for number, bad in ((5, "[ND]"), (9, "12345678")):
        cells = lines[number].split(";")
        cells[at] = bad
        lines[number] = ";".join(cells)
    path.write_text("".join(lines), "utf-8")
    day = date(2020, 3, 2)
    with SamplePortal(sample, as_of=day) as portal:
        workspace = workspace_at(portal, day, tmp_path / "data")
        assert run_datasets(workspace, ["egapro"]).ok
    capsys.readouterr()
    print_quarantine(workspace, "egapro", rows=1)
    shown = capsys.readouterr().out
    assert "2 refused" in shown
    assert "index-egalite.siren:pattern" in shown
    assert "[ND]" in shown
    assert "12345678" not in shown
    assert "1 more" in shown
    print_quarantine(workspace, "egapro", rows=20)
    assert "12345678" in capsys.readouterr().out


def test_quarantine_of_what_was_never_loaded_or_does_not_exist(
    tmp_path: Path, capsys: Capture
) -> None:
    workspace = Workspace(data_dir=tmp_path, clock=Clock.at(LAST))
    print_quarantine(workspace, "decp", rows=5)
    assert "decp was never loaded." in capsys.readouterr().out
    with pytest.raises(OpenDataError, match="choose among"):
        print_quarantine(workspace, "nope", rows=5)


# -- query ------------------------------------------------------------------------------


def test_query_prints_a_table_and_says_when_there_is_more(
    replayed: Replayed, capsys: Capture
) -> None:
    print_query(
        replayed.workspace,
        "SELECT siren, '[ND]' AS masked, NULL AS nothing FROM sirene__legal_units ORDER BY siren",
    )
    shown = capsys.readouterr().out
    assert "[ND]" in shown
    assert "null" in shown
    assert "The first 50 rows" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_query_prints_wide_rows_one_column_a_line(replayed: Replayed, capsys: Capture) -> None:
    print_query(replayed.workspace, "FROM sirene__legal_units ORDER BY siren LIMIT 2")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == "row 1"
    assert lines[1].split()[0] == "siren"
    assert "2 row(s)." in lines[-1]


def test_query_cannot_reach_the_leads(replayed: Replayed) -> None:
    leads = replayed.data_dir / "leads.duckdb"
    with pytest.raises(SettingsError, match=r"DuckDB cannot answer|only reading"):
        print_query(replayed.workspace, f"FROM read_blob('{leads}')")
