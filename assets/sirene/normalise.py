"""Sirene files → legal units, establishments and successions, without natural persons' names.

Belongs here: which columns are kept, what is masked and what is dropped. Does not belong
here: comparing two months (``sirene/changes.py``), labels of codes
(``sirene/nomenclatures``).

Two rules, in this order, decide every name and address:

- *partial diffusion* (status P, N before 2023): the value is ``[ND]`` whatever the file says;
- *not a known legal person* (sole traders, groupings 2xxx, establishments of an unknown
  unit): the value is null. Rows are kept with their state, activity, dates, commune and
  postcode, since links and moves need them.

Sources: A123-96 C. com. on diffusion; GDPR 5(1)(c) on minimisation; INSEE keeps the
registered name, and the commune, of a legal person under partial diffusion.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from sirene.names import MASK, display_name
from sirene.nomenclatures import departement_of_commune, is_personne_morale

CODE_VERSION = "1"

LEGAL_UNITS = "stock-unite-legale"
ESTABLISHMENTS = "stock-etablissement"
SUCCESSIONS = "stock-etablissement-liens-succession"

#: Names of a unit that INSEE masks; the registered name itself stays readable.
UNIT_NAMES = ("sigle", "denomination_usuelle_1", "denomination_usuelle_2", "denomination_usuelle_3")
SITE_NAMES = ("enseigne_1", "enseigne_2", "enseigne_3", "denomination_usuelle")
STREET = ("complement_adresse", "numero_voie", "indice_repetition", "type_voie", "libelle_voie")
POSTAL = ("code_postal", "code_cedex", "libelle_cedex")
COORDINATES = ("lambert_x", "lambert_y")


def _guarded(column: str, personne_morale: pl.Expr) -> pl.Expr:
    """Return a text masked for partial diffusion, dropped unless of a legal person."""
    open_to_all = pl.col("statut_diffusion") == "O"
    return (
        pl.when(~open_to_all)
        .then(pl.lit(MASK))
        .when(personne_morale)
        .then(pl.col(column))
        .alias(column)
    )


def _keyed(rows: pl.LazyFrame, *key: str) -> pl.LazyFrame:
    """Add the publisher's key and the publication date, which the files do not carry."""
    parts = [pl.col(column).cast(pl.String).fill_null("") for column in key]
    return rows.with_columns(
        pl.concat_str(parts, separator="/").alias("record_key"),
        pl.lit(None, dtype=pl.Date).alias("publication_date"),
    )


def _legal_units(raw: pl.LazyFrame) -> pl.LazyFrame:
    legal_person = pl.col("personne_morale")
    units = (
        raw.with_columns(is_personne_morale(pl.col("categorie_juridique")).alias("personne_morale"))
        .with_columns(
            pl.when(legal_person).then(pl.col("denomination")).alias("denomination"),
            *(_guarded(name, legal_person) for name in UNIT_NAMES),
        )
        .with_columns(
            display_name(pl.col("denomination"), pl.col("sigle")).alias("nom_complet"),
        )
    )
    return _keyed(
        units.select(
            "siren",
            "statut_diffusion",
            "purgee",
            "date_creation",
            "sigle",
            "denomination",
            "denomination_usuelle_1",
            "denomination_usuelle_2",
            "denomination_usuelle_3",
            "identifiant_association",
            "tranche_effectifs",
            "annee_effectifs",
            "categorie_entreprise",
            "annee_categorie_entreprise",
            "date_dernier_traitement",
            "date_debut",
            "etat_administratif",
            "categorie_juridique",
            "activite_principale",
            "nomenclature_activite",
            "activite_principale_naf25",
            "nic_siege",
            "ess",
            "societe_mission",
            "personne_morale",
            "nom_complet",
        ),
        "siren",
    )


def _legal_persons(raw_units: pl.LazyFrame) -> pl.LazyFrame:
    """Return the SIREN numbers of known legal persons, as integers to halve the join."""
    return raw_units.filter(is_personne_morale(pl.col("categorie_juridique"))).select(
        pl.col("siren").cast(pl.UInt32).alias("_siren"), pl.lit(True).alias("_personne_morale")
    )


def _establishments(raw: pl.LazyFrame, raw_units: pl.LazyFrame) -> pl.LazyFrame:
    legal_person = pl.col("_personne_morale").fill_null(False)
    located = pl.when(legal_person & (pl.col("statut_diffusion") == "O"))
    sites = (
        raw.with_columns(pl.col("siren").cast(pl.UInt32).alias("_siren"))
        .join(_legal_persons(raw_units), on="_siren", how="left", maintain_order="left")
        .with_columns(
            *(_guarded(name, legal_person) for name in (*SITE_NAMES, *STREET)),
            *(
                pl.when(pl.col("statut_diffusion") == "O")
                .then(pl.col(name))
                .otherwise(pl.lit(MASK))
                .alias(name)
                for name in POSTAL
            ),
            *(located.then(pl.col(name)).alias(name) for name in COORDINATES),
            departement_of_commune(pl.col("code_commune")).alias("departement"),
        )
    )
    return _keyed(
        sites.select(
            "siret",
            "siren",
            "nic",
            "statut_diffusion",
            "date_creation",
            "tranche_effectifs",
            "annee_effectifs",
            "siege",
            "complement_adresse",
            "numero_voie",
            "indice_repetition",
            "type_voie",
            "libelle_voie",
            "code_postal",
            "libelle_commune",
            "code_commune",
            "code_cedex",
            "libelle_cedex",
            "code_pays_etranger",
            "libelle_pays_etranger",
            "lambert_x",
            "lambert_y",
            "departement",
            "date_debut",
            "etat_administratif",
            "enseigne_1",
            "enseigne_2",
            "enseigne_3",
            "denomination_usuelle",
            "activite_principale",
            "nomenclature_activite",
            "activite_principale_naf25",
            "caractere_employeur",
            "date_dernier_traitement",
        ),
        "siret",
    )


def _successions(raw: pl.LazyFrame) -> pl.LazyFrame:
    return _keyed(
        raw.select(
            "siret_predecesseur",
            "siret_successeur",
            "date_lien",
            "transfert_siege",
            "continuite_economique",
            "date_dernier_traitement",
        ),
        "siret_predecesseur",
        "siret_successeur",
        "date_lien",
    )


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return the three tables of the register; see ``docs/architecture.md`` for columns.

    Unknown codes stay as they are. Rows keep the order of the files (by SIREN, SIRET).
    """
    units = raw[LEGAL_UNITS]
    return {
        "sirene__legal_units": _legal_units(units),
        "sirene__establishments": _establishments(raw[ESTABLISHMENTS], units),
        "sirene__successions": _successions(raw[SUCCESSIONS]),
    }
