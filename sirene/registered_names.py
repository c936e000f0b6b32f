"""Every name that a unit or an establishment bears or bore, with its dates.

Belongs here: one row a name and an uninterrupted time. Does not belong here: keys under which
names meet (``names.py``), the name to show.

Made from tables that are already masked: names of natural persons are not in them, and a
masked name (``[ND]``) is none. The dates are INSEE's, both days included; ``date_fin`` is null
for a name that is still borne, ``date_debut`` where the register does not say since when.
INSEE keeps no history of acronyms (``sigle``).

National size (170 million periods) rules how it is made: the periods are in order of key and
date, so that a name that changes is one comparison with the row above, and no group is held.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from sirene.names import present
from sirene.periods import SITE_PERIODS, UNIT_PERIODS

NAMES = "sirene__names"
UNITS, SITES = "sirene__legal_units", "sirene__establishments"
#: Column of the unit → kind of name.
UNIT_KINDS = {
    "denomination": "denomination",
    "sigle": "sigle",
    **{f"denomination_usuelle_{n}": f"denomination_usuelle_{n}" for n in (1, 2, 3)},
}
#: Column of the establishment → kind of name.
SITE_KINDS = {
    **{f"enseigne_{n}": f"enseigne_{n}" for n in (1, 2, 3)},
    "denomination_usuelle": "denomination_usuelle_etablissement",
}
_COLUMNS = ("siren", "siret", "kind", "name", "date_debut", "date_fin")


def registered_names(tables: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    """Return one row a name and time; ``siret`` is null for a name of the whole unit.

    Args:
        tables: legal units, establishments and the periods of both, in order of their keys.
    """
    past = [
        *(_spells(tables[UNIT_PERIODS], "siren", name) for name in UNIT_KINDS if name != "sigle"),
        *(_spells(tables[SITE_PERIODS], "siret", name) for name in SITE_KINDS),
    ]
    now = [
        *(_borne(tables[UNITS], "siren", column) for column in UNIT_KINDS),
        *(_borne(tables[SITES], "siret", column) for column in SITE_KINDS),
    ]
    dated = pl.concat(past)
    # What the stock says and the history does not: acronyms, and units without a history.
    told = dated.filter(pl.col("date_fin").is_null()).select(_same())
    undated = pl.concat(now).with_columns(_same()).join(told, on="_same", how="anti")
    return pl.concat([dated, undated.select(_COLUMNS)]).with_columns(
        pl.lit(None, dtype=pl.Date).alias("publication_date")
    )


def _same() -> pl.Expr:
    # Compared within this process only: it need not be the same in the next.
    parts = [pl.col(name).fill_null("") for name in ("siren", "siret", "kind", "name")]
    return pl.concat_str(parts, separator="\u0001").hash().alias("_same")


def _whose(key: str) -> tuple[pl.Expr, pl.Expr]:
    if key == "siren":
        return pl.col("siren"), pl.lit(None, pl.String).alias("siret")
    return pl.col("siret").str.slice(0, 9).alias("siren"), pl.col("siret")


def _kind(key: str, column: str) -> pl.Expr:
    kinds = UNIT_KINDS if key == "siren" else SITE_KINDS
    return pl.lit(kinds[column]).alias("kind")


def _spells(periods: pl.LazyFrame, key: str, column: str) -> pl.LazyFrame:
    """Return each uninterrupted time during which one name was borne.

    Of each spell only its first and its last row are kept: the end of a spell is that of the
    kept row below its first, unless it has one row. What has no name is left out before rows are
    compared again: every step that looks at a neighbour keeps what has not met it yet in memory.
    """
    here = pl.struct(key, "name")
    goes_on = here.eq_missing(here.shift(1)) & pl.col("contigue").fill_null(True)
    bounds = (
        periods.select(
            key, "date_debut", "date_fin", "contigue", present(pl.col(column)).alias("name")
        )
        .select(key, "name", "date_debut", "date_fin", goes_on.alias("_goes_on"))
        .filter(pl.col("name").is_not_null())
        .with_columns((pl.col("_goes_on").shift(-1).fill_null(False)).alias("_not_last"))
        .filter(~(pl.col("_goes_on") & pl.col("_not_last")))
    )
    end = pl.when("_not_last").then(pl.col("date_fin").shift(-1)).otherwise("date_fin")
    return (
        bounds.with_columns(end.alias("date_fin"))
        .filter(~pl.col("_goes_on"))
        .select(*_whose(key), _kind(key, column), "name", "date_debut", "date_fin")
    )


def _borne(rows: pl.LazyFrame, key: str, column: str) -> pl.LazyFrame:
    """Return the names that the stock gives now."""
    unknown = pl.lit(None, dtype=pl.Date)
    return rows.select(
        *_whose(key),
        _kind(key, column),
        present(pl.col(column)).alias("name"),
        unknown.alias("date_debut"),
        unknown.alias("date_fin"),
    ).filter(pl.col("name").is_not_null())
