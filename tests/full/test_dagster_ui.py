"""Dagster's own pages in a real browser, on what a real run left.

Needs Chromium; a machine without it fails here (`make test-full`).
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from replaying import workspace_at

from opendata.sample_portal import SamplePortal
from pipelines import replay
from pipelines.main_job import run_main_job

pytestmark = pytest.mark.full
ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
#: Keep the browser from looking for its maker's servers.
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def webserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The web interface over the history of one run of the sample."""
    home = tmp_path_factory.mktemp("dagster-home")
    shutil.copy(ROOT / "dagster.yaml", home)
    before = Path.cwd()
    os.environ["DAGSTER_HOME"] = str(home)
    # The storage of dagster.yaml is relative to the working directory, as in `make dev`.
    os.chdir(home)
    port = _free_port()
    try:
        day = date(2020, 3, 2)
        with SamplePortal(replay.SAMPLE, as_of=day) as portal:
            workspace = workspace_at(portal, day, home / "data")
            assert run_main_job(workspace, ["egapro"]).ok
        server = subprocess.Popen(
            [
                BIN / "dagster-webserver",
                "-m",
                "pipelines.definitions",
                "-h",
                "127.0.0.1",
                "-p",
                str(port),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/server_info", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(120)
    finally:
        os.chdir(before)
        del os.environ["DAGSTER_HOME"]


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    """Wait as long as the server lives: how fast it starts says how busy the machine is."""
    while server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=60):
                return
        except OSError:
            time.sleep(0.25)
    pytest.fail("the web interface ended")


def _page(url: str, profile: Path) -> str:
    """Return what the browser shows of ``url`` once its scripts have run."""
    browser = shutil.which("chromium")
    assert browser is not None, "Chromium is not installed"
    done = subprocess.run(
        [
            browser,
            *QUIET,
            f"--user-data-dir={profile}",
            "--virtual-time-budget=30000",
            "--dump-dom",
            url,
        ],
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )
    return done.stdout


def test_an_asset_page_shows_publisher_licence_rows_and_date(
    webserver: str, tmp_path: Path
) -> None:
    shown = _page(f"{webserver}/assets/core_egapro__declarations?view=overview", tmp_path)
    for text in ("Licence Ouverte", "Ministère du Travail", "1,268", "2020-03-01"):
        assert text in shown


def test_what_runs_by_itself_is_listed(webserver: str, tmp_path: Path) -> None:
    shown = _page(f"{webserver}/automation", tmp_path)
    for text in ("changes_egapro", "alert_failed_runs", "automation"):
        assert text in shown
