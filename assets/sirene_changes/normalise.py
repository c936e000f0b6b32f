"""Two states of SIRENE → typed changes.

Belongs here: which tables are compared. The rules are in ``sirene/changes.py`` and
``sirene/flux.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from opendata.overlay import entity
from opendata.row_hashes import Pair
from sirene import flux

CODE_VERSION = "3"


def derive(
    previous: Mapping[str, pl.LazyFrame] | None,
    current: Mapping[str, pl.LazyFrame],
    observed_at: date,
    hashes: Mapping[str, Pair],
) -> Mapping[str, pl.LazyFrame]:
    """Return the changes that lead to ``current``; none from nothing (the baseline).

    A state is a stock with the daily flux on top of it, where there is one. What a flux told is
    part of the state that the next stock is compared with, and is therefore not told again.
    ``hashes`` of the rows of two stocks say which units can differ, where they are believed.
    """
    before = flux.state(previous) if previous is not None else None
    of_parts = {entity(table): pair for table, pair in hashes.items()}
    rows = flux.changes(before, flux.state(current), observed_at=observed_at, hashes=of_parts)
    return {"sirene_changes": rows}
