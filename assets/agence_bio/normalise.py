"""Operators of organic farming → one row per operator, certified or not.

Belongs here: what the certificates of an operator come to. Does not belong here: who gained or
lost certification (``signals/``), what is received at all (``opendata/portals/agencebio.py``).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from opendata.catalogue import Luhn
from opendata.checkdigits import luhn_valid

CODE_VERSION = "1"

SIRET = Luhn(exempt_prefix="356000000", exempt_digit_sum_multiple_of=5)
#: State of a certificate in force; others are ARRETEE, SUSPENDUE, NON ENGAGEE.
HELD = "ENGAGEE"
_CERTIFICATE = pl.Struct(
    {
        "organisme": pl.String(),
        "etatCertification": pl.String(),
        "dateEngagement": pl.String(),
        "dateArret": pl.String(),
        "dateSuspension": pl.String(),
    }
)
_ACTIVITY = pl.Struct({"nom": pl.String()})


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return ``agence_bio__operators``: those with a right SIRET.

    An operator is certified as long as one certificate is in force, whatever became of others.
    """
    number = pl.col("siret").str.replace_all(r"\s", "")
    right = luhn_valid(number, SIRET, width=14) & luhn_valid(number.str.head(9), Luhn(), width=9)
    rows = (
        raw["operateurs"]
        .with_columns(siret=pl.when(number.str.contains(r"^\d{14}$") & right).then(number))
        .filter(pl.col("siret").is_not_null())
        .sort("numero_bio", "siret")
        .unique("numero_bio", keep="first", maintain_order=True)
    )
    told = (
        rows.select(
            "numero_bio",
            _one=pl.col("certificats").str.json_decode(pl.List(_CERTIFICATE)),
        )
        .explode("_one")
        .unnest("_one")
        .with_columns(_held=pl.col("etatCertification").eq(HELD).fill_null(value=False))
    )
    held = pl.col("_held")
    ended = pl.coalesce("dateArret", "dateSuspension")
    certificates = told.group_by("numero_bio").agg(
        certifie=held.any(),
        organismes=pl.col("organisme").filter(held).drop_nulls().unique().sort().str.join(", "),
        date_engagement=_day(pl.col("dateEngagement")).filter(held).max(),
        date_fin=_day(ended).filter(~held).max(),
    )
    names = pl.element().struct.field("nom")
    return {
        "agence_bio__operators": rows.join(certificates, on="numero_bio", how="left")
        .select(
            "numero_bio",
            "siret",
            pl.col("siret").str.head(9).alias("siren"),
            pl.col("raison_sociale").str.strip_chars(),
            "code_naf",
            pl.col("certifie").fill_null(value=False),
            pl.when(pl.col("organismes") != "").then("organismes").alias("organismes"),
            "date_premier_engagement",
            "date_engagement",
            pl.when(pl.col("certifie")).then(None).otherwise("date_fin").alias("date_fin"),
            pl.col("activites")
            .str.json_decode(pl.List(_ACTIVITY))
            .list.eval(names.drop_nulls().unique().sort())
            .list.join(", ")
            .alias("activites"),
            record_key=pl.col("numero_bio"),
            publication_date=pl.lit(None, dtype=pl.Date),
        )
        .sort("numero_bio")
    }


def _day(text: pl.Expr) -> pl.Expr:
    return text.str.head(10).str.to_date("%Y-%m-%d", strict=False)
