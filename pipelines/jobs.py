"""Jobs and their schedules, from the cadence of each dataset.

Belongs here: one job per dataset that brings it up to date and everything after it, and
the main job. Every schedule starts stopped: an operator switches it on.
"""

from __future__ import annotations

import dagster as dg

from assets import discovery
from assets.dataset_assets import core_key, raw_key

#: What follows from any dataset.
DOWNSTREAM = ("diffusion", "leads", "matches", "signals", "contradictions", "warehouse", "out_feed")
PARIS = "Europe/Paris"


def dataset_keys(dataset: str) -> list[str]:
    """Return the assets of a dataset and of what is derived from it, or from what it overlays."""
    sources = discovery.sources()
    overlay = sources[dataset].dataset.overlays
    origins = {dataset, overlay.dataset if overlay is not None else dataset}
    family = [dataset, *(n for n, s in sources.items() if s.dataset.derived_from in origins)]
    keys = []
    for name in family:
        described = sources[name].dataset
        if described.derived_from is None:
            keys.append(raw_key(name))
        keys += [core_key(table) for table in described.tables]
    return keys


def fetched_datasets() -> list[str]:
    """Return the datasets that come from a portal."""
    return [n for n, s in discovery.sources().items() if s.dataset.derived_from is None]


def jobs() -> list[dg.UnresolvedAssetJobDefinition]:
    """Return the main job and one job per dataset."""
    per_dataset = [
        dg.define_asset_job(
            f"update_{name}",
            selection=dg.AssetSelection.assets(*dataset_keys(name), *DOWNSTREAM),
            executor_def=dg.in_process_executor,
            description=f"Bring {name} up to date, then signals and exports.",
        )
        for name in fetched_datasets()
    ]
    everything = dg.define_asset_job(
        "main",
        selection=dg.AssetSelection.all(),
        executor_def=dg.in_process_executor,
        description="Fetch every dataset, match the leads, detect signals, export.",
    )
    return [everything, *per_dataset]


def schedules() -> list[dg.ScheduleDefinition]:
    """Return one schedule per dataset, at the hour its description gives, Paris time."""
    sources = discovery.sources()
    return [
        dg.ScheduleDefinition(
            name=f"update_{name}",
            job_name=f"update_{name}",
            cron_schedule=sources[name].dataset.cadence.cron,
            execution_timezone=PARIS,
        )
        for name in fetched_datasets()
    ]
