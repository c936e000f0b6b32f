"""The recipe that loads the feed into PostgreSQL, on a server of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_server import PostgresServer, postgres_server

from pipelines.settings import ROOT
from signals.conformance.scenarios import Scenario, Step, write

pytestmark = pytest.mark.full
RECIPE = ROOT / "clients" / "postgresql" / "load.sql"


@pytest.fixture(scope="module")
def running() -> Iterator[PostgresServer]:
    with postgres_server() as served:
        yield served


@pytest.fixture
def server(running: PostgresServer) -> Iterator[PostgresServer]:
    """The server with nothing in it."""
    yield running
    done = running.psql("-c", "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Scenario]:
    folder = tmp_path_factory.mktemp("suite")
    (folder / "work").mkdir()
    scenarios = write(folder / "feeds", folder / "work")
    return folder / "feeds", next(one for one in scenarios if one.name == "life")


def told(server: PostgresServer, sql: str) -> list[str]:
    done = server.psql("-A", "-t", "-c", sql)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def read(feeds: Path, step: Step, state: Path) -> str:
    words = ["-m", "signals.reader", str(feeds / step.feed), str(state), step.now]
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=True
    ).stdout


def test_the_table_holds_what_stands_and_nothing_else(
    server: PostgresServer, life: tuple[Path, Scenario], tmp_path: Path
) -> None:
    feeds, scenario = life
    for step in scenario.steps:
        done = server.psql("-f", str(RECIPE), given=read(feeds, step, tmp_path / "state"))
        assert done.returncode == 0, done.stderr
        held = told(server, "SELECT id FROM signals ORDER BY signalid")
        assert held == [one["id"] for one in step.standing]
        texts = "\n".join(told(server, "SELECT signals::text FROM signals"))
        assert texts
        assert not any(gone in texts for gone in step.gone)
    # What is typed is what the row says.
    other = "SELECT count(*) FROM signals WHERE siren IS DISTINCT FROM said ->> 'siren'"
    assert told(server, f"{other} OR evidence <> said -> 'evidence'") == ["0"]


def test_lines_that_are_none_change_nothing(
    server: PostgresServer, life: tuple[Path, Scenario], tmp_path: Path
) -> None:
    feeds, scenario = life
    given = read(feeds, scenario.steps[0], tmp_path / "state")
    assert server.psql("-f", str(RECIPE), given=given).returncode == 0
    before = told(server, "SELECT count(*) FROM signals")
    cut = given[: len(given) // 2]
    done = server.psql("-f", str(RECIPE), given=cut)
    assert done.returncode != 0
    assert told(server, "SELECT count(*) FROM signals") == before != ["0"]
