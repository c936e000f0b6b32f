"""Sirene files → the tables of the register, without natural persons' names.

Belongs here: which columns are kept. Does not belong here: what is masked and what is dropped
(``sirene/shown.py``), periods, names, duplicates and coordinates (modules of ``sirene``),
comparing two months (``sirene/changes.py``), labels of codes (``sirene/nomenclatures``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from sirene.duplicates import duplicates
from sirene.lambert import with_wgs84
from sirene.names import MASK, display_name, present
from sirene.nomenclatures import departement_of_commune, is_personne_morale
from sirene.periods import SITE_PERIODS, UNIT_PERIODS, site_periods, unit_periods
from sirene.registered_names import NAMES, registered_names
from sirene.shown import LEGAL_PERSON, Standing, guarded, with_unit

CODE_VERSION = "3"

LEGAL_UNITS = "stock-unite-legale"
ESTABLISHMENTS = "stock-etablissement"
SUCCESSIONS = "stock-etablissement-liens-succession"
UNIT_HISTORY = "stock-unite-legale-historique"
ESTABLISHMENT_HISTORY = "stock-etablissement-historique"
DUPLICATES = "stock-doublons"
Raw = Mapping[str, pl.LazyFrame]

#: Names of a unit that INSEE masks; the registered name itself stays readable.
UNIT_NAMES = ("sigle", "denomination_usuelle_1", "denomination_usuelle_2", "denomination_usuelle_3")
SITE_NAMES = ("enseigne_1", "enseigne_2", "enseigne_3", "denomination_usuelle")
STREET = (
    "complement_adresse", "numero_voie", "indice_repetition", "dernier_numero_voie",
    "indice_repetition_dernier_numero_voie", "type_voie", "libelle_voie", "distribution_speciale",
)  # fmt: skip
POSTAL = ("code_postal", "code_cedex", "libelle_cedex")
COORDINATES = ("lambert_x", "lambert_y")
_OPEN = pl.col("statut_diffusion") == "O"

UNIT_COLUMNS = (
    "siren", "statut_diffusion", "purgee", "date_creation", "sigle", "denomination",
    "denomination_usuelle_1", "denomination_usuelle_2", "denomination_usuelle_3",
    "identifiant_association", "tranche_effectifs", "annee_effectifs", "categorie_entreprise",
    "annee_categorie_entreprise", "date_dernier_traitement", "date_debut", "etat_administratif",
    "categorie_juridique", "activite_principale", "nomenclature_activite",
    "activite_principale_naf25", "nic_siege", "ess", "societe_mission", "personne_morale",
    "nom_complet",
)  # fmt: skip
SITE_COLUMNS = (
    "siret", "siren", "nic", "statut_diffusion", "date_creation", "tranche_effectifs",
    "annee_effectifs", "siege", "complement_adresse", "numero_voie", "indice_repetition",
    "dernier_numero_voie", "indice_repetition_dernier_numero_voie", "type_voie", "libelle_voie",
    "distribution_speciale", "code_postal", "libelle_commune", "libelle_commune_etranger",
    "code_commune", "code_cedex", "libelle_cedex", "code_pays_etranger",
    "libelle_pays_etranger", "lambert_x", "lambert_y", "longitude", "latitude", "departement",
    "date_debut", "etat_administratif", "enseigne_1", "enseigne_2", "enseigne_3",
    "denomination_usuelle", "activite_principale", "nomenclature_activite",
    "activite_principale_naf25", "caractere_employeur", "date_dernier_traitement",
)  # fmt: skip
SECOND_ADDRESS = (
    "complement_adresse_2", "numero_voie_2", "indice_repetition_2", "type_voie_2",
    "libelle_voie_2", "code_postal_2", "libelle_commune_2", "libelle_commune_etranger_2",
    "distribution_speciale_2", "code_commune_2", "code_cedex_2", "libelle_cedex_2",
    "code_pays_etranger_2", "libelle_pays_etranger_2",
)  # fmt: skip
LINK_COLUMNS = (
    "siret_predecesseur", "siret_successeur", "date_lien", "transfert_siege",
    "continuite_economique", "date_dernier_traitement",
)  # fmt: skip


def _keyed(rows: pl.LazyFrame, *key: str) -> pl.LazyFrame:
    """Add the publisher's key and the publication date, which the files do not carry."""
    parts = [pl.col(column).cast(pl.String).fill_null("") for column in key]
    joined = pl.concat_str(parts, separator="/") if len(parts) > 1 else parts[0]
    return rows.with_columns(
        joined.alias("record_key"),
        pl.lit(None, dtype=pl.Date).alias("publication_date"),
    )


def _legal_units(raw: Raw, _: Standing) -> pl.LazyFrame:
    legal_person = pl.col("personne_morale")
    units = (
        raw[LEGAL_UNITS]
        .with_columns(is_personne_morale(pl.col("categorie_juridique")).alias("personne_morale"))
        .with_columns(
            pl.when(legal_person).then(pl.col("denomination")).alias("denomination"),
            *(guarded(name, legal_person, _OPEN) for name in UNIT_NAMES),
        )
        .with_columns(
            (
                pl.col("siren").cast(pl.UInt64, strict=False) * 100_000
                + pl.col("nic_siege").cast(pl.UInt64, strict=False)
            ).alias("_siret")
        )
        .join(_trade_names(raw[ESTABLISHMENTS]), on="_siret", how="left", maintain_order="left")
        .with_columns(
            display_name(pl.col("denomination"), pl.col("sigle"), pl.col("_trade_name")).alias(
                "nom_complet"
            ),
        )
    )
    return _keyed(units.select(UNIT_COLUMNS), "siren")


def _trade_names(raw_sites: pl.LazyFrame) -> pl.LazyFrame:
    """Return the names that head offices trade under, where they are diffused."""
    name = present(pl.col("denomination_usuelle"))
    return raw_sites.filter(pl.col("siege") & _OPEN & name.is_not_null()).select(
        pl.col("siret").cast(pl.UInt64).alias("_siret"), name.alias("_trade_name")
    )


def _establishments(raw: Raw, standing: Standing) -> pl.LazyFrame:
    located = pl.when(pl.col(LEGAL_PERSON) & _OPEN)
    postal = pl.when(_OPEN)
    sites = with_unit(raw[ESTABLISHMENTS], standing).with_columns(
        *(guarded(name, open_to_all=_OPEN) for name in (*SITE_NAMES, *STREET)),
        *(postal.then(pl.col(name)).otherwise(pl.lit(MASK)).alias(name) for name in POSTAL),
        *(located.then(pl.col(name)).alias(name) for name in COORDINATES),
        departement_of_commune(pl.col("code_commune")).alias("departement"),
    )
    return _keyed(with_wgs84(sites).select(SITE_COLUMNS), "siret")


def _second_addresses(raw: Raw, standing: Standing) -> pl.LazyFrame:
    # INSEE masks what is empty too: of a masked second address nothing is known, not that it is.
    told = pl.any_horizontal(pl.col(SECOND_ADDRESS).is_not_null())
    sites = with_unit(raw[ESTABLISHMENTS].filter(_OPEN & told), standing)
    shown = sites.filter(LEGAL_PERSON)
    return _keyed(shown.select("siret", "siren", *SECOND_ADDRESS), "siret")


def _successions(raw: Raw, _: Standing) -> pl.LazyFrame:
    key = LINK_COLUMNS[:3]
    return _keyed(raw[SUCCESSIONS].select(LINK_COLUMNS), *key)


def _unit_periods(raw: Raw, standing: Standing) -> pl.LazyFrame:
    return unit_periods(raw[UNIT_HISTORY], standing)


def _site_periods(raw: Raw, standing: Standing) -> pl.LazyFrame:
    return site_periods(raw[ESTABLISHMENT_HISTORY], standing)


def _duplicates(raw: Raw, _: Standing) -> pl.LazyFrame:
    return duplicates(raw[DUPLICATES])


#: Table → the files it is made of, and how.
TABLES: dict[str, tuple[tuple[str, ...], Callable[[Raw, Standing], pl.LazyFrame]]] = {
    "sirene__legal_units": ((LEGAL_UNITS, ESTABLISHMENTS), _legal_units),
    "sirene__establishments": ((LEGAL_UNITS, ESTABLISHMENTS), _establishments),
    "sirene__second_addresses": ((LEGAL_UNITS, ESTABLISHMENTS), _second_addresses),
    "sirene__successions": ((SUCCESSIONS,), _successions),
    UNIT_PERIODS: ((LEGAL_UNITS, UNIT_HISTORY), _unit_periods),
    SITE_PERIODS: ((LEGAL_UNITS, ESTABLISHMENTS, ESTABLISHMENT_HISTORY), _site_periods),
    "sirene__duplicates": ((DUPLICATES,), _duplicates),
}


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return the tables of the register that ``raw`` has the files for.

    Unknown codes stay as they are. Rows keep the order of the files (by SIREN, SIRET); those
    of the histories must be in order of key and date.
    """
    made = {name: make for name, (needed, make) in TABLES.items() if set(needed) <= raw.keys()}
    masked_sites = raw[ESTABLISHMENTS] if SITE_PERIODS in made else None
    standing = Standing.of(raw[LEGAL_UNITS], masked_sites)
    return {name: make(raw, standing) for name, make in made.items()}


def further(tables: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return the names, made of tables that are written, in order and masked already."""
    return {NAMES: registered_names(tables)}
