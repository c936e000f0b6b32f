"""A process that runs steps of the pipeline in children that can be killed.

Belongs here: one child per run, its steps, and SIGKILL at a named point or after a delay.
Does not belong here: what must hold afterwards (``test_kill.py``).

Run as a program. Each line of its input is a job (JSON), each line of its output tells how
the child ended and which points it had reached. Importing once and forking makes a kill
cost a tenth of a second: the parent never runs a query, so that no thread of Polars or
DuckDB is lost in the fork.
"""

from __future__ import annotations

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

# What the children need, as long as importing it starts no thread pool.
import sirene.changes  # noqa: F401
from assets.workspace import Workspace
from opendata import files
from opendata.clock import Clock

#: Written by a child when its work begins, and just before it kills itself.
_STARTED, _READY = "\1", "\0"


@dataclass(frozen=True)
class Job:
    """What one child does, and when it dies.

    Attributes:
        steps: ``fetch:egapro``, ``build:egapro``, ``derive:sirene_changes``, ``detect``,
            ``publish``, ``warehouse``, in order.
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

        from assets import discovery, feed  # noqa: F401 - starts threads, so not in the parent

        discovery.sources()
        files.on_point = reached
        os.write(told, _STARTED.encode())
        workspace = Workspace(
            data_dir=Path(self.data_dir),
            clock=Clock.at(date.fromisoformat(self.day)),
            bases=self.bases,
            memory_limit="512MB",
        )
        for step in self.steps:
            name, _, argument = step.partition(":")
            STEPS[name](workspace, argument)


def fetch(workspace: Workspace, name: str) -> None:
    from assets import discovery
    from opendata.ingest import noted
    from opendata.take import take

    with noted(name, workspace.data_dir, workspace.clock):
        take(discovery.sources()[name], workspace.store, workspace.clock, workspace.portals)


def build(workspace: Workspace, name: str) -> None:
    from assets import discovery
    from opendata import ingest

    with ingest.noted(name, workspace.data_dir, workspace.clock):
        # Most of the sample changes from month to month.
        ingest.build(
            discovery.sources()[name], workspace.store, workspace.clock, changed_ceiling=2.0
        )


def derive(workspace: Workspace, name: str) -> None:
    from assets import discovery
    from opendata.derive import build_derived
    from opendata.ingest import noted

    with noted(name, workspace.data_dir, workspace.clock):
        build_derived(discovery.sources()[name], workspace.store, workspace.clock)


def detect(workspace: Workspace, _argument: str) -> None:
    from assets import feed

    feed.detect(workspace)


def publish(workspace: Workspace, _argument: str) -> None:
    from assets import feed

    feed.publish(workspace)


def warehouse(workspace: Workspace, _argument: str) -> None:
    from assets import feed
    from opendata.assembly import assemble

    assemble(feed.warehouse_contents(workspace), workspace.warehouse, memory_limit="512MB")


def matches(workspace: Workspace, account: str) -> None:
    """Match one lead of ``account`` to each of the first companies that declared."""
    import polars as pl

    from leads.matching import MATCH_SCHEMA
    from leads.model import SCHEMA

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


STEPS: dict[str, Callable[[Workspace, str], None]] = {
    "fetch": fetch,
    "build": build,
    "derive": derive,
    "detect": detect,
    "publish": publish,
    "warehouse": warehouse,
    "matches": matches,
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


def main() -> None:
    for line in sys.stdin:
        answer = perform(Job(**json.loads(line)))
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
