"""Records of the API Sirene → the tables of the stock, for the units treated since.

Belongs here: one row a record, and whether an establishment's unit is a legal person, which the
API says in each of them. Does not belong here: the columns and what is masked, which are the
stock's (``assets/sirene``): a record must become the same row whichever way it came.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from assets.sirene import normalise as stock

CODE_VERSION = f"{stock.CODE_VERSION}.1"

UNITS = "siren"
SITES = "siret"
LINKS = "liens-succession"
TREATED = "date_dernier_traitement"


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return the three tables of the register for the records of one window."""
    units, sites = _last(raw[UNITS], "siren"), _last(raw[SITES], "siret")
    links = _last(raw[LINKS], "siret_predecesseur", "siret_successeur", "date_lien")
    tables = stock.normalise(
        {
            stock.LEGAL_UNITS: pl.concat([units, _owners(sites, units)], how="diagonal"),
            stock.ESTABLISHMENTS: sites,
            stock.SUCCESSIONS: links,
        }
    )
    told = tables["sirene__legal_units"].join(units.select("siren"), on="siren", how="semi")
    return {
        "sirene_flux__legal_units": told,
        "sirene_flux__establishments": tables["sirene__establishments"],
        "sirene_flux__successions": tables["sirene__successions"],
    }


def _last(rows: pl.LazyFrame, *key: str) -> pl.LazyFrame:
    """Keep the last treatment of a record: one treated again while it was read comes twice."""
    ordered = rows.sort(*key, TREATED, "_line")
    return ordered.unique(list(key), keep="last", maintain_order=True)


def _owners(sites: pl.LazyFrame, units: pl.LazyFrame) -> pl.LazyFrame:
    """Return the category of units that were not treated themselves: number and category alone."""
    return (
        sites.select("siren", "categorie_juridique")
        .unique("siren", keep="first", maintain_order=True)
        .join(units.select("siren"), on="siren", how="anti")
    )
