"""One step back, with all that followed; killed anywhere, still one step."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from interrupted import Killed, killed_reaching
from operating import LAST, SIRENE, copied, ids, serving
from replaying import Replayed, hashes, run_step, stream_rows, workspace_at

from assets.detection import detect
from assets.lead_matching import match_all, matching_note
from assets.workspace import Workspace
from opendata.errors import SettingsError, StateError
from opendata.sample_portal import SamplePortal
from opendata.warehouse import Warehouse
from pipelines import replay
from pipelines.main_job import history, run_main_job
from pipelines.maintenance import collect_garbage, release_held, roll_back
from pipelines.rollback import unfinished


@pytest.fixture(scope="module", autouse=True)
def _one_history() -> Iterator[None]:
    with history():
        yield


def standing(workspace: Workspace) -> pl.DataFrame:
    """Return what the log says now, free of when and by which row it was said."""
    current = workspace.log.current().filter(pl.col("op").is_in(["ASSERT", "AMEND"]))
    return current.select("signalid", "after", "time", "evidence").sort("signalid")


def cites(rows: pl.DataFrame, source_id: str) -> pl.DataFrame:
    record = pl.element().struct.field("source_id") == source_id
    return rows.filter(pl.col("evidence").list.eval(record).list.any())


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
    # An answer bears the version it was found with; all are what matching anew would say.
    matched = workspace.lead_store.matches()
    assert set(matched["registry_version"]) <= {
        f"sirene@{version}" for version in ids(workspace, "sirene")[:2]
    }
    matching_note(workspace).unlink()
    again = match_all(workspace)
    assert again.why == "everything"
    assert again.matches.equals(matched)
    # Nothing is left to be said: neither again nor anew.
    assert detect(workspace).rows.is_empty()


@pytest.mark.parametrize(("dataset", "day"), [("decp", LAST), ("bodacc", date(2021, 1, 11))])
def test_a_release_undoes_a_rollback_and_says_it_all_again(
    replayed: Replayed, portal: SamplePortal, tmp_path: Path, dataset: str, day: date
) -> None:
    """Of a snapshot and of a window of events, on the day they were taken up."""
    workspace = copied(replayed, portal, tmp_path, day)
    versions, before = ids(workspace, dataset), standing(workspace)
    roll_back(workspace, dataset)
    assert standing(workspace).height < before.height
    assert release_held(workspace, dataset)
    assert serving(workspace, dataset) == versions[-1]
    assert standing(workspace).equals(before)
    assert workspace.log.cursor(dataset) == versions[-1]
    with pytest.raises(StateError, match="no version is held"):
        release_held(workspace, dataset)


def test_a_release_brings_back_what_is_derived_as_well(
    replayed: Replayed, portal: SamplePortal, tmp_path: Path
) -> None:
    workspace = copied(replayed, portal, tmp_path)
    now = {name: serving(workspace, name) for name in ("sirene", "sirene_changes")}
    roll_back(workspace, "sirene")
    assert release_held(workspace, "sirene")
    assert {name: serving(workspace, name) for name in now} == now


def test_two_rollbacks_are_undone_by_two_releases_one_step_each(
    replayed: Replayed, portal: SamplePortal, tmp_path: Path
) -> None:
    """The version in the middle says its signals again, those that are still of use."""
    workspace = copied(replayed, portal, tmp_path, SIRENE[-1])
    versions = ids(workspace, "sirene")
    now = pl.lit(workspace.clock.now())
    seen = []
    for _ in range(2):
        alive = workspace.log.current().filter(pl.col("expirytime") > now)
        seen.append(standing(workspace).join(alive, on="signalid", how="semi"))
        assert roll_back(workspace, "sirene")
    assert serving(workspace, "sirene") == versions[0]
    assert seen[1].height > standing(workspace).join(seen[1], on="signalid", how="semi").height
    for expected, version in zip(reversed(seen), versions[1:], strict=True):
        assert release_held(workspace, "sirene")
        assert serving(workspace, "sirene") == version
        assert ids(workspace, "sirene") == versions
        again = standing(workspace).join(expected, on="signalid", how="semi")
        assert again.equals(expected)
    with pytest.raises(StateError, match="no version is held"):
        release_held(workspace, "sirene")


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


def sources(workspace: Workspace) -> dict[str, set[str]]:
    """Return the versions of the register and of its changes that analysts and leads see."""
    with Warehouse.read_only(workspace.warehouse) as database:
        found = {
            table: {row[0] for row in database.rows(f"SELECT DISTINCT source_id FROM {table}")}
            for table in ("sirene__legal_units", "sirene__establishments")
        }
    matched = workspace.lead_store.matches()["registry_version"].unique().to_list()
    return {**found, "matches": set(matched)}


def assert_seen(workspace: Workspace, serves: str, gone: str | None) -> None:
    """Analysts see the version that serves; no answer to a lead cites one that is gone."""
    seen = sources(workspace)
    # An answer that a later register would give again keeps the version it was found with.
    answered = seen.pop("matches")
    assert set().union(*seen.values()) == {f"sirene@{serves}"}
    assert f"sirene@{gone}" not in answered


def test_a_version_rolled_back_stays_away_after_gc_until_it_is_released(
    replayed: Replayed, portal: SamplePortal, tmp_path: Path
) -> None:
    workspace = copied(replayed, portal, tmp_path, SIRENE[2])
    both = ("sirene", "sirene_changes", "sirene_drift")
    older = {name: ids(workspace, name)[1] for name in both}
    newer = {name: ids(workspace, name)[2] for name in both}
    said = standing(workspace)
    assert roll_back(workspace, "sirene")
    left = standing(workspace)
    collect_garbage(workspace)

    # The portal still shows what was withdrawn.
    for _ in range(2):
        report = run_main_job(workspace, ["sirene"])
        assert report.failures == {}
        assert report.nothing_new
        assert report.outcomes == dict.fromkeys(both, "unchanged")
        assert {name: serving(workspace, name) for name in both} == older
        assert_seen(workspace, serves=older["sirene"], gone=newer["sirene"])
        assert standing(workspace).equals(left)
        collect_garbage(workspace)

    assert release_held(workspace, "sirene")
    assert {name: serving(workspace, name) for name in both} == newer
    assert_seen(workspace, serves=newer["sirene"], gone=None)
    assert standing(workspace).equals(said)
    report = run_main_job(workspace, ["sirene"])
    assert report.nothing_new
    assert {name: serving(workspace, name) for name in both} == newer


#: Points of a rollback of Sirene, and how often each was passed when the process ends.
KILLS = [
    ("rollback:after-rename", 1),
    ("log-segment:after-rename", 1),
    ("log:after-rename", 1),
    ("state:after-rename", 1),
    ("state:before-rename", 2),
    ("state:after-rename", 2),
]


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
    point: str,
    times: int,
) -> None:
    workspace = _without_leads(copied(replayed, portal, tmp_path))
    with killed_reaching(point, times), pytest.raises(Killed):
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
) -> None:
    workspace = _without_leads(copied(replayed, portal, tmp_path))
    with killed_reaching("feed-manifest:before-rename"):
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
    with pytest.raises(SettingsError, match=r"choose among .*bodacc, decp"):
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
