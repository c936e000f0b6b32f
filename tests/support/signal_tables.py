"""Tables as the engine would hand them over, small and explicit.

Rows marked *real* are copied from published records (BODACC A 20210005 of 2021-01-08,
DECP 2024-H2, Egapro 2020, Sirene daily files of April 2017); the others are specification
fixtures, made after the publishers' documentation because no real record was at hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from assets import discovery
from opendata.typing_rules import DTYPES

TEXT, DAY, NUMBER, WHOLE, FLAG = pl.String(), pl.Date(), pl.Float64(), pl.Int64(), pl.Boolean()

SCHEMAS: dict[str, dict[str, pl.DataType]] = {
    "sirene_changes": {
        "change_id": TEXT,
        "siren": TEXT,
        "siret": TEXT,
        "change": TEXT,
        "column": TEXT,
        "before": TEXT,
        "after": TEXT,
        "other_siret": TEXT,
        "nom_complet": TEXT,
        "departement": TEXT,
        "activite_principale": TEXT,
        "from_commune": TEXT,
        "to_commune": TEXT,
        "distance_km": NUMBER,
        "occurred_at": DAY,
        "observed_at": DAY,
        "is_mass_operation": FLAG,
        "personne_morale": FLAG,
        "prospecting_allowed": FLAG,
    },
    "sirene__legal_units": {"siren": TEXT, "statut_diffusion": TEXT, "personne_morale": FLAG},
    "bodacc__notices": {
        "notice_id": TEXT,
        "date_parution": DAY,
        "type_avis": TEXT,
        "previous_notice_id": TEXT,
        "url": TEXT,
    },
    "bodacc__sales": {
        "notice_id": TEXT,
        "date_parution": DAY,
        "type_avis": TEXT,
        "previous_notice_id": TEXT,
        "buyer_siren": TEXT,
        "buyer_name": TEXT,
        "seller_siren": TEXT,
        "seller_name": TEXT,
        "seller_is_person": FLAG,
        "category": TEXT,
        "price_eur": NUMBER,
        "date_effet": DAY,
        "activite": TEXT,
        "code_postal": TEXT,
        "ville": TEXT,
        "url": TEXT,
    },
    "bodacc__insolvencies": {
        "notice_id": TEXT,
        "date_parution": DAY,
        "type_avis": TEXT,
        "previous_notice_id": TEXT,
        "siren": TEXT,
        "company_name": TEXT,
        "jugement_famille": TEXT,
        "jugement_nature": TEXT,
        "jugement_date": DAY,
        "procedure": TEXT,
        "stage": TEXT,
        "url": TEXT,
    },
    "bodacc__registrations": {
        "notice_id": TEXT,
        "date_parution": DAY,
        "type_avis": TEXT,
        "previous_notice_id": TEXT,
        "kind": TEXT,
        "siren": TEXT,
        "company_name": TEXT,
        "category": TEXT,
        "date_immatriculation": DAY,
        "date_commencement": DAY,
        "capital_eur": NUMBER,
        "url": TEXT,
    },
    "decp__awards": {
        "uid": TEXT,
        "acheteur_id": TEXT,
        "acheteur_nom": TEXT,
        "titulaire_id": TEXT,
        "titulaire_siren": TEXT,
        "titulaire_nom": TEXT,
        "nature": TEXT,
        "type_marche": TEXT,
        "code_cpv": TEXT,
        "procedure": TEXT,
        "montant_eur": NUMBER,
        "winners": WHOLE,
        "duree_mois": WHOLE,
        "date_notification": DAY,
        "date_premiere_notification": DAY,
        "date_publication": DAY,
        "modifications": WHOLE,
        "montant_initial_eur": NUMBER,
        "duree_initiale_mois": WHOLE,
        "titulaire_departement": TEXT,
    },
    "egapro__declarations": {
        "siren": TEXT,
        "annee": WHOLE,
        "structure": TEXT,
        "tranche_effectifs": TEXT,
        "raison_sociale": TEXT,
        "note_index": WHOLE,
        "region": TEXT,
        "departement": TEXT,
        "nom_ues": TEXT,
    },
}
COMMON: dict[str, pl.DataType] = {
    "source_id": TEXT,
    "record_key": TEXT,
    "publication_date": DAY,
    "_op": TEXT,
}
_PUBLISHED = ("date_parution", "observed_at", "date_publication")
_KEYS = ("change_id", "notice_id", "uid", "siren")

Row = Mapping[str, Any]


def described(name: str) -> dict[str, pl.DataType]:
    """Return the columns of a table that no row is written for here, from its dataset.yml."""
    columns = discovery.owners()[name].described_columns(name)
    return {column.name: DTYPES[column.type] for column in columns}


def table(name: str, rows: Sequence[Row]) -> pl.DataFrame:
    """Return ``rows`` as the table ``name``; what a row does not give is null or usual."""
    schema = {**(SCHEMAS.get(name) or described(name)), **COMMON}
    dataset = name.split("__")[0]
    full = []
    for row in rows:
        unknown = set(row) - set(schema)
        assert not unknown, unknown
        usual = {
            "source_id": f"{dataset}@v1",
            "record_key": next(row[key] for key in _KEYS if row.get(key)),
            "publication_date": next(
                (row[key] for key in _PUBLISHED if row.get(key)), date(2021, 1, 8)
            ),
            "_op": "added",
        }
        if name == "decp__awards":
            usual["date_premiere_notification"] = row.get("date_notification")
        full.append({**dict.fromkeys(schema), **usual, **row})
    return pl.DataFrame(full, schema=schema)


@dataclass
class Tables:
    """The tables of one run: what is new, and what was there before."""

    today: date
    new: Mapping[str, Sequence[Row]]
    old: Mapping[str, Sequence[Row]] = field(default_factory=dict)

    def has(self, table: str) -> bool:
        return table in self.new or table in self.old

    def delta(self, name: str) -> pl.LazyFrame:
        return table(name, self.new.get(name, ())).lazy()

    def current(self, name: str) -> pl.LazyFrame:
        rows = [*self.old.get(name, ()), *self.new.get(name, ())]
        there = pl.col("_op") != "removed"
        return table(name, rows).lazy().filter(there).drop("_op")

    def since(self, name: str) -> date | None:
        return None

    def past(self, name: str, steps: int) -> pl.LazyFrame:
        return table(name, self.old.get(name, ()) if steps == 1 else ()).lazy().drop("_op")


def change(kind: str, **values: Any) -> dict[str, Any]:
    """Return a change of Sirene about a company of the file of 2017-04-07 (*real* ids)."""
    usual = {
        "change_id": f"c-{kind}",
        "siren": "038975447",
        "siret": "03897544700020",
        "change": kind,
        "nom_complet": "SYND COPR DU 102 RUE REAUMUR 75002",
        "departement": "75",
        "activite_principale": "81.10Z",
        "occurred_at": date(2017, 3, 1),
        "observed_at": date(2017, 4, 7),
        "is_mass_operation": False,
        "personne_morale": True,
        "prospecting_allowed": True,
    }
    return {**usual, **values}


#: *Real*: A2021000546, CACHE-CACHE buys a secondary site from 447861741.
SALE: dict[str, Any] = {
    "notice_id": "A2021000546",
    "date_parution": date(2021, 1, 8),
    "type_avis": "annonce",
    "buyer_siren": "382456051",
    "buyer_name": "CACHE-CACHE",
    "seller_siren": "447861741",
    "seller_is_person": False,
    "price_eur": 10000.0,
    "date_effet": date(2020, 12, 1),
    "category": "Achat d'un établissement secondaire ou complémentaire par une personne morale",
    "code_postal": "27500",
    "ville": "Pont-Audemer",
    "url": "https://www.bodacc.fr/A2021000546",
}
#: *Real*: A2021000513, FAUVAL arrives at Soissons; its registration is of 2019.
ARRIVAL: dict[str, Any] = {
    "notice_id": "A2021000513",
    "date_parution": date(2021, 1, 8),
    "type_avis": "annonce",
    "kind": "immatriculation",
    "siren": "851565770",
    "company_name": "FAUVAL",
    "category": "Immatriculation d'une personne morale suite à transfert de son siège social",
    "date_immatriculation": date(2019, 6, 13),
    "date_commencement": date(2020, 10, 1),
    "url": "https://www.bodacc.fr/A2021000513",
}
#: *Real*: A202100055, creation of DÉMÉNAGEMENT MASSEZ.
CREATION: dict[str, Any] = {
    "notice_id": "A202100055",
    "date_parution": date(2021, 1, 8),
    "type_avis": "annonce",
    "kind": "creation",
    "siren": "892137381",
    "company_name": "DÉMÉNAGEMENT MASSEZ",
    "category": "Immatriculation d'une personne morale (B, C, D) suite à création d'un "
    "établissement principal",
    "date_immatriculation": date(2020, 12, 30),
    "date_commencement": date(2020, 12, 1),
    "capital_eur": 14000.0,
    "url": "https://www.bodacc.fr/A202100055",
}
#: *Real* company (EUROTEKNIK, BODACC 20080010); its opening is a specification fixture.
OPENING: dict[str, Any] = {
    "notice_id": "A20080010606",
    "date_parution": date(2008, 1, 16),
    "type_avis": "annonce",
    "siren": "384898094",
    "company_name": "EUROTEKNIK",
    "jugement_famille": "Jugement d'ouverture",
    "jugement_nature": "Jugement d'ouverture de liquidation judiciaire",
    "jugement_date": date(2007, 12, 5),
    "procedure": "liquidation_judiciaire",
    "stage": "opening",
    "url": "https://www.bodacc.fr/A20080010606",
}
#: *Real*: 2000625860015720241300104, ALU CONCEPT HABITAT.
AWARD: dict[str, Any] = {
    "uid": "2000625860015720241300104",
    "acheteur_id": "20006258600157",
    "acheteur_nom": "COMMUNE DE FILLIERE (MAIRIE)",
    "titulaire_id": "42199758600035",
    "titulaire_siren": "421997586",
    "titulaire_nom": "ALU CONCEPT HABITAT",
    "nature": "Marché",
    "code_cpv": "45214200",
    "procedure": "Procédure adaptée",
    "montant_eur": 61100.0,
    "winners": 1,
    "duree_mois": 12,
    "date_notification": date(2025, 1, 1),
    "date_publication": date(2025, 1, 6),
    "titulaire_departement": "73",
}
#: *Real*: AUTOGRILL COTE FRANCE, 2020, 73.
DECLARATION: dict[str, Any] = {
    "siren": "391378239",
    "annee": 2020,
    "structure": "Entreprise",
    "raison_sociale": "AUTOGRILL COTE FRANCE",
    "note_index": 73,
    "region": "Provence-Alpes-Côte d'Azur",
    "departement": "Bouches-du-Rhône",
    "publication_date": date(2021, 3, 1),
}
