"""One replay of the bundled sample, made by the command that the pages name.

Belongs here: the replayed data folder, shared by the workers of a test run, and a desk: a
folder like a fresh clone's, in which the commands of a page can be typed.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from desks import BIN, Desk, plain_environment

from opendata.sample_portal import SamplePortal
from pipelines.replay import SAMPLE, load_plan
from pipelines.settings import DATAGOUV_HOST, ROOT


def last_date() -> date:
    return load_plan(SAMPLE / "replay.yml")[-1].date


@pytest.fixture(scope="session")
def replayed(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The data folder after `company-signals replay`; do not write to it."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    folder, done = shared / "docs-replay", shared / "docs-replay.done"
    with (shared / "docs-replay.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            command = [BIN / "company-signals", "replay", "--data-dir", folder]
            subprocess.run(command, check=True, env=plain_environment(), capture_output=True)
            done.touch()
    return folder


@pytest.fixture
def desk(replayed: Path, tmp_path: Path) -> Iterator[Desk]:
    """A folder like a clone's root, with a copy of the replayed sample to work on."""
    shutil.copytree(replayed, tmp_path / "data")
    shutil.copytree(replayed, tmp_path / "data" / "replay")
    (tmp_path / "data" / "sample").symlink_to(SAMPLE)
    (tmp_path / ".venv").symlink_to(BIN.parent)
    shutil.copy(ROOT / ".env.example", tmp_path)
    shutil.copy(SAMPLE / "leads.csv", tmp_path)
    (tmp_path / "home").mkdir()
    with SamplePortal(SAMPLE) as portal:
        bases = dict(portal.bases())
        environment = {
            **plain_environment(),
            "HOME": str(tmp_path / "home"),
            "SIGNALS_DATA_DIR": "data",
            "SIGNALS_DATAGOUV_URL": bases.pop(DATAGOUV_HOST),
            "SIGNALS_BASE_URLS": json.dumps(bases),
            "SIGNALS_AT": last_date().isoformat(),
        }
        yield Desk(tmp_path, environment)
