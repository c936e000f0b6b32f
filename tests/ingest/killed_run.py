"""A process that runs steps of the pipeline in children that can be killed.

Belongs here: one child per run, its steps, and SIGKILL at a named point or after a delay.
Does not belong here: what must hold afterwards (``test_kill.py``).

Run as a program. Each line of its input is a job (JSON), each line of its output tells how
the child ended and which points it had reached. Importing once and forking makes the start
of a run cost hundredths of a second. The parent never runs a query: a pool of threads would
be lost in the fork, so that it refuses to start with one.
"""

from __future__ import annotations

import faulthandler
import json
import os
import selectors
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from assets import detection, discovery, feed, lead_intake, lead_matching
from assets.workspace import Workspace
from leads.matching import MATCH_SCHEMA
from leads.model import SCHEMA
from opendata import files, ingest
from opendata.assembly import assemble
from opendata.clock import Clock
from opendata.derive import build_derived
from opendata.ingest import noted
from opendata.take import take
from pipelines import garbage, rollback

LEADS = Path(__file__).resolve().parents[2] / "data" / "sample" / "leads.csv"
#: Names of the threads that work on queries.
_POOLS = ("polars-0", "tokio", "async-executor", "rayon")
#: Seconds after which a child that does not end says where it stands, and fails.
PATIENCE = 900
#: Written by a child when its work begins, and just before it kills itself.
_STARTED, _READY = "\1", "\0"


@dataclass(frozen=True)
class Job:
    """What one child does, and when it dies.

    Attributes:
        steps: names of :data:`STEPS` with their argument, in order: ``fetch:egapro``, ``detect``.
        data_dir, day, bases: folder, date and portal of the run.
        point: name and number (from 1) of the point at which it kills itself.
        after: seconds of work after which it is killed from outside.
    """

    steps: tuple[str, ...]
    data_dir: str
    day: str
    bases: dict[str, str]
    point: tuple[str, int] | None = None
    after: float | None = None

    def run(self, told: int) -> None:
        """Run the steps; write each point that is reached to the descriptor ``told``."""
        met: Counter[str] = Counter()
        one_at_a_time = threading.Lock()  # transfers have threads of their own

        def reached(name: str) -> None:
            with one_at_a_time:
                met[name] += 1
                os.write(told, f"{name}\n".encode())
                if self.point is not None and (name, met[name]) == tuple(self.point):
                    os.write(told, _READY.encode())
                    os.kill(os.getpid(), signal.SIGKILL)

        files.on_point = reached
        os.write(told, _STARTED.encode())
        workspace = Workspace(
            data_dir=Path(self.data_dir),
            clock=Clock.at(date.fromisoformat(self.day)),
            bases=self.bases,
            leads=LEADS,
            memory_limit="512MB",
        )
        for step in self.steps:
            name, _, argument = step.partition(":")
            STEPS[name](workspace, argument)


def fetch(workspace: Workspace, name: str) -> None:
    with noted(name, workspace.data_dir, workspace.clock):
        take(discovery.sources()[name], workspace.store, workspace.clock, workspace.portals)


def build(workspace: Workspace, name: str) -> None:
    with noted(name, workspace.data_dir, workspace.clock):
        # Most of the sample changes from month to month.
        ingest.build(
            discovery.sources()[name], workspace.store, workspace.clock, changed_ceiling=2.0
        )


def derive(workspace: Workspace, name: str) -> None:
    with noted(name, workspace.data_dir, workspace.clock):
        build_derived(discovery.sources()[name], workspace.store, workspace.clock)


def detect(workspace: Workspace, _argument: str) -> None:
    detection.detect(workspace)


def publish(workspace: Workspace, _argument: str) -> None:
    feed.publish(workspace)


def warehouse(workspace: Workspace, _argument: str) -> None:
    assemble(feed.warehouse_contents(workspace), workspace.warehouse, memory_limit="512MB")


def matches(workspace: Workspace, account: str) -> None:
    """Match one lead of ``account`` to each of the first companies that declared."""
    found = workspace.store.scan("egapro__declarations").select("siren").unique().sort("siren")
    rows = found.collect().with_columns(
        lead_id=pl.format("lead-{}", "siren"),
        account_id=pl.lit(account),
        match_id=pl.format("match-{}", "siren"),
        verdict=pl.lit("confirmed"),
        probability=pl.lit(1.0),
    )
    nothing = {name: pl.lit(None, dtype=kind) for name, kind in {**SCHEMA, **MATCH_SCHEMA}.items()}
    full = rows.with_columns(**{n: e for n, e in nothing.items() if n not in rows.columns})
    workspace.lead_store.upsert(full.select(SCHEMA.names()))
    workspace.lead_store.put_matches(full.select(MATCH_SCHEMA.names()))


def secrets(workspace: Workspace, _argument: str) -> None:
    """Make what is random by nature: the key of the record of suppressions."""
    workspace.suppressions.keys()


def stores(workspace: Workspace, _argument: str) -> None:
    """Make an empty store of leads and its key, which is random."""
    workspace.lead_store.leads()


def intake(workspace: Workspace, _argument: str) -> None:
    lead_intake.take_in(workspace)


def match(workspace: Workspace, _argument: str) -> None:
    lead_matching.match_all(workspace)


def roll_back(workspace: Workspace, argument: str) -> None:
    """Go back, as an operator who looks at what serves: ``egapro@2021-03-01`` is to go."""
    name, _, day = argument.partition("@")
    serving = workspace.store.current(name)
    bad = serving is not None and serving.publisher_date == date.fromisoformat(day)
    if bad or rollback.unfinished(workspace):
        rollback.step_back(workspace, name)


def prune(workspace: Workspace, _argument: str) -> None:
    """Keep one version of each dataset where the description keeps more, then tidy."""
    workspace.store.gc(1, garbage.cited(workspace))
    garbage.collect(workspace)


STEPS: dict[str, Callable[[Workspace, str], None]] = {
    "fetch": fetch,
    "build": build,
    "derive": derive,
    "detect": detect,
    "publish": publish,
    "warehouse": warehouse,
    "matches": matches,
    "secrets": secrets,
    "stores": stores,
    "intake": intake,
    "match": match,
    "rollback": roll_back,
    "prune": prune,
}


def perform(job: Job) -> dict[str, Any]:
    """Run ``job`` in a child and return how it ended."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        _be_child(job, theirs)
    os.close(theirs)
    try:
        text, seconds = _listen(ours, child, job.after)
    finally:
        os.close(ours)
    _, status = os.waitpid(child, 0)
    points = text.removeprefix(_STARTED).removesuffix(_READY).splitlines()
    return {
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        "exit": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "points": points,
        "at_point": text.endswith(_READY),
        "seconds": seconds,
    }


def _be_child(job: Job, told: int) -> None:
    code = 1
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    # A kill, unlike a power cut, takes nothing from what the system was given to write.
    os.fsync = lambda _descriptor: None
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # the answers are not to be mixed with logs
    try:
        job.run(told)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _listen(pipe: int, child: int, after: float | None) -> tuple[str, float]:
    """Collect what the child tells until it ends, and time it; kill it when its time is up."""
    heard = bytearray(os.read(pipe, 1))  # the mark of its start
    start = time.monotonic()
    end = None if after is None else start + after
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            left = None if end is None else max(0.0, end - time.monotonic())
            if not selector.select(left):
                os.kill(child, signal.SIGKILL)
                end = None
                continue
            if not (part := os.read(pipe, 1 << 16)):
                return heard.decode(), time.monotonic() - start
            heard += part


def pools() -> list[str]:
    """Return the names of this process's threads that work on queries."""
    names = [(one / "comm").read_text().strip() for one in Path("/proc/self/task").iterdir()]
    return [name for name in names if name.startswith(_POOLS)]


def main() -> None:
    discovery.sources()
    if started := pools():
        raise SystemExit(f"an import ran a query, a fork would lose {started}")
    for line in sys.stdin:
        answer = perform(Job(**json.loads(line)))
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
