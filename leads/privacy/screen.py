"""The record of suppressions applied to tables that name units.

Belongs here: which rows of a table are concerned, and what becomes of them. Does not belong
here: reading and writing tables (``opendata.versions``), what masking is
(``sirene.diffusion``).

Who was erased has no row left. Who came under partial diffusion keeps, in the register, the
number and the commune, in every version published before that; any other table loses the
row of a natural person and keeps that of a legal one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

import polars as pl

from leads.privacy.facts import SITE, UNIT, Facts, Keys, Since
from sirene.diffusion import KEPT_OF_LEGAL, Shape, masked, shows

_UNIT_DIGITS = 9


class Screen:
    """A record applied to tables; see :class:`opendata.screening.Screen`.

    Args:
        shapes: gives the tables (:func:`sirene.diffusion.shapes`) once somebody is on record.
        keys: the hashes of numbers.
        everything: gives all that is on record.
        unsettled: gives what is on record and not yet taken out of every file.
    """

    def __init__(
        self,
        shapes: Callable[[], Mapping[str, Shape]],
        keys: Callable[[], Keys],
        everything: Callable[[], Facts],
        unsettled: Callable[[], Facts],
    ) -> None:
        self._shapes = shapes
        self._keys = keys
        self._everything = everything
        self._unsettled = unsettled

    def arriving(self, table: str, published: date, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Return the rows that may be written: the whole record is applied."""
        return self.applied(self._everything(), table, published, rows)

    def reading(self, table: str, published: date, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Return the rows that may be shown while bytes are still being rewritten."""
        return self.applied(self._unsettled(), table, published, rows)

    def applied(
        self, facts: Facts, table: str, published: date, rows: pl.LazyFrame
    ) -> pl.LazyFrame:
        """Return ``rows`` of a version published on ``published`` without what ``facts`` forbid."""
        shape = self._shape(table, facts)
        if shape is None:
            return rows
        gone = self._removed(facts, shape, published)
        kept = rows if gone is None else rows.filter(~gone)
        for hidden, columns in self._masked(facts, shape, published):
            kept = masked(kept, hidden, columns)
        return kept

    def touched(
        self, facts: Facts, table: str, published: date, schema: pl.Schema
    ) -> pl.Expr | None:
        """Return which rows :meth:`applied` would change; ``None`` if none can be."""
        shape = self._shape(table, facts)
        if shape is None:
            return None
        gone = self._removed(facts, shape, published)
        found = [] if gone is None else [gone]
        found += [
            hidden & shows(columns, schema)
            for hidden, columns in self._masked(facts, shape, published)
        ]
        return pl.any_horizontal(found) if found else None

    def naming(self, facts: Facts, table: str) -> pl.Expr | None:
        """Return which rows of a table name one of the persons in ``facts``."""
        shape = self._shape(table, facts)
        return None if shape is None else self._named(shape, set(facts.persons), set())

    def _shape(self, table: str, facts: Facts) -> Shape | None:
        return self._shapes().get(table) if facts.of_units else None

    def _removed(self, facts: Facts, shape: Shape, published: date) -> pl.Expr | None:
        units = set(facts.persons)
        sites: set[int] = set()
        if not shape.maskable:
            units |= _later(facts.natural, published)
            sites |= _later(facts.natural_sites, published)
        return self._named(shape, units, sites)

    def _masked(
        self, facts: Facts, shape: Shape, published: date
    ) -> list[tuple[pl.Expr, tuple[str, ...]]]:
        """Return which rows are masked, and in which columns: natural, then legal persons."""
        if not shape.maskable:
            return []
        of_legal = tuple(name for name in shape.personal if name not in KEPT_OF_LEGAL)
        found = []
        for units, sites, columns in (
            (facts.natural, facts.natural_sites, shape.personal),
            (facts.legal, facts.legal_sites, of_legal),
        ):
            hit = self._named(shape, _later(units, published), _later(sites, published))
            if hit is not None:
                found.append((hit, columns))
        return found

    def _named(self, shape: Shape, units: set[int], sites: set[int]) -> pl.Expr | None:
        """Return whether a row names one of them; ``None`` if there is nobody to look for."""
        keys = self._keys() if units or sites else None
        found = []
        if keys is not None and units:
            wanted = pl.Series(sorted(units), dtype=pl.UInt64).implode()
            columns = [pl.col(name) for name in shape.units]
            # Beside its own SIREN a SIRET says nothing more.
            alone = [name for name in shape.sites if name.replace(SITE, UNIT) not in shape.units]
            columns += [pl.col(name).str.slice(0, _UNIT_DIGITS) for name in alone]
            found += [keys.units(column).is_in(wanted) for column in columns]
        if keys is not None and sites:
            wanted = pl.Series(sorted(sites), dtype=pl.UInt64).implode()
            found += [keys.sites(pl.col(name)).is_in(wanted) for name in shape.sites]
        if not found:
            return None
        return pl.any_horizontal(one.fill_null(False) for one in found)


def _later(since: Since, published: date) -> set[int]:
    """Return who was hidden by a later publication: the source alone shows somebody again."""
    return {tag for tag, when in since.items() if when > published}
