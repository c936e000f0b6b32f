"""Running the assets in this process.

Belongs here: which assets run in which order, one writer at a time, and what became of
each dataset. One dataset that fails does not keep the others from being published; the
run as a whole has failed nevertheless.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from assets import discovery
from assets.dataset_assets import POOL
from assets.workspace import Workspace, as_resource
from opendata.clock import Clock
from opendata.lock import one_writer
from pipelines.audit import noted
from pipelines.definitions import all_assets
from pipelines.failure_words import reason
from pipelines.interrupts import stop_is_heard
from pipelines.jobs import DOWNSTREAM, chosen_datasets, dataset_keys
from pipelines.options import debugging

#: Name of the job that Dagster makes up for a run within a command.
IN_COMMAND = "__ephemeral_asset_job__"
#: Seconds without a sign after which a daemon is taken for dead; it gives one every half minute.
HEARTBEAT = 300
_history: dg.DagsterInstance | None = None


@dataclass(frozen=True)
class RunReport:
    """What became of a run.

    Attributes:
        failures: asset or dataset → why it failed, one paragraph each.
        outcomes: dataset → ``published``, ``held`` or ``unchanged``.
        added: rows added to the streams, by type.
        published: something was written for the platform.
        finished: the feed was brought up to date, with news or without.
    """

    failures: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    added: dict[str, int] = field(default_factory=dict)
    published: bool = False
    finished: bool = False

    @property
    def ok(self) -> bool:
        """Return whether everything that was asked for went well."""
        return not self.failures

    @property
    def nothing_new(self) -> bool:
        """Return whether the run went well and published nothing."""
        return self.ok and not self.published

    def joined(self, other: RunReport) -> RunReport:
        """Return both reports as one."""
        return RunReport(
            {**self.failures, **other.failures},
            {**self.outcomes, **other.outcomes},
            {
                kind: self.added.get(kind, 0) + other.added.get(kind, 0)
                for kind in {**self.added, **other.added}
            },
            self.published or other.published,
            other.finished,
        )


def run_datasets(workspace: Workspace, names: Sequence[str] | None = None) -> RunReport:
    """Fetch, check and normalise datasets, and bring what is derived from them up to date."""
    with one_writer(workspace.data_dir):
        return _materialise(workspace, _keys(names))


def _keys(names: Sequence[str] | None) -> list[str]:
    """Return the assets of the datasets called ``names``, or of all that are enabled."""
    return [key for name in chosen_datasets(names or ()) for key in dataset_keys(name)]


def run_matching(workspace: Workspace) -> RunReport:
    """Take in the leads and match them to what is loaded."""
    with one_writer(workspace.data_dir):
        return _materialise(workspace, ["diffusion", "leads", "matches"])


def run_exports(workspace: Workspace) -> RunReport:
    """Detect signals from what is loaded and export."""
    with one_writer(workspace.data_dir):
        steps = ["diffusion", "signals", "contradictions", "warehouse", "out_feed"]
        return _materialise(workspace, steps)


def run_main_job(
    workspace: Workspace, names: Sequence[str] | None = None, *, skip: Collection[str] = ()
) -> RunReport:
    """Run everything: the datasets, then what follows from all of them.

    Dagster stops what comes after a failure. A dataset that failed is no reason to keep
    the others from being published, so what follows then runs on what serves.

    Args:
        workspace: the place of the run.
        names: datasets to bring up to date; all that are enabled if none is given.
        skip: what of :data:`DOWNSTREAM` a later run makes anyway and nobody looks at before.
    """
    downstream = [name for name in DOWNSTREAM if name not in skip]
    with history(), one_writer(workspace.data_dir):
        report = _materialise(workspace, [*_keys(names), *downstream])
        if not (report.ok or report.finished):
            report = report.joined(_materialise(workspace, downstream))
        return on_record(workspace, report)


def on_record(workspace: Workspace, report: RunReport) -> RunReport:
    """Put a run of a command on record; one of Dagster is in its history, but what it publishes."""
    with one_writer(workspace.data_dir):
        noted(
            workspace,
            "run",
            run=workspace.run_id,
            outcomes=report.outcomes,
            failed=sorted(report.failures),
            published=report.published,
            added=sum(report.added.values()),
        )
    return report


def _materialise(workspace: Workspace, keys: Sequence[str]) -> RunReport:
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    with stop_is_heard(), history() as instance:
        _free_pool(instance)
        result = dg.materialize(
            all_assets(workspace.shares),
            selection=dg.AssetSelection.assets(*keys),
            resources={"workspace": as_resource(workspace)},
            instance=instance,
            raise_on_error=debugging(),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    if any(_was_interrupted(event) for event in result.all_events):
        raise KeyboardInterrupt
    return _report(result)


def _free_pool(instance: dg.DagsterInstance) -> None:
    """Give back what a killed run held of the pool of writers, or this one would wait forever.

    The caller holds the lock of the data folder: no other command is writing. A run that a
    daemon started may be at the lock this moment; while a daemon lives, that run is its own.
    """
    storage = instance.event_log_storage
    if storage.supports_global_concurrency_limits and POOL in storage.get_concurrency_keys():
        for run in storage.get_concurrency_info(POOL).active_run_ids:
            if _is_over(instance, run):
                storage.free_concurrency_slots_for_run(run)


def _is_over(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Tell whether a run that holds a slot is dead: ended, unknown, of a command, or orphaned."""
    run = instance.get_run_by_id(run_id)
    if run is None or run.is_finished or run.job_name == IN_COMMAND:
        return True
    beats = instance.get_daemon_heartbeats().values()
    now = Clock().now().timestamp()
    return all(now - beat.timestamp > HEARTBEAT for beat in beats)


def _was_interrupted(event: dg.DagsterEvent) -> bool:
    """Tell whether a step ended because a person or the system asked the run to stop."""
    error = event.step_failure_data.error if event.is_step_failure else None
    return error is not None and "Interrupted" in str(error.cls_name)


@contextmanager
def history() -> Iterator[dg.DagsterInstance]:
    """Give the instance that keeps the history of runs: that of DAGSTER_HOME, or none.

    Opening one takes a while, so that a caller with several runs holds it around them.
    """
    global _history
    if _history is not None:
        yield _history
        return
    kept = bool(os.environ.get("DAGSTER_HOME"))
    with dg.DagsterInstance.get() if kept else dg.DagsterInstance.ephemeral() as instance:
        _history = instance
        try:
            yield instance
        finally:
            _history = None


def _report(result: dg.ExecuteInProcessResult) -> RunReport:
    made = _made(result)
    feed = made.get("out_feed", {})
    report = RunReport(
        added=dict(feed.get("added", {})),
        published=bool(feed.get("published")),
        finished="out_feed" in made,
    )
    tables = discovery.tables()
    for event in result.all_events:
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if not check.passed and check.severity == dg.AssetCheckSeverity.ERROR:
                name = _place(check.asset_key.to_user_string())
                report.failures[name] = check.description or "failed"
        elif event.is_step_failure and event.step_key is not None:
            # A failed check was told by its own event.
            if "AssetCheckFailed" in str(event.step_failure_data.error_display_string):
                continue
            report.failures[_place(event.step_key.split(".")[0])] = reason(event)
    for key, metadata in made.items():
        dataset = tables.get(key.removeprefix("core_"))
        if dataset is not None:
            report.outcomes[dataset] = str(metadata["status"])
    return report


def _place(name: str) -> str:
    """Return the dataset that an asset or a step is about, else its own name."""
    bare = name.removeprefix("raw_").removeprefix("core_")
    return discovery.tables().get(bare, bare)


def _made(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    """Return the assets that were brought up to date, with their metadata."""
    made = {}
    for event in result.all_events:
        if event.is_step_materialization:
            done = event.step_materialization_data.materialization
            values = {name: entry.value for name, entry in done.metadata.items()}
            made[done.asset_key.to_user_string()] = values
    return made
