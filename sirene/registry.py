"""Two states of the register, reduced to what differs between them.

Belongs here: the three tables of one state, and the three small frames that hold all a
comparison needs. Does not belong here: what a difference means.

The register has thirty million units and forty-four million establishments; a month
touches about one in a hundred. The joins over the whole run in the streaming engine, on
numbers as integers and with one byte or one hash a row on the side held in memory; only
the rows that differ are collected, and everything after works on those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

#: Columns of a unit that a comparison reads.
UNIT = (
    "siren",
    "statut_diffusion",
    "date_creation",
    "date_debut",
    "etat_administratif",
    "denomination",
    "categorie_juridique",
    "activite_principale",
    "nomenclature_activite",
    "nic_siege",
    "personne_morale",
    "nom_complet",
)
#: Columns of a unit whose difference puts it among the touched.
UNIT_TRACKED = (
    "etat_administratif",
    "denomination",
    "categorie_juridique",
    "activite_principale",
    "nic_siege",
)
SITE = (
    "siret",
    "siren",
    "statut_diffusion",
    "date_creation",
    "date_debut",
    "etat_administratif",
    "activite_principale",
    "code_commune",
    "departement",
    "lambert_x",
    "lambert_y",
)
LINK_KEY = ("siret_predecesseur", "siret_successeur", "date_lien")
LINK = (*LINK_KEY, "transfert_siege", "continuite_economique")


@dataclass(frozen=True)
class Registry:
    """One state of the register: the three normalised tables."""

    legal_units: pl.LazyFrame
    establishments: pl.LazyFrame
    successions: pl.LazyFrame


@dataclass(frozen=True)
class Difference:
    """What differs between two states, collected.

    Attributes:
        units: every unit that differs or owns something that does; columns of ``UNIT``,
            the same with ``_before``, and ``known`` (it was in the previous state).
        sites: establishments that are new or whose state differs; columns of ``SITE``,
            ``etat_before``, ``statut_before`` and ``known``.
        links: links that are new or recent, with ``known``.
        places: SIRET, commune, department, coordinates and status of every establishment
            that a change may name.
    """

    units: pl.DataFrame
    sites: pl.DataFrame
    links: pl.DataFrame
    places: pl.DataFrame


def _number(column: str) -> pl.Expr:
    """Return a SIREN or SIRET as an integer: a third of the memory of its text in a join."""
    return pl.col(column).cast(pl.UInt64).alias("_number")


def _sites(previous: Registry, current: Registry) -> pl.DataFrame:
    before = previous.establishments.select(
        _number("siret"),
        pl.col("etat_administratif").cast(pl.Enum(["A", "F"])).alias("etat_before"),
        pl.col("statut_diffusion").cast(pl.Enum(["O", "P", "N"])).alias("statut_before"),
    )
    state = pl.col("etat_before").cast(pl.String)
    return (
        current.establishments.select(*SITE, _number("siret"))
        .join(before, on="_number", how="left")
        .filter(pl.col("etat_administratif").ne_missing(state))
        .select(
            *SITE,
            state,
            pl.col("statut_before").cast(pl.String),
            state.is_not_null().alias("known"),
        )
        .collect(engine="streaming")
        .sort("siret")
    )


def _links(previous: Registry, current: Registry, since: date) -> pl.DataFrame:
    before = previous.successions.select(*LINK_KEY, pl.lit(True).alias("known"))
    return (
        current.successions.select(LINK)
        .join(before, on=list(LINK_KEY), how="left", nulls_equal=True)
        .with_columns(pl.col("known").fill_null(False))
        .filter(~pl.col("known") | (pl.col("date_lien") >= since))
        .collect(engine="streaming")
        .sort(LINK_KEY)
        .with_columns(
            pl.col("siret_predecesseur").str.slice(0, 9).alias("siren_predecesseur"),
            pl.col("siret_successeur").str.slice(0, 9).alias("siren"),
        )
    )


def _touched(previous: Registry, current: Registry) -> pl.Series:
    """Return the SIREN numbers of units that are new or whose tracked columns differ."""
    # The hash is compared within this process only: it need not be the same in the next.
    tracked = [pl.col(name).fill_null("\u0000") for name in UNIT_TRACKED]
    values = pl.concat_str(tracked, separator="\u0001").hash()
    now = current.legal_units.select("siren", _number("siren"), values.alias("now"))
    before = previous.legal_units.select(_number("siren"), values.alias("before"))
    return (
        now.join(before, on="_number", how="left")
        .filter(pl.col("now").ne_missing(pl.col("before")))
        .select("siren")
        .collect(engine="streaming")
        .to_series()
    )


def _units(previous: Registry, current: Registry, sirens: pl.Series) -> pl.DataFrame:
    wanted = pl.LazyFrame({"siren": sirens.unique()})

    def of(state: Registry) -> pl.DataFrame:
        rows = state.legal_units.select(UNIT).join(wanted, on="siren", how="semi")
        return rows.collect(engine="streaming")

    before = of(previous).rename({name: f"{name}_before" for name in UNIT[1:]})
    return (
        of(current)
        .join(before.with_columns(pl.lit(True).alias("known")), on="siren", how="left")
        .with_columns(pl.col("known").fill_null(False))
        .sort("siren")
    )


def _places(current: Registry, sirets: Sequence[pl.Series]) -> pl.DataFrame:
    wanted = pl.concat([series.rename("siret") for series in sirets]).drop_nulls().unique()
    return (
        current.establishments.select(
            "siret", "code_commune", "departement", "lambert_x", "lambert_y", "statut_diffusion"
        )
        .join(pl.LazyFrame({"siret": wanted}), on="siret", how="semi")
        .collect(engine="streaming")
        .sort("siret")
    )


def difference(
    previous: Registry, current: Registry, *, observed_at: date, link_days: int
) -> Difference:
    """Return what differs between two states, sorted by key.

    Args:
        previous: the earlier state.
        current: the later state.
        observed_at: date of the later state.
        link_days: links dated at most that long before are kept even if already known.
    """
    sites = _sites(previous, current)
    links = _links(previous, current, observed_at - timedelta(days=link_days))
    owners = [sites["siren"], links["siren"], links["siren_predecesseur"].rename("siren")]
    units = _units(previous, current, pl.concat([_touched(previous, current), *owners]))
    offices = units.select(
        (pl.col("siren") + pl.col("nic_siege")).alias("now"),
        (pl.col("siren") + pl.col("nic_siege_before")).alias("before"),
    )
    ends = [links["siret_predecesseur"], links["siret_successeur"]]
    places = _places(current, [sites["siret"], *ends, offices["now"], offices["before"]])
    return Difference(units, sites, links, places)
