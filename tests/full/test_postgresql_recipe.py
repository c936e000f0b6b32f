"""The recipe that loads the feed into PostgreSQL, on a server of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.settings import ROOT
from signals.conformance.scenarios import Scenario, Step, write

pytestmark = pytest.mark.full
RECIPE = ROOT / "clients" / "postgresql" / "load.sql"


def binary(name: str) -> str:
    """The server's programs are not on the PATH of Debian; the newest version is taken."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else name


@pytest.fixture
def server() -> Iterator[Path]:
    """A server on a socket in a folder, run by a user without privileges, as it demands."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    user = None
    if os.geteuid() == 0:
        user = "postgres"
        owner = pwd.getpwnam(user)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    said = {"user": user, "check": True, "cwd": "/", "stdout": subprocess.DEVNULL}
    data, options = str(folder / "data"), f"-k {folder} -c listen_addresses='' -c fsync=off"
    log = ["-l", str(folder / "log"), "-w"]
    try:
        initdb = [binary("initdb"), "--auth=trust", "--username=test", "--encoding=UTF8"]
        subprocess.run([*initdb, "-D", data], **said)  # type: ignore[call-overload]
        pg_ctl = [binary("pg_ctl"), "-D", data]
        subprocess.run([*pg_ctl, *log, "-o", options, "start"], **said)  # type: ignore[call-overload]
        try:
            yield folder
        finally:
            stop = [*pg_ctl, "-m", "immediate", "-w", "stop"]
            subprocess.run(stop, **said)  # type: ignore[call-overload]
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Scenario]:
    folder = tmp_path_factory.mktemp("suite")
    (folder / "work").mkdir()
    scenarios = write(folder / "feeds", folder / "work")
    return folder / "feeds", next(one for one in scenarios if one.name == "life")


def psql(server: Path, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["psql", "-X", "-q", "-h", str(server), "-U", "test", "-d", "postgres", *words],
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


def told(server: Path, sql: str) -> list[str]:
    done = psql(server, "-A", "-t", "-c", sql)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def read(feeds: Path, step: Step, state: Path) -> str:
    words = ["-m", "signals.reader", str(feeds / step.feed), str(state), step.now]
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=True
    ).stdout


def test_the_table_holds_what_stands_and_nothing_else(
    server: Path, life: tuple[Path, Scenario], tmp_path: Path
) -> None:
    feeds, scenario = life
    for step in scenario.steps:
        done = psql(server, "-f", str(RECIPE), given=read(feeds, step, tmp_path / "state"))
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
    server: Path, life: tuple[Path, Scenario], tmp_path: Path
) -> None:
    feeds, scenario = life
    given = read(feeds, scenario.steps[0], tmp_path / "state")
    assert psql(server, "-f", str(RECIPE), given=given).returncode == 0
    before = told(server, "SELECT count(*) FROM signals")
    cut = given[: len(given) // 2]
    done = psql(server, "-f", str(RECIPE), given=cut)
    assert done.returncode != 0
    assert told(server, "SELECT count(*) FROM signals") == before != ["0"]
