"""What the registers say of companies, as the feed carries it.

Belongs here: reading it from the tables that serve. Does not belong here: which stream
gets what (``signals.feed.registers``).
"""

from __future__ import annotations

import polars as pl

from assets import contradictions
from assets.workspace import Workspace
from signals.feed.registers import COMPANY_TABLE, CONTRADICTION_TABLE, Registers

_OF_UNIT = (
    "etat_administratif",
    "statut_diffusion",
    "personne_morale",
    "date_creation",
    "categorie_juridique",
    "categorie_entreprise",
    "annee_categorie_entreprise",
    "tranche_effectifs",
    "annee_effectifs",
    "activite_principale",
    "nomenclature_activite",
    "activite_principale_naf25",
    "ess",
    "societe_mission",
    "source_id",
)
_OF_OFFICE = ("code_commune", "libelle_commune", "departement")


def registers(workspace: Workspace) -> Registers:
    """Return what the registers say; nothing before they are loaded."""
    found = contradictions.read(workspace)
    said = CONTRADICTION_TABLE.to_frame() if found is None else found.cast(CONTRADICTION_TABLE)
    if workspace.store.current("sirene") is None:
        return Registers(contradictions=said)
    return Registers(_companies(workspace), said)


def _companies(workspace: Workspace) -> pl.LazyFrame:
    """Return one row per legal unit; where a natural person would be found is left out."""
    units = workspace.store.scan("sirene__legal_units")
    offices = workspace.store.scan("sirene__establishments").filter(pl.col("siege"))
    of_legal = pl.col("personne_morale").fill_null(False)
    office = offices.select("siren", "code_postal", *_OF_OFFICE, siret_siege="siret")
    office = office.unique("siren", keep="any")
    joined = units.select("siren", "nom_complet", *_OF_UNIT).join(office, on="siren", how="left")
    said = joined.with_columns(
        company_name=pl.when(of_legal).then("nom_complet"),
        code_postal=pl.when(of_legal).then("code_postal"),
    )
    return said.select(pl.col(name).cast(kind) for name, kind in COMPANY_TABLE.items())
