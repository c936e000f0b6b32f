"""Grants of ADEME → one row per decision and beneficiary.

Belongs here: who is identified as a beneficiary, and what counts as an amount granted.
Does not belong here: which grants are news (``signals/``).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from opendata.catalogue import Luhn
from opendata.checkdigits import luhn_valid
from opendata.free_text import without_people

CODE_VERSION = "1"

SIRET = Luhn(exempt_prefix="356000000", exempt_digit_sum_multiple_of=5)
KEY = ["reference_decision", "siret", "date_octroi"]


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return ``aides_ademe__grants``: the beneficiaries with a right SIRET.

    Of several lines of one decision for one beneficiary and day the highest amount is
    kept: adding them up could count a grant twice.
    """
    number = pl.col("id_beneficiaire").str.replace_all(r"\s", "")
    right = (
        number.str.contains(r"^\d{14}$")
        & luhn_valid(number, SIRET, width=14)
        & luhn_valid(number.str.head(9), Luhn(), width=9)
    )
    return {
        "aides_ademe__grants": (
            raw["aides"]
            .with_columns(siret=pl.when(right).then(number))
            .filter(pl.col("siret").is_not_null())
            .select(
                pl.col("reference_decision").str.strip_chars(),
                "siret",
                pl.col("siret").str.head(9).alias("siren"),
                pl.col("nom_beneficiaire").str.strip_chars(),
                pl.col("attribuant").str.strip_chars(),
                pl.col("date_convention").alias("date_octroi"),
                pl.when(pl.col("montant") > 0).then("montant").alias("montant_eur"),
                without_people(pl.col("objet")).alias("objet"),
                pl.col("dispositif").str.strip_chars(),
                pl.col("nature").str.strip_chars(),
                publication_date=pl.lit(None, dtype=pl.Date),
            )
            .sort(
                *KEY,
                "montant_eur",
                "nom_beneficiaire",
                "objet",
                "dispositif",
                descending=[False, False, False, True, False, False, False],
                nulls_last=True,
            )
            .unique(KEY, keep="first", maintain_order=True)
            .with_columns(
                record_key=pl.concat_str(
                    pl.col("reference_decision").fill_null("-"),
                    "siret",
                    pl.col("date_octroi").cast(pl.String).fill_null("-"),
                    separator="/",
                )
            )
            .select(
                "reference_decision",
                "siret",
                "siren",
                "nom_beneficiaire",
                "attribuant",
                "date_octroi",
                "montant_eur",
                "objet",
                "dispositif",
                "nature",
                "record_key",
                "publication_date",
            )
        )
    }
