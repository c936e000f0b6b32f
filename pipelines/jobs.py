"""Jobs and their schedules, from the cadence of each dataset.

Belongs here: one job per dataset that brings it up to date and everything after it, one
without what follows (for the sensors, where automation makes that), and the main job. Every
schedule starts stopped: an operator switches it on.
"""

from __future__ import annotations

from collections.abc import Collection

import dagster as dg

from assets import discovery
from assets.dataset_assets import core_key, raw_key
from opendata.errors import SettingsError

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


def chosen_datasets(names: Collection[str] = ()) -> list[str]:
    """Return the datasets called ``names``, or all that a portal offers and that are enabled.

    Raises:
        SettingsError: no dataset that comes from a portal has one of these names.
    """
    known = fetched_datasets()
    if unknown := sorted(set(names) - set(known)):
        raise SettingsError(
            f"no dataset is called {', '.join(unknown)}",
            next_step=f"choose among {', '.join(known)}",
        )
    catalogue = discovery.catalogue()
    return list(dict.fromkeys(names)) or [name for name in known if catalogue[name].enabled]


def jobs(
    names: Collection[str] = (), executor: dg.ExecutorDefinition = dg.in_process_executor
) -> list[dg.UnresolvedAssetJobDefinition]:
    """Return the main job, of the datasets called ``names``, and the jobs of each dataset."""
    per_dataset = [
        dg.define_asset_job(
            f"update_{name}",
            selection=dg.AssetSelection.assets(*dataset_keys(name), *DOWNSTREAM),
            executor_def=executor,
            description=f"Bring {name} up to date, then signals and exports.",
        )
        for name in fetched_datasets()
    ]
    taking = [
        dg.define_asset_job(
            f"take_{name}",
            selection=dg.AssetSelection.assets(*dict.fromkeys(dataset_keys(name))),
            executor_def=executor,
            description=f"Bring {name} up to date; automation makes what follows from it.",
        )
        for name in fetched_datasets()
    ]
    leads = dg.define_asset_job(
        "take_leads",
        selection=dg.AssetSelection.assets("leads"),
        executor_def=executor,
        description="Take in the file of leads; automation matches them.",
    )
    everything = dg.define_asset_job(
        "main",
        selection=dg.AssetSelection.assets(
            *dict.fromkeys(key for name in chosen_datasets(names) for key in dataset_keys(name)),
            *DOWNSTREAM,
        ),
        executor_def=executor,
        description="Fetch the chosen datasets, match the leads, detect signals, export.",
    )
    return [everything, *per_dataset, *taking, leads]


def schedules(names: Collection[str] = ()) -> list[dg.ScheduleDefinition]:
    """Return one schedule per chosen dataset, at the hour its description gives, Paris time."""
    sources = discovery.sources()
    return [
        dg.ScheduleDefinition(
            name=f"update_{name}",
            job_name=f"update_{name}",
            cron_schedule=sources[name].dataset.cadence.cron,
            execution_timezone=PARIS,
        )
        for name in chosen_datasets(names)
    ]
