"""The one place that builds Dagster definitions.

Belongs here: assets, jobs, schedules, sensors and the resource, put together. Does not belong
here: what any of them does.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import dagster as dg

from assets import discovery, feed
from assets import leads as customers
from assets.contradictions import registers_compared
from assets.dataset_assets import dataset_assets
from pipelines.alert_sensors import alert_sensors
from pipelines.automation import automated, automation_sensor
from pipelines.backfill_jobs import backfill_jobs
from pipelines.change_sensors import change_sensors
from pipelines.diffusion import diffusion
from pipelines.executors import executor_of
from pipelines.jobs import jobs, schedules
from pipelines.settings import Settings, load_settings
from pipelines.workspace import resource


@cache
def all_assets(shares: int = 1) -> list[dg.AssetsDefinition]:
    """Return every asset: those of each dataset, then leads, signals and exports.

    Args:
        shares: into how many shares matching, detection and writing to the lake are cut.
    """
    made = [asset for source in discovery.sources().values() for asset in dataset_assets(source)]
    made += [diffusion, customers.leads, registers_compared, feed.out_feed]
    if shares == 1:
        made += [customers.matches, feed.signals, feed.warehouse]
    else:
        made.append(customers.in_shares(shares))
        made += [feed.signals_in_shares(shares), feed.warehouse_in_shares(shares)]
    return automated(made)


def build_defs(settings: Settings | None = None, **resources: Any) -> dg.Definitions:
    """Return fresh definitions; tests give other settings or resources."""
    used = settings or load_settings()
    executor = executor_of(used)
    return dg.Definitions(
        assets=all_assets(used.shares),
        jobs=[*jobs(used.datasets, executor), *backfill_jobs()],
        schedules=schedules(used.datasets),
        sensors=[*change_sensors(used), automation_sensor(), *alert_sensors(used)],
        resources={"workspace": resource(used), **resources},
        executor=executor,
    )


defs = build_defs()
