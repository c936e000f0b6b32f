"""What must not be kept or shown, as the store of tables asks for it.

Belongs here: the questions that the store asks. Does not belong here: who answers them,
and about whom.
"""

from __future__ import annotations

from datetime import date
from typing import Protocol

import polars as pl


class Screen(Protocol):
    """Takes away rows and values before a table is written, and before it is read."""

    def arriving(self, table: str, published: date, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Return the rows of a version published on ``published`` that may be written."""
        ...

    def reading(self, table: str, published: date, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Return the rows of a written version that may be shown."""
        ...
