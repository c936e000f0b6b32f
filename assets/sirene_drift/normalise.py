"""A state of SIRENE with its flux, and the stock that supersedes it → what differs.

Belongs here: which tables are compared. The rules are in ``sirene/reconciliation.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from opendata.row_hashes import Pair
from sirene import flux
from sirene.reconciliation import drift

CODE_VERSION = "1"


def derive(
    previous: Mapping[str, pl.LazyFrame] | None,
    current: Mapping[str, pl.LazyFrame],
    observed_at: date,
    _hashes: Mapping[str, Pair],
) -> Mapping[str, pl.LazyFrame]:
    """Return the drift of the flux that ``current`` supersedes; none from nothing."""
    before = flux.state(previous) if previous is not None else None
    return {"sirene_drift": drift(before, flux.state(current), observed_at=observed_at)}
