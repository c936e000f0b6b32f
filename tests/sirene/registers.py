"""Small registers written by hand, for tests of one rule at a time (synthetic).

Belongs here: building the three tables with everything ordinary left out. Does not belong
here: any expectation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import polars as pl
from sirene_files import empty

from assets.sirene.normalise import normalise
from sirene.changes import compare
from sirene.registry import Registry

NOW = date(2026, 10, 1)
THEN = date(2026, 9, 1)
#: Valid numbers, so that the rules meet what the contract lets through.
ALPHA, BETA, GAMMA = "552032534", "005410949", "356000000"

Row = Mapping[str, Any]


def unit(siren: str = ALPHA, **columns: Any) -> Row:
    """Return an old active SAS, fully diffused, whose head office is 00011."""
    ordinary = {
        "siren": siren,
        "statut_diffusion": "O",
        "date_creation": date(2000, 1, 1),
        "date_debut": date(2010, 5, 5),
        "etat_administratif": "A",
        "denomination": f"SOCIETE {siren}",
        "categorie_juridique": "5710",
        "activite_principale": "62.01Z",
        "nomenclature_activite": "NAFRev2",
        "nic_siege": "00011",
    }
    return ordinary | columns


def site(siren: str = ALPHA, nic: str = "00011", **columns: Any) -> Row:
    """Return an old active establishment in Paris, fully diffused."""
    ordinary = {
        "siren": siren,
        "nic": nic,
        "siret": siren + nic,
        "statut_diffusion": "O",
        "date_creation": date(2000, 1, 1),
        "date_debut": date(2010, 5, 5),
        "etat_administratif": "A",
        "siege": nic == "00011",
        "code_commune": "75101",
        "code_postal": "75001",
        "activite_principale": "62.01Z",
        "nomenclature_activite": "NAFRev2",
    }
    return ordinary | columns


def link(left: str, entered: str, day: date, **columns: Any) -> Row:
    """Return a succession with economic continuity, not of a head office."""
    ordinary = {
        "siret_predecesseur": left,
        "siret_successeur": entered,
        "date_lien": day,
        "transfert_siege": False,
        "continuite_economique": True,
    }
    return ordinary | columns


def _typed(resource: str, rows: Iterable[Row]) -> pl.LazyFrame:
    schema = empty(resource).collect_schema()
    return pl.LazyFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)


def registry(
    units: Iterable[Row] = (), sites: Iterable[Row] = (), links: Iterable[Row] = ()
) -> Registry:
    """Return the normalised tables of these rows."""
    found = normalise(
        {
            "stock-unite-legale": _typed("stock-unite-legale", units),
            "stock-etablissement": _typed("stock-etablissement", sites),
            "stock-etablissement-liens-succession": _typed(
                "stock-etablissement-liens-succession", links
            ),
        }
    )
    return Registry(
        found["sirene__legal_units"],
        found["sirene__establishments"],
        found["sirene__successions"],
    )


def changes(
    before: Registry | None, after: Registry, observed_at: date = NOW
) -> list[dict[str, Any]]:
    """Return the changes, sorted by kind and number."""
    rows = compare(before, after, observed_at=observed_at)
    return rows.collect().sort("change", "siren", "siret").to_dicts()


def kinds(before: Registry | None, after: Registry, observed_at: date = NOW) -> list[str]:
    """Return the kinds of the changes, sorted."""
    return [row["change"] for row in changes(before, after, observed_at)]
