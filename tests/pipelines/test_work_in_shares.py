"""One machine or several: matching and detection cut in shares say what they say whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from operating import copied
from polars.testing import assert_frame_equal
from replaying import Replayed, hashes

from assets.detection import detect, detect_share, gather_detection, plan_detection
from assets.lead_matching import match_all, matching_note
from assets.lead_matching_shares import gather_matching, match_share, plan_matching
from assets.parts import Parts
from assets.workspace import Workspace
from opendata.errors import StateError
from opendata.sample_portal import SamplePortal
from opendata.shares import Share
from signals.contract import CANDIDATE_SCHEMA

SHARES = (2, 3)


@pytest.fixture(scope="module")
def workspace(
    replayed: Replayed, portal: SamplePortal, tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    """A copy of the replay in which nothing was signalled since the first list of each source."""
    made = copied(replayed, portal, tmp_path_factory.mktemp("shares"))
    shutil.rmtree(made.log.folder)
    first = {name: made.store.state(name).versions[0].id for name in made.store.datasets()}
    made.log.append(CANDIDATE_SCHEMA.to_frame(), first)
    return made


def unmatched(workspace: Workspace) -> Workspace:
    store = workspace.lead_store
    store.forget(store.matches().select("account_id", "lead_id"), tables=("matches",))
    matching_note(workspace).unlink(missing_ok=True)
    return workspace


def unsignalled(workspace: Workspace, folder: Path) -> Workspace:
    """A workspace whose log is a copy: what is told goes there."""
    shutil.copytree(workspace.data_dir / "signals", folder / "signals")
    for other in workspace.data_dir.iterdir():
        if other.name not in {"signals", "tmp"}:
            (folder / other.name).symlink_to(other)
    return replace(workspace, data_dir=folder)


def in_shares(workspace: Workspace, of: int, do: Callable[[Workspace, Share], int]) -> list[int]:
    """Do every share, the last first: none may wait for another."""
    return [do(workspace, Share(number, of)) for number in range(of, 0, -1)]


def test_leads_matched_in_shares_are_matched_as_by_one(workspace: Workspace) -> None:
    whole = match_all(unmatched(workspace))
    assert whole.matches["verdict"].n_unique() > 2
    for of in SHARES:
        cut = replace(unmatched(workspace), shares=of)
        assert plan_matching(cut) == whole.again
        done = in_shares(cut, of, match_share)
        assert sum(done) == whole.again
        assert max(done) - min(done) <= 1
        found = gather_matching(cut)
        assert_frame_equal(found.matches, whole.matches)
        assert (found.again, found.why) == (whole.again, whole.why)
        assert not Parts(cut, "matching").folder.exists()


def test_events_detected_in_shares_leave_the_log_of_one_byte_for_byte(
    workspace: Workspace, tmp_path: Path
) -> None:
    alone = unsignalled(workspace, tmp_path)
    whole = detect(alone)
    assert whole.rows["type"].n_unique() > 5
    assert whole.rows.height > 50
    for of in SHARES:
        (tmp_path / str(of)).mkdir()
        cut = replace(unsignalled(workspace, tmp_path / str(of)), shares=of)
        plan_detection(cut)
        done = in_shares(cut, of, detect_share)
        assert min(done) > sum(done) / of / 2
        found = gather_detection(cut)
        assert hashes(cut.log.folder) == hashes(alone.log.folder)
        assert found.left_out == whole.left_out


def test_what_a_share_is_given_cannot_be_read_without_the_key(workspace: Workspace) -> None:
    cut = replace(unmatched(workspace), shares=2)
    plan_matching(cut)
    names = cut.lead_store.leads()["company_name"].drop_nulls().head(50).to_list()
    held = b"".join(path.read_bytes() for path in Parts(cut, "matching").folder.iterdir())
    assert names
    assert not any(name.encode() in held for name in names)
    sealed = sorted(Parts(cut, "matching").folder.glob("*.parquet"))
    assert sealed
    assert {path.stat().st_mode & 0o077 for path in sealed} == {0}


def test_a_share_that_was_not_done_is_told_and_nothing_is_kept(workspace: Workspace) -> None:
    cut = replace(unmatched(workspace), shares=2)
    plan_matching(cut)
    match_share(cut, Share(1, 2))
    with pytest.raises(StateError, match="a share was not done"):
        gather_matching(cut)
    assert cut.lead_store.matches().is_empty()


def test_leads_that_changed_meanwhile_are_matched_again(workspace: Workspace) -> None:
    cut = replace(unmatched(workspace), shares=2)
    plan_matching(cut)
    in_shares(cut, 2, match_share)
    lead = cut.lead_store.leads().row(0, named=True)
    cut.lead_store.correct(
        lead["account_id"], lead["lead_id"], {"city": "ailleurs"}, cut.clock.today()
    )
    with pytest.raises(StateError, match="changed while it was matched"):
        gather_matching(cut)


def test_a_plan_for_another_number_of_shares_is_refused(workspace: Workspace) -> None:
    plan_detection(replace(workspace, shares=2))
    with pytest.raises(StateError, match="planned for 2 shares, not 3"):
        detect_share(replace(workspace, shares=3), Share(1, 3))
    Parts(workspace, "detection").end()
    with pytest.raises(StateError, match="was not planned"):
        gather_detection(workspace)


def test_what_is_sealed_comes_back_as_it_was(workspace: Workspace) -> None:
    parts = Parts(workspace, "sealing")
    rows = pl.DataFrame({"a": ["é", None], "b": [[], None], "c": [1.5, None]},
                        schema_overrides={"b": pl.List(pl.String)})  # fmt: skip
    parts.seal("rows", rows)
    assert_frame_equal(parts.unseal("rows"), rows)
    parts.end()
