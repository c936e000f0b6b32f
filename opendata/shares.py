"""Cutting work into shares that touch nothing in common.

Belongs here: naming a share, and dealing units of work of unequal size. Does not belong here:
what the work is. The cut depends on nothing but its arguments: every worker makes it by itself
and all agree.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from opendata.errors import SettingsError

#: More processes than anybody has wanted for one asset; each is a step of its own.
MOST = 64


@dataclass(frozen=True)
class Share:
    """One of ``of`` shares; ``number`` counts from 1."""

    number: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of <= MOST:
            raise SettingsError(
                f"there is no share {self.number} of {self.of}",
                next_step=f"number the shares from 1; there may be {MOST}",
            )

    @classmethod
    def parse(cls, text: str) -> Share:
        """Return the share called ``2/3``: the second of three.

        Raises:
            SettingsError: it does not say that.
        """
        found = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
        if found is None:
            raise SettingsError(
                f"{text!r} is no share", next_step="say which of how many, as in 2/3"
            )
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def of_companies(self, siren: str = "siren") -> pl.Expr:
        """Return which rows are of the companies of this share; no company is of the first."""
        # A number that is none is dealt as well, by its letters: no row may fall between shares.
        number = pl.col(siren).cast(pl.UInt64, strict=False)
        dealt = pl.coalesce(number, pl.col(siren).str.len_bytes().cast(pl.UInt64), pl.lit(0))
        return dealt % self.of == self.number - 1

    def slice_of(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return this share of ``rows``: one stretch, so that what stands together stays so."""
        first = rows.height * (self.number - 1) // self.of
        return rows.slice(first, rows.height * self.number // self.of - first)


def dealt(weights: Mapping[str, int], share: Share) -> Sequence[str]:
    """Return the units of ``share``: the heaviest first, each to whoever has the least.

    Args:
        weights: unit → its size.
        share: whose units.
    """
    loads = [0] * share.of
    mine = []
    for name, weight in sorted(weights.items(), key=lambda one: (-one[1], one[0])):
        least = loads.index(min(loads))
        loads[least] += weight
        if least == share.number - 1:
            mine.append(name)
    return mine
