"""The units of which two states can say something different, and both states cut down to them.

Belongs here: which units these are, by the hashes of rows and the records of a flux, and what
a comparison of them has to read. Does not belong here: the comparison (``registry.py``), how
rows are hashed and when hashes are believed (``opendata/row_hashes.py``).

What is told of a unit depends on its own rows, on those of its establishments and on links at
either end: new ones, and recent ones that explain what else differs. All of these are kept of
every unit that is kept, so that the cut states give the rows of the full comparison.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

import polars as pl

from opendata.diff import diff
from opendata.row_hashes import Pair
from sirene.registry import LINK, SITE, UNIT, Registry, links, ranges, within

#: Tables that have hashes, by their part of ``Registry``, and their keys.
HASHED: Mapping[str, str] = {"legal_units": "siren", "establishments": "siret"}
#: Units above which the whole register is walked through instead: a refresh for all at once.
MANY = 2_000_000
#: Units above which a join is faster than looking each row up.
_MANY_TO_LOOK_UP = 500_000


def differing(hashes: Mapping[str, Pair], fluxes: Collection[Registry]) -> pl.Series | None:
    """Return the SIREN numbers of units of which a row may differ; ``None`` if nobody knows.

    Args:
        hashes: key and hash of the rows of two stocks, by part of ``Registry``.
        fluxes: what lies on top of either stock.
    """
    if not hashes.keys() >= HASHED.keys():
        return None
    found: list[pl.Series] = []
    for name, key in HASHED.items():
        told = [getattr(flux, name).select(key).collect() for flux in fluxes]
        found += [rows[key].str.slice(0, 9) for rows in (diff(*hashes[name], [key]), *told)]
    return pl.concat([one.rename("siren") for one in found]).unique()


def cut(
    previous: Registry, current: Registry, sirens: pl.Series, since: date
) -> tuple[Registry, Registry]:
    """Return both states cut down to some units and what links tie to them.

    Args:
        previous: the earlier state.
        current: the later state.
        sirens: the units; every row of any other is the same in both states.
        since: older links that were known explain nothing.
    """
    kept = pl.concat(
        links(
            within(previous.successions, "siret_predecesseur", *part),
            within(current.successions, "siret_predecesseur", *part),
            since,
        )
        for part in ranges(current.successions, "siret_predecesseur")
    )
    touched = pl.concat([sirens, *_owners(kept.filter(~pl.col("known")))]).unique().implode()
    tied = pl.any_horizontal(
        pl.col(owner).is_in(touched) for owner in ("siren", "siren_predecesseur")
    )
    kept = kept.filter(~pl.col("known") | tied)
    wanted = pl.concat([touched.explode(), *_owners(kept)]).unique()

    def of(state: Registry, linked: pl.DataFrame) -> Registry:
        return Registry(
            of_units(state.legal_units.select(UNIT), wanted),
            of_units(state.establishments.select(SITE), wanted),
            linked.select(LINK).lazy(),
        )

    return of(previous, kept.filter("known")), of(current, kept)


def _owners(linked: pl.DataFrame) -> list[pl.Series]:
    return [linked["siren"], linked["siren_predecesseur"].rename("siren")]


def of_units(rows: pl.LazyFrame, sirens: pl.Series) -> pl.LazyFrame:
    """Return the rows of the units, read once; of row groups without any only the numbers are."""
    if len(sirens) > _MANY_TO_LOOK_UP:
        wanted = pl.LazyFrame({"siren": sirens})
        found = rows.join(wanted, on="siren", how="semi")
    else:
        found = rows.filter(pl.col("siren").is_in(sirens.implode()))
    return found.collect(engine="streaming").lazy()
