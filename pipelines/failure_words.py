"""Why a step failed, in words that quote no data.

Belongs here: the one sentence of a failed step, for the screen and for alerts.
"""

from __future__ import annotations

import dagster as dg


def reason(event: dg.DagsterEvent) -> str:
    """Return why a step failed: our own words, else only the kind of the error."""
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return str(data.user_failure_data.description)
    # The text of an unforeseen error may quote data, so only its kind is shown.
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    kind = error.cls_name if error is not None else "error"
    if kind == "DagsterAssetCheckFailedError":
        return (
            "a gate stopped what follows; what serves stays. What to do: read which one among the "
            "checks of the asset, or with `company-signals status`."
        )
    return (
        f"unforeseen {kind}. What to do: run the command again with --debug before its name to "
        "see where, and report it."
    )
