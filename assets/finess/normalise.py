"""Legal entities with their establishments → one row per establishment.

Belongs here: taking the establishments out of their entities, and whose SIRET is whose. Does not
belong here: which of them are news (``signals/``), what a category means.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from opendata.catalogue import Luhn
from opendata.checkdigits import luhn_valid

CODE_VERSION = "1"

SIRET = Luhn(exempt_prefix="356000000", exempt_digit_sum_multiple_of=5)
#: "Adresse géographique du lieu d'exercice" (TRE_R377); others are of the reception, or of groups.
WHERE_IT_IS = "03"
ACTIVE = "A"
_DAYS = ("date_autorisation", "date_ouverture", "date_fermeture")
_WHO = ("numFinessPm", "siren", "denominationLonguePmSmsse", "statutJuridique")
_ENTITY = pl.Struct(dict.fromkeys(_WHO, pl.String))
_SITE = pl.Struct(
    {
        "informationsGeneralesEGE": pl.Struct(
            dict.fromkeys(
                (
                    "numFinessEge", "siret", "datePremiereAutorisation", "dateOuverture",
                    "dateFermeture",
                ),
                pl.String,
            )
        ),
        "categorieentiteGeographiqueExercice": pl.String,
        "adresse": pl.List(pl.Struct({"usageAdresse": pl.String, "cogCommune": pl.String})),
        "etatObjet": pl.String,
    }
)  # fmt: skip


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return ``finess__sites``: the establishments of entities with a right SIREN.

    A SIRET that is wrong, or of another company than the entity, is left out.
    """
    entity = pl.col("entite").struct.field
    named = raw["structures"].select(
        entite=pl.col("entite").str.json_decode(_ENTITY),
        site=pl.col("etablissements").str.json_decode(pl.List(_SITE)),
    )
    rows = (
        named.select(
            "site",
            numero_finess_entite=entity("numFinessPm"),
            siren=entity("siren"),
            denomination=entity("denominationLonguePmSmsse").str.strip_chars(),
            statut_juridique=entity("statutJuridique"),
        )
        .filter(luhn_valid(pl.col("siren"), Luhn(), width=9))
        .explode("site")
        .filter(pl.col("site").is_not_null())
        .unnest("site")
        .unnest("informationsGeneralesEGE")
    )
    own = luhn_valid(pl.col("siret"), SIRET, width=14) & (
        pl.col("siret").str.head(9) == pl.col("siren")
    )
    here = pl.element().filter(pl.element().struct.field("usageAdresse") == WHERE_IT_IS)
    told = rows.select(
        "numero_finess_entite",
        "siren",
        "denomination",
        "statut_juridique",
        numero_finess="numFinessEge",
        siret=pl.when(own).then("siret"),
        categorie="categorieentiteGeographiqueExercice",
        code_commune=pl.col("adresse").list.eval(here).list.first().struct.field("cogCommune"),
        active=(pl.col("etatObjet") == ACTIVE).fill_null(value=False),
        date_autorisation=_day("datePremiereAutorisation"),
        date_ouverture=_day("dateOuverture"),
        date_fermeture=_day("dateFermeture"),
    )
    return {
        "finess__sites": told.sort("numero_finess", "siren", *_DAYS, "siret", "categorie")
        .unique("numero_finess", keep="last", maintain_order=True)
        .select(
            "numero_finess",
            "numero_finess_entite",
            "siret",
            "siren",
            "denomination",
            "statut_juridique",
            "categorie",
            "code_commune",
            en_service=pl.col("active") & pl.col("date_fermeture").is_null(),
            date_autorisation="date_autorisation",
            date_ouverture="date_ouverture",
            date_fermeture="date_fermeture",
            record_key="numero_finess",
            publication_date=pl.lit(None, dtype=pl.Date),
        )
    }


def _day(column: str) -> pl.Expr:
    return pl.col(column).str.to_date("%Y-%m-%d", strict=False)
