"""Who turned from full to partial diffusion, and what is left to show of them.

Belongs here: comparing the status of two states of the register, the columns by which a
table names a unit or an establishment, and masking them. Does not belong here: remembering
who objected (``leads/privacy``), removing bytes (``pipelines/places``).

Article A123-96 of the code de commerce: a natural person may require that third parties do
not use the register for prospecting, and the re-user takes account of the latest status.
R123-232-1: what may still be shown of them is the number in the register and the commune.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import polars as pl

from opendata.catalogue import Dataset
from sirene.names import MASK, display_name

OPEN = "O"
PARTIAL = "P"
STATUS = "statut_diffusion"
_UNIT = re.compile(r"(?:.*_)?siren(?:_.*)?")
_SITE = re.compile(r"(?:.*_)?siret(?:_.*)?")
#: Columns that are, or repeat, a number of the register.
_NUMBER = re.compile(rf"{_UNIT.pattern}|{_SITE.pattern}|record_key|nic|nic_siege")
#: What the register goes on showing of a legal person that objected.
KEPT_OF_LEGAL = frozenset({"denomination", "nom_complet"})
#: The register itself; whatever else names a person is about them and goes as a whole.
REGISTER = "sirene"


@dataclass(frozen=True)
class Shape:
    """How a table names units and persons.

    Attributes:
        units, sites: columns that hold a SIREN, a SIRET.
        personal: columns that describe who or where a unit is, but for its numbers.
        maskable: of a row about somebody who objected the number and the commune stay,
            and the rest is masked; false where such a row goes as a whole.
        status_of: ``siren`` or ``siret`` where the table states the status of that number.
    """

    units: tuple[str, ...]
    sites: tuple[str, ...]
    personal: tuple[str, ...]
    maskable: bool
    status_of: str | None = None


def is_number(column: str) -> bool:
    """Return whether a column is, or repeats, a number of the register."""
    return _NUMBER.fullmatch(column) is not None


def shapes(catalogue: Mapping[str, Dataset]) -> dict[str, Shape]:
    """Return table → shape, for every table that names a unit or an establishment."""
    found = {}
    for dataset in catalogue.values():
        for table, described in dataset.tables.items():
            columns = dataset.described_columns(table)
            names = [column.name for column in columns]
            personal = tuple(
                column.name
                for column in columns
                if column.personal != "none" and not is_number(column.name)
            )
            of_register = dataset.name == REGISTER or (
                dataset.overlays is not None and dataset.overlays.dataset == REGISTER
            )
            shape = Shape(
                units=tuple(name for name in names if _UNIT.fullmatch(name)),
                sites=tuple(name for name in names if _SITE.fullmatch(name)),
                personal=personal,
                # A masked key would make two rows one.
                maskable=of_register and not set(personal) & set(described.key),
                status_of=described.key[0] if STATUS in names and len(described.key) == 1 else None,
            )
            if shape.units or shape.sites:
                found[table] = shape
    return found


def turned(previous: pl.LazyFrame, current: pl.LazyFrame, number: str) -> pl.DataFrame:
    """Return who was fully diffused in an earlier file and no longer is in a later one.

    An establishment has a status of its own: one of a unit that is shown may be hidden.

    Args:
        previous: rows of an earlier version of a table that states the status of ``number``.
        current: rows of a later version of it, whole or only what changed.
        number: ``siren`` or ``siret``.

    Returns:
        ``siren`` and, if asked for, ``siret``; by number.
    """
    plain = pl.col(number).cast(pl.UInt64).alias("_number")
    hidden = current.filter(pl.col(STATUS) != OPEN).select(*{"siren", number}, plain)
    before = previous.filter(pl.col(STATUS) == OPEN).select(plain)
    return (
        hidden.join(before, on="_number", how="semi")
        .select(*dict.fromkeys(("siren", number)))
        .unique()
        .collect(engine="streaming")
        .sort(number)
    )


def legal_persons(sirens: pl.Series, units: pl.LazyFrame) -> pl.Series:
    """Return those of ``sirens`` that are known legal persons; all others count as natural.

    Args:
        sirens: numbers.
        units: rows that say what kind of person a unit is: ``siren``, ``personne_morale``.
    """
    return (
        units.filter(pl.col("personne_morale").fill_null(False))
        .select("siren")
        .join(pl.LazyFrame({"siren": sirens.unique()}), on="siren", how="semi")
        .unique()
        .collect(engine="streaming")
        .to_series()
        .sort()
    )


def masked(rows: pl.LazyFrame, hit: pl.Expr, personal: Collection[str]) -> pl.LazyFrame:
    """Return ``rows``, those that are ``hit`` as the register shows an objector."""
    schema = rows.collect_schema()
    marked = rows.with_columns(hit.alias("_hit"))
    hidden = [
        pl.when(pl.col("_hit"))
        .then(pl.lit(MASK if schema[name] == pl.String else None, dtype=schema[name]))
        .otherwise(pl.col(name))
        .alias(name)
        for name in personal
        if name in schema
    ]
    if _shows_more(personal, schema):
        bare = pl.when(pl.col("_hit")).then(display_name(pl.col("denomination")))
        hidden.append(bare.otherwise(pl.col("nom_complet")).alias("nom_complet"))
    if STATUS in schema:
        status = pl.when(pl.col("_hit")).then(pl.lit(PARTIAL)).otherwise(pl.col(STATUS))
        hidden.append(status.alias(STATUS))
    return marked.with_columns(hidden).drop("_hit")


def _shows_more(personal: Collection[str], schema: pl.Schema) -> bool:
    """Return whether the name to show stays: acronym and trade name in it must not."""
    return "nom_complet" not in personal and {"nom_complet", "denomination"} <= set(schema)


def shows(personal: Collection[str], schema: pl.Schema) -> pl.Expr:
    """Return whether a row still shows what :func:`masked` would hide."""
    shown = [
        pl.col(name).is_not_null() & (pl.col(name) != MASK)
        if schema[name] == pl.String
        else pl.col(name).is_not_null()
        for name in personal
        if name in schema
    ]
    if _shows_more(personal, schema):
        bare = display_name(pl.col("denomination"))
        shown.append(pl.col("nom_complet").ne_missing(bare))
    if STATUS in schema:
        shown.append((pl.col(STATUS) == OPEN).fill_null(True))
    return pl.any_horizontal(shown) if shown else pl.lit(False)
