"""The one place that builds Dagster definitions.

Belongs here: assets, jobs, schedules, sensors and the resource, put together. Does not belong
here: what any of them does.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import dagster as dg

from assets import discovery
from assets.contradictions import registers_compared
from assets.dataset_assets import dataset_assets
from assets.feed import out_feed, signals, warehouse
from assets.leads import leads, matches
from pipelines.alert_sensors import alert_sensors
from pipelines.automation import automated, automation_sensor
from pipelines.backfill_jobs import backfill_jobs
from pipelines.change_sensors import change_sensors
from pipelines.diffusion import diffusion
from pipelines.jobs import jobs, schedules
from pipelines.settings import Settings, load_settings
from pipelines.workspace import resource


@cache
def all_assets() -> list[dg.AssetsDefinition]:
    """Return every asset: those of each dataset, then leads, signals and exports."""
    made = [asset for source in discovery.sources().values() for asset in dataset_assets(source)]
    made += [diffusion, leads, matches, signals, registers_compared, warehouse, out_feed]
    return automated(made)


def build_defs(settings: Settings | None = None, **resources: Any) -> dg.Definitions:
    """Return fresh definitions; tests give other settings or resources."""
    used = settings or load_settings()
    return dg.Definitions(
        assets=all_assets(),
        jobs=[*jobs(used.datasets), *backfill_jobs()],
        schedules=schedules(used.datasets),
        sensors=[*change_sensors(used), automation_sensor(), *alert_sensors(used)],
        resources={"workspace": resource(used), **resources},
        executor=dg.in_process_executor,
    )


defs = build_defs()
