"""The sensors that tell a person: of a run that failed, and of what waits in the data folder.

Belongs here: wiring. Does not belong here: what is worth an alert (:mod:`pipelines.alerts`).
All run from the start: an alert that must be switched on is missed when it is needed.
"""

from __future__ import annotations

import dagster as dg

from assets.workspace import WorkspaceResource
from pipelines.alert_channels import Alert
from pipelines.alerts import FAILED, standing, tell, ways
from pipelines.alerts_again import tell_again, tell_surely
from pipelines.failure_words import reason
from pipelines.settings import Settings

#: Seconds between two looks at the data folder.
EVERY = 900
#: Seconds between two attempts to deliver what did not arrive.
AGAIN = 300


def alert_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """Return the sensors of alerts."""

    @dg.run_failure_sensor(
        name="alert_failed_runs",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells which run failed and why: log, webhook, e-mail.",
    )
    def alert_failed_runs(
        context: dg.RunFailureSensorContext, workspace: WorkspaceResource
    ) -> None:
        tell_surely(workspace.open(), of_run(context), ways(settings))

    @dg.sensor(
        name="alert_again",
        minimum_interval_seconds=AGAIN,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Sends alerts of failed runs again that did not arrive by every way.",
    )
    def alert_again(
        _context: dg.SensorEvaluationContext, workspace: WorkspaceResource
    ) -> dg.SkipReason:
        arrived = tell_again(workspace.open(), ways(settings))
        return dg.SkipReason(f"arrived now: {', '.join(arrived) or 'nothing was waiting'}")

    @dg.sensor(
        name="alert_waiting",
        minimum_interval_seconds=EVERY,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells of gaps, held versions and requests whose day comes; once each, "
        "and again after a week.",
    )
    def alert_waiting(
        _context: dg.SensorEvaluationContext, workspace: WorkspaceResource
    ) -> dg.SkipReason:
        opened = workspace.open()
        told = tell(opened, standing(opened), ways(settings), kept=FAILED)
        return dg.SkipReason(f"told: {', '.join(one.key for one in told) or 'nothing new'}")

    return [alert_failed_runs, alert_again, alert_waiting]


def of_run(context: dg.RunFailureSensorContext) -> Alert:
    """Return the alert of a failed run; errors are told in our words, never by their data."""
    run = context.dagster_run
    words = [f"{event.step_key}: {reason(event)}" for event in context.get_step_failure_events()]
    if not words:
        words = [
            "No step says why: the process was killed or could not start. What to do: look at "
            "the run in Dagster and at the memory of the machine."
        ]
    title = f"the run {run.job_name} failed"
    return Alert(f"run:{run.run_id}", title, "\n".join([*words, f"Run {run.run_id}."]))
