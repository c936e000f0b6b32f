"""What analysts ask of the register without a table of its own.

Belongs here: queries over the tables of the register and the code tables. Does not belong
here: building the warehouse (``opendata/assembly.py``).

Addresses and the register at a date repeat columns of tables that exist: each copy would cost
gigabytes at national size, and would be one more to purge when a unit is masked. They are
views (see docs/adr).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sirene.periods import SITE_PERIODS, UNIT_PERIODS


@dataclass(frozen=True)
class View:
    """A view, or a table macro if it has parameters.

    Attributes:
        query: SQL over ``needs``.
        needs: tables that must be in the warehouse.
        comment: what it shows.
        parameters: names of the parameters, to be called as ``FROM name(DATE '2024-01-01')``.
        columns: column → meaning, where the tables do not tell.
    """

    query: str
    needs: tuple[str, ...]
    comment: str
    parameters: tuple[str, ...] = ()
    columns: dict[str, str] = field(default_factory=dict)


_ADDRESSES = """
SELECT
    e.siret, e.siren, e.siege, e.etat_administratif, e.statut_diffusion,
    e.complement_adresse, e.numero_voie, e.indice_repetition, e.dernier_numero_voie,
    e.indice_repetition_dernier_numero_voie, e.type_voie, e.libelle_voie,
    e.distribution_speciale, e.code_postal, e.libelle_commune, e.code_cedex, e.libelle_cedex,
    coalesce(e.code_cedex, e.code_postal) AS code_acheminement,
    coalesce(e.libelle_cedex, e.libelle_commune) AS libelle_acheminement,
    e.code_commune, c.code_actuel AS code_commune_actuelle, c.nom_actuel AS commune_actuelle,
    e.departement, d.nom AS nom_departement, d.region, r.nom AS nom_region,
    e.libelle_commune_etranger, e.code_pays_etranger, e.libelle_pays_etranger,
    e.lambert_x, e.lambert_y, e.longitude, e.latitude, e.publication_date, e.source_id
FROM sirene__establishments AS e
LEFT JOIN nomenclature__communes AS c ON c.code = e.code_commune
LEFT JOIN nomenclature__departements AS d ON d.code = e.departement
LEFT JOIN nomenclature__regions AS r ON r.code = d.region
"""
_CEDEX = """
SELECT code_cedex, libelle_cedex, code_commune, count(*) AS etablissements
FROM sirene__establishments
WHERE code_cedex IS NOT NULL AND code_cedex <> '[ND]' AND code_commune IS NOT NULL
GROUP BY ALL
"""
_NAF = """
SELECT activite_principale AS naf_rev2, activite_principale_naf25 AS naf_2025,
       count(*) AS etablissements
FROM sirene__establishments
WHERE nomenclature_activite = 'NAFRev2' AND activite_principale_naf25 IS NOT NULL
GROUP BY ALL
"""
_AT = """
SELECT * FROM {table}
WHERE (date_debut IS NULL OR date_debut <= day) AND (date_fin IS NULL OR date_fin >= day)
"""


def _as_of(table: str, whose: str) -> View:
    return View(
        query=_AT.format(table=table),
        needs=(table,),
        comment=f"State of each {whose} on a day, as the register knows it now "
        "/ État à une date, tel que le répertoire le connaît",
        parameters=("day",),
    )


VIEWS = {
    "sirene__addresses": View(
        query=_ADDRESSES,
        needs=("sirene__establishments",),
        comment="Addresses of establishments, with the commune of today, department, region and "
        "WGS 84 / Adresses des établissements. [ND]: masked by its holder, empty: none",
        columns={
            "code_acheminement": "CEDEX if there is one, else postcode / CEDEX, sinon code postal",
            "libelle_acheminement": "What goes with it / Libellé qui l'accompagne",
            "code_commune_actuelle": "Commune of 2026 of the code / Commune de 2026 du code",
            "commune_actuelle": "Its name / Son nom",
            "nom_departement": "Name of the department / Nom du département",
            "region": "Region / Région",
            "nom_region": "Name of the region / Nom de la région",
        },
    ),
    "sirene__cedex": View(
        query=_CEDEX,
        needs=("sirene__establishments",),
        comment="Which commune each CEDEX code serves, as establishments say / Commune des CEDEX",
        columns={"etablissements": "Establishments that say so / Établissements qui le disent"},
    ),
    "sirene__naf_correspondence": View(
        query=_NAF,
        needs=("sirene__establishments",),
        comment="NAF rév. 2 and NAF 2025 codes that INSEE gives to the same establishment; empty "
        "in files before December 2025 / Correspondance observée",
        columns={
            "naf_rev2": "Code in NAF rév. 2 / Code en NAF rév. 2",
            "naf_2025": "Code in NAF 2025 / Code en NAF 2025",
            "etablissements": "Establishments with both / Établissements ayant les deux",
        },
    ),
    "sirene__units_as_of": _as_of(UNIT_PERIODS, "legal unit"),
    "sirene__establishments_as_of": _as_of(SITE_PERIODS, "establishment"),
}
