"""What runs the steps of a run that Dagster starts.

Belongs here: from the setting to an executor. ``company-signals run`` has one process whatever
is set.
"""

from __future__ import annotations

from importlib import import_module

import dagster as dg

from opendata.errors import SettingsError
from pipelines.settings import Settings


def executor_of(settings: Settings) -> dg.ExecutorDefinition:
    """Return the executor that the settings name.

    Raises:
        SettingsError: pods are asked for, and the library that starts them is not installed.
    """
    if settings.executor == "multiprocess":
        found = dg.multiprocess_executor.configured({"max_concurrent": settings.shares})
    elif settings.executor == "k8s":
        found = _in_pods(settings.shares)
    else:
        found = dg.in_process_executor
    return found


def _in_pods(shares: int) -> dg.ExecutorDefinition:
    try:
        library = import_module("dagster_k8s")
    except ModuleNotFoundError as error:
        raise SettingsError(
            "SIGNALS_EXECUTOR=k8s: dagster-k8s is not installed",
            next_step="install requirements/scale.txt (docs/operations/scale-out.md)",
        ) from error
    executor: dg.ExecutorDefinition = library.k8s_job_executor.configured(
        {"max_concurrent": shares}
    )
    return executor
