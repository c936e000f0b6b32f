"""Grant agreements in the statutory format (SCDL) → one row per decision and beneficiary.

Belongs here: who is identified as a beneficiary, what counts as an amount granted, and which of
several lines of one grant is kept, for every dataset in that format. Does not belong here: where
a file comes from (its ``dataset.yml``), which grants are news (``signals/``).

Source: arrêté du 17 novembre 2017, schéma scdl/subventions 2.1.
"""

from __future__ import annotations

import polars as pl

from opendata.catalogue import Luhn
from opendata.checkdigits import luhn_valid
from opendata.free_text import without_people

SIRET = Luhn(exempt_prefix="356000000", exempt_digit_sum_multiple_of=5)
KEY = ["reference_decision", "siret", "date_octroi"]
COLUMNS = (
    "reference_decision", "siret", "siren", "nom_beneficiaire", "attribuant", "date_octroi",
    "montant_eur", "objet", "dispositif", "nature", "record_key", "publication_date",
)  # fmt: skip


def grants(raw: pl.LazyFrame, day: pl.Expr) -> pl.LazyFrame:
    """Return the grants to beneficiaries with a right SIRET, in :data:`COLUMNS`.

    Of several lines of one decision for one beneficiary and day the highest amount is
    kept: adding them up could count a grant twice.

    Args:
        raw: rows with ``reference_decision``, ``id_beneficiaire``, ``nom_beneficiaire``,
            ``attribuant``, ``montant``, ``objet``, ``dispositif``, ``nature``.
        day: the day the grant is dated.
    """
    number = pl.col("id_beneficiaire").str.replace_all(r"\s", "")
    right = (
        number.str.contains(r"^\d{14}$")
        & luhn_valid(number, SIRET, width=14)
        & luhn_valid(number.str.head(9), Luhn(), width=9)
    )
    told = (
        raw.with_columns(siret=pl.when(right).then(number))
        .filter(pl.col("siret").is_not_null())
        .select(
            pl.col("reference_decision").str.strip_chars(),
            "siret",
            pl.col("siret").str.head(9).alias("siren"),
            pl.col("nom_beneficiaire").str.strip_chars(),
            pl.col("attribuant").str.strip_chars(),
            day.alias("date_octroi"),
            pl.when(pl.col("montant") > 0).then("montant").alias("montant_eur"),
            without_people(pl.col("objet")).alias("objet"),
            pl.col("dispositif").str.strip_chars(),
            pl.col("nature").str.strip_chars(),
            publication_date=pl.lit(None, dtype=pl.Date),
        )
    )
    first = [*KEY, "montant_eur", "nom_beneficiaire", "objet", "dispositif"]
    down = [name == "montant_eur" for name in first]
    return (
        told.sort(first, descending=down, nulls_last=True)
        .unique(KEY, keep="first", maintain_order=True)
        .with_columns(
            record_key=pl.concat_str(
                pl.col("reference_decision").fill_null("-"),
                "siret",
                pl.col("date_octroi").cast(pl.String).fill_null("-"),
                separator="/",
            )
        )
        .select(COLUMNS)
    )
