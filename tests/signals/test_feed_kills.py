"""A publisher that is killed again and again loses nothing, and its consumers never notice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.settings import ROOT

#: `make soak` asks for more.
SEED, KILLS = 2026, int(os.environ.get("SOAK_KILLS", "30"))


def walked(folder: Path, seed: int, kills: int) -> dict[str, object]:
    """Walk in a process of its own, which has no threads when it forks."""
    here = Path(__file__).parent
    paths = [str(here), str(ROOT / "tests" / "support"), str(ROOT)]
    program = [sys.executable, "-W", "ignore", str(here / "feed_walk.py")]
    done = subprocess.run(
        [*program, str(folder), str(seed), str(kills)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_killed_in_the_middle_and_run_again_nothing_is_lost(tmp_path: Path) -> None:
    found = walked(tmp_path, SEED, 3)
    assert found["kills"] == 3


@pytest.mark.full
def test_a_life_of_kills_at_points_and_at_moments(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = walked(tmp_path, SEED + 1, KILLS)
    assert found["kills"] == KILLS
    points = found["points"]
    assert isinstance(points, dict)
    assert sum(points.values()) == KILLS
    assert 0 < int(str(found["at a moment"])) < KILLS
    reached = {name.partition(":")[0] for name in points}
    assert {"feed-segment", "feed-file", "feed-manifest"} <= reached
    with capsys.disabled():
        sys.stdout.write(f"\n{json.dumps(found, indent=1)}\n")
