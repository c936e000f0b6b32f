"""The small consumer of docs/feed.md holds what the suite says a consumer must hold."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from pipelines.page_blocks import RUN, blocks
from signals.conformance.scenarios import INDEX, Scenario, Step, write
from signals.feed.page import feed_page

#: Rule 6 is shown as a filter of one look: that a gap or an expiry ends is no matter of rows.
PLACE = "data/replay/exports/accounts/demo-btp"


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Scenario]]:
    folder = tmp_path_factory.mktemp("recipe")
    (folder / "work").mkdir()
    return folder / "feeds", write(folder / "feeds", folder / "work")


def program() -> str:
    (found,) = [b for b in blocks(feed_page()) if b.language == "python" and b.mark == RUN]
    assert found.text.count(PLACE) == 1
    return found.text


def kept(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def run(text: str, feed: Path, step: Step, folder: Path) -> None:
    before = kept(folder)
    code = compile(text.replace(PLACE, str(feed)), "docs/feed.md", "exec")
    if step.stop:
        with pytest.raises(SystemExit):
            exec(code, {})  # noqa: S102 - the program of our own page
        assert kept(folder) == before
        return
    exec(code, {})  # noqa: S102
    held = pl.read_parquet("held.parquet")
    now = pl.lit(step.now).str.to_datetime(time_zone="UTC")
    standing = held.filter(pl.col("op").is_in(["ASSERT", "AMEND"]), pl.col("expirytime") > now)
    wanted = [(one["signalid"], one["id"], one["after"]) for one in step.standing]
    assert standing.select("signalid", "id", "after").sort("signalid").rows() == wanted, step.feed
    assert not any(text in str(held.to_dicts()) for text in step.gone)


def test_in_every_scenario_it_holds_what_stands(
    suite: tuple[Path, list[Scenario]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feeds, scenarios = suite
    text = program()
    for scenario in scenarios:
        folder = tmp_path / scenario.name
        folder.mkdir()
        monkeypatch.chdir(folder)
        for step in scenario.steps:
            run(text, feeds / step.feed, step, folder)


def test_a_repeated_row_does_not_bring_back_what_was_retracted(
    suite: tuple[Path, list[Scenario]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the ids of all rows seen it would: the scenario finds it."""
    feeds, scenarios = suite
    (one,) = (one for one in scenarios if one.name == "duplicates")
    forgetful = program().replace('.join(seen, on="id", how="anti")', "")
    assert forgetful != program()
    monkeypatch.chdir(tmp_path)
    for step in one.steps[:-1]:
        run(forgetful, feeds / step.feed, step, tmp_path)
    with pytest.raises(AssertionError, match="3-repeated"):
        run(forgetful, feeds / one.steps[-1].feed, one.steps[-1], tmp_path)
    assert json.loads((feeds / INDEX).read_bytes())["scenarios"]
