"""What of a name or a place may be shown: the mask, and what is dropped.

Belongs here: the two rules every text of the register goes through. Does not belong here:
which columns a table has (``assets/sirene/normalise.py``), removing what was shown before.

Two rules, in this order, decide every name and address:

- *partial diffusion* (status P, N before 2023): the value is ``[ND]`` whatever the file says;
- *not a known legal person* (sole traders, groupings 2xxx, establishments of an unknown
  unit): the value is null. Rows are kept with their state, activity, dates, commune and
  postcode, since links and moves need them.

The histories carry no status: theirs is that of the stock of the same month. What the rules
need to know of it is held as sorted integers, of the smaller side of each: 70 MB for France.

Sources: A123-96 C. com. on diffusion; GDPR 5(1)(c) on minimisation; INSEE keeps the
registered name, and the commune, of a legal person under partial diffusion.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from opendata.lookup import Lookup
from sirene.names import MASK
from sirene.nomenclatures import is_personne_morale

#: Added by :func:`with_unit` and :func:`with_site`, for :func:`guarded`.
LEGAL_PERSON, OPEN = "_personne_morale", "_open"
_SHOWN, _MASKED = 1, 2


class Codes:
    """A small code for each of many numbers, looked up for whole columns."""

    def __init__(self, numbers: pl.Series, codes: pl.Series) -> None:
        """Take ``numbers`` in any order, one code each, above 0; one that repeats keeps one."""
        self._known = Lookup(numbers)
        self._codes: npt.NDArray[np.uint8] = codes.to_numpy()[self._known.first]

    def code(self, text: pl.Expr, dtype: type[pl.UInt32 | pl.UInt64]) -> pl.Expr:
        """Return the code (UInt8) of each number that ``text`` spells, 0 where it has none."""
        number = text.cast(dtype).fill_null(0)
        return number.map_batches(self._looked_up, return_dtype=pl.UInt8, is_elementwise=True)

    def _looked_up(self, asked: pl.Series) -> pl.Series:
        there, place = self._known.places(asked)
        codes = np.zeros(len(there), dtype=np.uint8)
        codes[there] = self._codes[place[there]]
        return pl.Series(codes)


@dataclass(frozen=True)
class Standing:
    """What one month of the register says of its numbers.

    Attributes:
        units: known legal persons by SIREN, masked or not.
        sites: masked establishments by SIRET.
    """

    units: Codes
    sites: Codes

    @classmethod
    def of(cls, raw_units: pl.LazyFrame, raw_sites: pl.LazyFrame | None = None) -> Standing:
        """Read it from StockUniteLegale and, for the histories, StockEtablissement."""
        masked = pl.col("statut_diffusion") != "O"
        legal_persons = raw_units.filter(is_personne_morale(pl.col("categorie_juridique"))).select(
            pl.col("siren").cast(pl.UInt32).alias("number"),
            pl.when(masked).then(_MASKED).otherwise(_SHOWN).cast(pl.UInt8).alias("code"),
        )
        nothing = pl.LazyFrame(schema={"number": pl.UInt64, "code": pl.UInt8})
        if raw_sites is not None:
            nothing = raw_sites.filter(masked).select(
                pl.col("siret").cast(pl.UInt64).alias("number"),
                pl.lit(_MASKED, dtype=pl.UInt8).alias("code"),
            )
        units, sites = pl.collect_all([legal_persons, nothing], engine="streaming")
        return cls(Codes(*units.get_columns()), Codes(*sites.get_columns()))


def guarded(
    column: str,
    personne_morale: pl.Expr | None = None,
    open_to_all: pl.Expr | None = None,
) -> pl.Expr:
    """Return a text masked for partial diffusion, dropped unless of a legal person.

    Args:
        column: the text.
        personne_morale: whether its unit is a known legal person; :data:`LEGAL_PERSON`.
        open_to_all: whether the record is diffused in full; :data:`OPEN`.
    """
    shown = pl.col(OPEN) if open_to_all is None else open_to_all
    legal_person = pl.col(LEGAL_PERSON) if personne_morale is None else personne_morale
    return pl.when(~shown).then(pl.lit(MASK)).when(legal_person).then(pl.col(column)).alias(column)


def with_unit(rows: pl.LazyFrame, standing: Standing) -> pl.LazyFrame:
    """Add whether the unit of each row is a known legal person, and diffused in full.

    A unit that is not known to be a legal person counts as open here: nothing of it is
    shown in any case.
    """
    return (
        rows.with_columns(standing.units.code(pl.col("siren"), pl.UInt32).alias("_unit"))
        .with_columns(
            (pl.col("_unit") > 0).alias(LEGAL_PERSON), (pl.col("_unit") != _MASKED).alias(OPEN)
        )
        .drop("_unit")
    )


def with_site(rows: pl.LazyFrame, standing: Standing) -> pl.LazyFrame:
    """Add the same for establishments: :data:`OPEN` is then that of the establishment."""
    masked = standing.sites.code(pl.col("siret"), pl.UInt64) == _MASKED
    return with_unit(rows, standing).with_columns((~masked).alias(OPEN))
