"""Two states of SIRENE → typed changes.

Belongs here: which tables are compared. The rules are in ``sirene/changes.py`` and
``sirene/flux.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from sirene import flux

CODE_VERSION = "3"


def derive(
    previous: Mapping[str, pl.LazyFrame] | None,
    current: Mapping[str, pl.LazyFrame],
    observed_at: date,
) -> Mapping[str, pl.LazyFrame]:
    """Return the changes that lead to ``current``; none from nothing (the baseline).

    A state is a stock with the daily flux on top of it, where there is one. What a flux told is
    part of the state that the next stock is compared with, and is therefore not told again.
    """
    before = flux.state(previous) if previous is not None else None
    rows = flux.changes(before, flux.state(current), observed_at=observed_at)
    return {"sirene_changes": rows}
