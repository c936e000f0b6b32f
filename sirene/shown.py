"""What of a name or a place may be shown: the mask, and what is dropped.

Belongs here: the two rules every text of the register goes through. Does not belong here:
which columns a table has (``assets/sirene/normalise.py``), removing what was shown before.

Two rules, in this order, decide every name and address:

- *partial diffusion* (status P, N before 2023): the value is ``[ND]`` whatever the file says;
- *not a known legal person* (sole traders, groupings 2xxx, establishments of an unknown
  unit): the value is null. Rows are kept with their state, activity, dates, commune and
  postcode, since links and moves need them.

The histories carry no status: theirs is that of the stock of the same month. Keys are joined
as integers, and only the smaller side of each rule is held in memory.

Sources: A123-96 C. com. on diffusion; GDPR 5(1)(c) on minimisation; INSEE keeps the
registered name, and the commune, of a legal person under partial diffusion.
"""

from __future__ import annotations

import polars as pl

from sirene.names import MASK
from sirene.nomenclatures import is_personne_morale

#: Added by :func:`with_unit` and :func:`with_site`, for :func:`guarded`.
LEGAL_PERSON, OPEN = "_personne_morale", "_open"


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


def legal_persons(raw_units: pl.LazyFrame) -> pl.LazyFrame:
    """Return the SIREN numbers of known legal persons, as integers to halve the join."""
    return raw_units.filter(is_personne_morale(pl.col("categorie_juridique"))).select(
        pl.col("siren").cast(pl.UInt32).alias("_siren"),
        pl.lit(True).alias(LEGAL_PERSON),
        (pl.col("statut_diffusion") == "O").alias(OPEN),
    )


def with_unit(rows: pl.LazyFrame, raw_units: pl.LazyFrame) -> pl.LazyFrame:
    """Add whether the unit of each row is a known legal person, and diffused in full.

    A unit that is not known to be a legal person counts as open here: nothing of it is
    shown in any case.
    """
    return (
        rows.with_columns(pl.col("siren").cast(pl.UInt32).alias("_siren"))
        .join(legal_persons(raw_units), on="_siren", how="left", maintain_order="left")
        .with_columns(pl.col(LEGAL_PERSON).fill_null(False), pl.col(OPEN).fill_null(True))
        .drop("_siren")
    )


def with_site(rows: pl.LazyFrame, raw_sites: pl.LazyFrame, raw_units: pl.LazyFrame) -> pl.LazyFrame:
    """Add the same for establishments: :data:`OPEN` is then that of the establishment."""
    masked = raw_sites.filter(pl.col("statut_diffusion") != "O").select(
        pl.col("siret").cast(pl.UInt64).alias("_siret"), pl.lit(True).alias("_masked")
    )
    return (
        with_unit(rows, raw_units)
        .with_columns(pl.col("siret").cast(pl.UInt64).alias("_siret"))
        .join(masked, on="_siret", how="left", maintain_order="left")
        .with_columns(pl.col("_masked").is_null().alias(OPEN))
        .drop("_siret", "_masked")
    )
