"""Two states of SIRENE → typed changes.

Belongs here: which tables are compared. The rules are in ``sirene/changes.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from sirene.changes import compare
from sirene.registry import Registry

CODE_VERSION = "1"


def _registry(tables: Mapping[str, pl.LazyFrame]) -> Registry:
    return Registry(
        legal_units=tables["sirene__legal_units"],
        establishments=tables["sirene__establishments"],
        successions=tables["sirene__successions"],
    )


def derive(
    previous: Mapping[str, pl.LazyFrame] | None,
    current: Mapping[str, pl.LazyFrame],
    observed_at: date,
) -> Mapping[str, pl.LazyFrame]:
    """Return the changes that lead to ``current``; none from nothing (the baseline)."""
    before = _registry(previous) if previous is not None else None
    return {"sirene_changes": compare(before, _registry(current), observed_at=observed_at)}
