"""Sensors that ask the portals whether there is something new, before anything is downloaded.

Belongs here: one sensor per dataset, found by folder, and one for the file of leads. Does not
belong here: what a portal says (:mod:`opendata.take`), what a run does.

The cursor is what was seen last. A question that was not answered is neither "unchanged" nor
news: the tick says why it skipped, and after several of them a person is told.

Runs have no key: Dagster starts one with a known key never again, so that a portal, or a
customer, that goes back to what was offered before would not be followed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace
from functools import partial

import dagster as dg
from pydantic import TypeAdapter, ValidationError

from assets import discovery
from assets.workspace import Workspace, WorkspaceResource, lacking
from opendata.catalogue import Cadence
from opendata.errors import OpenDataError
from opendata.files import digest
from opendata.http import TRANSIENT
from opendata.ingest import Source
from opendata.pace import Retry
from opendata.take import look
from pipelines.alert_channels import Alert, Channel, send
from pipelines.alerts import ways
from pipelines.jobs import chosen_datasets
from pipelines.settings import Settings

#: Questions in a row without an answer after which a person is told.
PATIENCE = 3
#: Runs that one version starts in all: a full disk passes, and a portal that slept wakes up.
TRIES = 3
#: Seconds between two questions: every hour of what comes daily, else four times a day.
HOURLY, QUARTERLY = 3600, 6 * 3600
#: Tag of a run: what the portal offered when it was started.
PUBLICATION = "publication"


@dataclass(frozen=True)
class Seen:
    """What the cursor keeps.

    Attributes:
        version: what the portal offered when it last answered.
        unanswered: questions in a row without an answer.
        told: a person was told of that, by every way that is set.
    """

    version: str | None = None
    unanswered: int = 0
    told: bool = False

    @classmethod
    def read(cls, cursor: str | None) -> Seen:
        """Return what a cursor says; a damaged one has seen nothing, which costs one run."""
        try:
            return TypeAdapter(cls).validate_json(cursor) if cursor else cls()
        except ValidationError:
            return cls()

    def written(self) -> str:
        """Return the cursor."""
        return TypeAdapter(dict).dump_json(asdict(self)).decode()


def change_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """Return one sensor per chosen dataset, and that of the leads; all start stopped."""
    chosen: Collection[str] = chosen_datasets(settings.datasets)
    return [*(_sensor(name, settings) for name in chosen), _leads_sensor()]


def interval(cadence: Cadence) -> int:
    """Return the seconds between two questions."""
    return HOURLY if cadence.frequency in ("daily", "weekdays") else QUARTERLY


def _sensor(name: str, settings: Settings) -> dg.SensorDefinition:
    source = discovery.sources()[name]
    dataset = source.dataset

    @dg.sensor(
        name=f"changes_{name}",
        job_name=f"take_{name}",
        minimum_interval_seconds=interval(dataset.cadence),
        description=f"Asks {dataset.host} whether {name} has something new; downloads nothing.",
    )
    def changes(
        context: dg.SensorEvaluationContext, workspace: WorkspaceResource
    ) -> dg.SensorResult:
        failed = partial(failed_runs, context.instance, f"take_{name}")
        return asked(source, workspace.open(), context.cursor, ways(settings), failed)

    return changes


def failed_runs(instance: dg.DagsterInstance, job: str, version: str) -> int:
    """Return how often ``job`` failed for ``version``; 0 while it runs, or once it went well."""
    filters = dg.RunsFilter(job_name=job, tags={PUBLICATION: version})
    runs = instance.get_runs(filters, limit=TRIES)
    last_failed = bool(runs) and runs[0].status is dg.DagsterRunStatus.FAILURE
    return sum(run.status is dg.DagsterRunStatus.FAILURE for run in runs) if last_failed else 0


def _never(_version: str) -> int:
    return 0


def asked(
    source: Source,
    workspace: Workspace,
    cursor: str | None,
    by: Collection[Channel],
    failed: Callable[[str], int] = _never,
) -> dg.SensorResult:
    """Ask once, and say what follows: a run for what was never seen, or why there is none.

    Args:
        source: the dataset.
        workspace: the place of the run; nothing is written to it.
        cursor: what the last question left.
        by: the ways of an alert.
        failed: how often the runs of a version failed, if the last one did.
    """
    dataset, seen = source.dataset, Seen.read(cursor)
    variable = lacking(dataset)
    if variable is not None:
        return _skipped(seen, f"not configured: {variable} is not set")
    # The next tick is the next attempt: one that hangs would keep the other sensors waiting.
    once = replace(workspace, patience=Retry(attempts=1))
    try:
        version = look(source, once.store, once.clock, once.portals)
    except OpenDataError as error:
        return _unanswered(dataset.name, seen, error, by)
    if version is None:
        return _skipped(Seen(seen.version), "every day that is over was taken already")
    failures = failed(version) if version == seen.version else 0
    if failures >= TRIES:
        return _skipped(
            Seen(version),
            f"the run of what {dataset.host} offers failed {failures} times: mend the reason, then "
            "re-execute it",
        )
    if version == seen.version and not failures:
        return _skipped(Seen(version), f"{dataset.host} offers what it offered before")
    return dg.SensorResult(
        run_requests=[dg.RunRequest(tags={PUBLICATION: version})],
        cursor=Seen(version).written(),
    )


def _unanswered(
    name: str, seen: Seen, error: OpenDataError, by: Collection[Channel]
) -> dg.SensorResult:
    count = seen.unanswered + 1
    # What a portal refuses or changed does not pass by itself.
    patience = PATIENCE if isinstance(error, TRANSIENT) else 1
    told = seen.told
    if count >= patience and not told:
        text = f"{error} Nothing was taken; what serves stays. Asked {count} times in a row."
        alert = Alert(f"unanswered:{name}", f"{name}: not to be asked", text)
        # The log always takes it: only when every way did was a person told.
        told = len(send(alert, [*by])) == len(by)
    return _skipped(
        Seen(seen.version, count, told),
        f"not answered ({count} in a row), so nothing is known: {error}",
    )


def _skipped(seen: Seen, why: str) -> dg.SensorResult:
    return dg.SensorResult(skip_reason=dg.SkipReason(why), cursor=seen.written())


def _leads_sensor() -> dg.SensorDefinition:
    @dg.sensor(
        name="changes_leads",
        job_name="take_leads",
        minimum_interval_seconds=300,
        description="Looks whether the file of leads is another one.",
    )
    def changes_leads(
        context: dg.SensorEvaluationContext, workspace: WorkspaceResource
    ) -> dg.SensorResult:
        path, seen = workspace.open().leads, Seen.read(context.cursor)
        if path is None or not path.is_file():
            return _skipped(seen, "there is no file of leads")
        version = digest(path)[:16]
        if version == seen.version:
            return _skipped(seen, "the file of leads is the same")
        return dg.SensorResult(run_requests=[dg.RunRequest()], cursor=Seen(version).written())

    return changes_leads
