"""Releasing, cleaning, inspecting and asking, on real tables of the sample."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from operating import LAST, copied, ids, serving, with_held_version
from replaying import Replayed, hashes, stream_rows, workspace_at

from assets.detection import detect
from assets.workspace import Workspace
from opendata import files
from opendata.clock import Clock
from opendata.errors import OpenDataError, SettingsError, StateError
from opendata.sample_portal import SamplePortal
from pipelines import garbage, replay
from pipelines.main_job import history, run_datasets, run_exports
from pipelines.maintenance import (
    collect_garbage,
    print_quarantine,
    print_query,
    release_held,
    roll_back,
)
from signals.feed import manifest

Capture = pytest.CaptureFixture[str]
#: Another process that waits for the lock, tells what it finds, and keeps the lock till the end.
OTHER = """
import fcntl, json, pathlib, sys
data, published = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
with (data / ".lock").open("w") as lock:
    print("waits", flush=True)
    fcntl.flock(lock, fcntl.LOCK_EX)
    notes = [path.stem for path in (data / "state" / "rollbacks").glob("*.json")]
    print(json.dumps({"unfinished": notes, "published": published.read_text("utf-8")}), flush=True)
    sys.stdin.read()
"""


def other_writer(data_dir: Path) -> subprocess.Popen[str]:
    """Start another process that wants the lock, and return once it asks for it."""
    published = data_dir / "exports" / "company" / manifest.NAME
    pipe = subprocess.PIPE
    other = subprocess.Popen(
        [sys.executable, "-c", OTHER, str(data_dir), str(published)],
        stdin=pipe, stdout=pipe, text=True,
    )  # fmt: skip
    assert other.stdout is not None
    assert other.stdout.readline() == "waits\n"
    return other


def told(other: subprocess.Popen[str]) -> dict[str, Any]:
    """Return what the other process found when it got the lock; it holds it from then on."""
    assert other.stdout is not None
    found: dict[str, Any] = json.loads(other.stdout.readline())
    return found


@pytest.fixture(scope="module", autouse=True)
def _one_history() -> Iterator[None]:
    with history():
        yield


def test_a_running_writer_is_not_disturbed(
    replayed: Replayed, portal: SamplePortal, tmp_path: Path
) -> None:
    workspace = copied(replayed, portal, tmp_path)
    before = hashes(workspace.data_dir)
    with other_writer(workspace.data_dir) as other:
        told(other)
        with pytest.raises(StateError, match="another run is writing"):
            roll_back(workspace, "decp")
        with pytest.raises(StateError, match="another run is writing"):
            collect_garbage(workspace)
    assert hashes(workspace.data_dir) == before
    # With something to release.
    assert roll_back(workspace, "decp")
    before = hashes(workspace.data_dir)
    with other_writer(workspace.data_dir) as other:
        told(other)
        with pytest.raises(StateError, match="another run is writing"):
            release_held(workspace, "decp")
    assert hashes(workspace.data_dir) == before


@pytest.mark.parametrize("action", [roll_back, release_held])
def test_no_other_writer_comes_in_before_what_follows_is_exported(
    replayed: Replayed,
    portal: SamplePortal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    action: Callable[[Workspace, str], bool],
) -> None:
    workspace = copied(replayed, portal, tmp_path)
    if action is release_held:
        roll_back(workspace, "decp")
    published = workspace.exports / "company" / manifest.NAME
    before = published.read_text("utf-8")
    others: list[subprocess.Popen[str]] = []

    def come(point: str) -> None:
        if point == "state:after-rename" and not others:
            others.append(stack.enter_context(other_writer(workspace.data_dir)))

    with ExitStack() as stack:
        monkeypatch.setattr(files, "on_point", come)
        assert action(workspace, "decp")
        (other,) = others
        seen = told(other)
    after = published.read_text("utf-8")
    assert after != before
    assert seen == {"unfinished": [], "published": after}


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
    assert not set(removed) & cited
    # Nothing cites it, but its publisher still shows it: forgotten, it would come back.
    assert withdrawn not in cited
    assert withdrawn not in removed
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
