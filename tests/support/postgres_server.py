"""A PostgreSQL server of one's own, from the programs of the system.

Belongs here: starting and stopping one on a socket in a folder that nobody else sees.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


def binary(name: str) -> str:
    """The server's programs are not on the PATH of Debian; the newest version is taken."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else name


@dataclass(frozen=True)
class PostgresServer:
    """A server that runs; ``folder`` holds its socket."""

    folder: Path
    user: str = "test"

    @property
    def environment(self) -> dict[str, str]:
        """What libpq needs to find it: DuckDB, psycopg2 and psql all read it."""
        return {"PGHOST": str(self.folder), "PGUSER": self.user, "PGDATABASE": "postgres"}

    def psql(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["psql", "-X", "-q", *words],
            env={**os.environ, **self.environment},
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )

    def create_database(self, name: str) -> str:
        done = self.psql("-c", f"CREATE DATABASE {name}")
        assert done.returncode == 0, done.stderr
        return name


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A server on a socket in a folder, run by a user without privileges, as it demands."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    user = None
    if os.geteuid() == 0:
        user = "postgres"
        owner = pwd.getpwnam(user)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        # Who is root here asks; nobody else may.
    data, options = str(folder / "data"), f"-k {folder} -c listen_addresses='' -c fsync=off"

    def run(*words: str) -> None:
        subprocess.run(words, user=user, check=True, cwd="/", stdout=subprocess.DEVNULL)

    try:
        run(binary("initdb"), "--auth=trust", "--username=test", "--encoding=UTF8", "-D", data)
        pg_ctl = [binary("pg_ctl"), "-D", data, "-w"]
        run(*pg_ctl, "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield PostgresServer(folder)
        finally:
            run(*pg_ctl, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)
