"""Register of de minimis aid → one row per aid that can be told apart.

Belongs here: who is identified as a beneficiary. Does not belong here: which aids are news,
nor adding them up over three years (``signals/``).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from opendata.catalogue import Luhn
from opendata.checkdigits import luhn_valid

CODE_VERSION = "1"

KEY = ["siren", "date_octroi", "montant_eur", "autorite", "instrument_aide"]


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return ``aides_minimis__grants``: the beneficiaries with a right SIREN.

    The register has no id of an aid: lines that nothing tells apart are one row, with
    their number in ``aides``.
    """
    number = pl.col("identifiant_beneficiaire").str.replace_all(r"\s", "")
    siren = pl.when(number.str.contains(r"^\d{9}(\d{5})?$")).then(number.str.head(9))
    rest = ["nom_beneficiaire", "regime", "secteur_aide", "operateur"]
    return {
        "aides_minimis__grants": (
            raw["aides"]
            .with_columns(siren=siren, montant_eur=pl.col("montant_esb"))
            .filter(luhn_valid(pl.col("siren"), Luhn(), width=9))
            .with_columns(pl.col("autorite", "instrument_aide", *rest).str.strip_chars())
            .group_by(KEY)
            .agg(
                *(pl.col(name).drop_nulls().min() for name in rest),
                aides=pl.len().cast(pl.Int64),
                publication_date=pl.col("date_publication").min(),
            )
            .sort(KEY, nulls_last=True)
            .select(
                "siren",
                "nom_beneficiaire",
                "date_octroi",
                "montant_eur",
                "regime",
                "instrument_aide",
                "secteur_aide",
                "autorite",
                "operateur",
                "aides",
                record_key=pl.concat_str(
                    [pl.col(name).cast(pl.String).fill_null("-") for name in KEY], separator="/"
                ),
                publication_date="publication_date",
            )
        )
    }
