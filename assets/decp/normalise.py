"""Awarded public contracts → one row per contract and winning company.

Belongs here: telling contracts from their versions, winners that are French companies
from the others, and usable amounts and dates from placeholders. Does not belong here:
what an award means for a lead (a framework's amount is a ceiling, co-winners each carry
the whole amount: ``nature`` and ``winners`` let the signals do it).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from assets.decp import _official as official
from opendata.catalogue import Luhn
from opendata.checkdigits import luhn_valid

CODE_VERSION = "2"

#: La Poste has more establishments than Luhn leaves room for.
SIRET = Luhn(exempt_prefix="356000000", exempt_digit_sum_multiple_of=5)
#: decp.info itself replaces what is above by 12 311 111 111, a keyboard filler.
HIGHEST_AMOUNT = 12_311_111_110.0
#: Contracts are recorded from 40 000 € up; a symbolic euro stands for "unknown".
SYMBOLIC_AMOUNT = 1.0
#: These data are asked for since 2018; no contract still running then was older than this.
OLDEST = date(1990, 1, 1)
LATEST = date(2099, 12, 31)
#: "To be completed", "not communicated"; in names they may be real initials.
PLACEHOLDERS = ["", "CDL", "NC"]
NAMES = ["acheteur_nom", "titulaire_nom"]
#: What INSEE shows instead of the name of a natural person who is not disclosed.
MASKED = r"(?i)non.diffusible|^\[ND\]$"
#: What is read; everything that distinguishes two versions of an award.
KEPT = [
    "uid",
    "acheteur_id",
    "acheteur_nom",
    "titulaire_id",
    "titulaire_type_identifiant",
    "titulaire_nom",
    "nature",
    "type_marche",
    "code_cpv",
    "procedure",
    "montant_eur",
    "duree_mois",
    "offres_recues",
    "date_notification",
    "date_publication",
    "acheteur_departement",
    "titulaire_departement",
    "modification_id",
    "donnees_actuelles",
]
#: A row of the table.
AWARD = ["uid", "titulaire_id"]
#: What makes one version of an award newer than another, in order of authority.
NEWEST = ["donnees_actuelles", "modification_id", "date_notification", "montant_eur", "duree_mois"]


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return ``decp__awards``; see ``docs/architecture.md`` for its columns.

    A contract comes once per winner and per modification. Kept for each (uid, winner):
    the version the publisher calls current; where a cut of the file lost that column,
    the one with the highest modification number, else the latest notification, else the
    largest amount, else the longest duration. What the first version said of the date
    stays in ``date_premiere_notification``, and of amount and duration in
    ``montant_initial_eur`` and ``duree_initiale_mois``.
    """
    table = raw.get("decp")
    if table is None:
        table = pl.concat([official.versions(rows) for rows in raw.values()])
    versions = _read(table)
    rest = [name for name in KEPT if name not in {*AWARD, *NEWEST}]
    current = (
        versions.filter(pl.col("donnees_actuelles").fill_null(value=True))
        .sort(
            [*AWARD, *NEWEST, *rest],
            descending=[False] * 2 + [True] * len(NEWEST + rest),
            nulls_last=True,
        )
        .unique(AWARD, keep="first", maintain_order=True)
    )
    oldest = [name for name in NEWEST if name != "donnees_actuelles"]
    days = pl.col("date_notification").n_unique().cast(pl.Int64) - 1
    history = versions.group_by(AWARD).agg(
        date_premiere_notification=pl.col("date_notification").min(),
        montant_initial_eur=pl.col("montant_eur").sort_by(oldest, nulls_last=True).first(),
        duree_initiale_mois=pl.col("duree_mois").sort_by(oldest, nulls_last=True).first(),
        # Cuts of the file have no numbers: each other day of notification is a modification.
        modifications=pl.coalesce(pl.col("modification_id").max(), days),
        versions=pl.struct(pl.all().exclude(AWARD)).n_unique().cast(pl.Int64),
    )
    winners = current.group_by("uid").agg(winners=pl.col("titulaire_id").n_unique().cast(pl.Int64))
    return {
        "decp__awards": (
            current.filter(_is_french_company())
            .join(winners, on="uid")
            .join(history, on=AWARD)
            .select(
                "uid",
                "acheteur_id",
                "acheteur_nom",
                "titulaire_id",
                pl.col("titulaire_id").str.slice(0, 9).alias("titulaire_siren"),
                pl.when(pl.col("titulaire_nom").str.contains(MASKED))
                .then(pl.lit("[ND]"))
                .otherwise(pl.col("titulaire_nom"))
                .alias("titulaire_nom"),
                "nature",
                "type_marche",
                "code_cpv",
                "procedure",
                "montant_eur",
                "winners",
                "duree_mois",
                "offres_recues",
                "date_notification",
                "date_premiere_notification",
                "date_publication",
                "versions",
                "modifications",
                "montant_initial_eur",
                "duree_initiale_mois",
                "acheteur_departement",
                "titulaire_departement",
                pl.concat_str("uid", pl.lit("/"), "titulaire_id").alias("record_key"),
                pl.coalesce("date_publication", "date_notification").alias("publication_date"),
            )
            .sort("uid", "titulaire_id")
        )
    }


def _read(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return the versions with placeholders, absurd amounts and impossible dates null."""
    text = {name for name, dtype in rows.collect_schema().items() if dtype == pl.String}
    codes = pl.col(sorted(text.difference(NAMES))).str.strip_chars()
    amount = pl.col("montant")
    usable = (amount > SYMBOLIC_AMOUNT) & (amount <= HIGHEST_AMOUNT)
    return (
        rows.with_columns(
            pl.when(~codes.str.to_uppercase().is_in(PLACEHOLDERS)).then(codes),
            pl.col(NAMES).str.strip_chars(),
        )
        .with_columns(
            uid=pl.coalesce("uid", pl.col("acheteur_id") + pl.col("id")),
            montant_eur=pl.when(usable).then(amount),
            duree_mois=pl.when(pl.col("duree_mois") > 0).then(pl.col("duree_mois")),
            offres_recues=pl.when(pl.col("offres_recues") > 0).then(pl.col("offres_recues")),
            date_notification=_date("date_notification"),
            date_publication=_date("date_publication"),
        )
        .select(KEPT)
        .filter(pl.col("uid").is_not_null() & pl.col("titulaire_id").is_not_null())
    )


def _date(column: str) -> pl.Expr:
    """Read the day of ``2018-09-03``, ``2018-09-03+01:00`` or ``2018-09-03T00:00:00Z``."""
    read = pl.col(column).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    return pl.when(read.is_between(OLDEST, LATEST)).then(read).alias(column)


def _is_french_company() -> pl.Expr:
    """Tell whether the winner is given by a right SIRET (its type may not be published)."""
    number = pl.col("titulaire_id")
    # One real winner has a number that is right as a whole and whose SIREN is not.
    right = (
        number.str.contains(r"^\d{14}$")
        & luhn_valid(number, SIRET, width=14)
        & luhn_valid(number.str.slice(0, 9), Luhn(), width=9)
    )
    return right & (pl.col("titulaire_type_identifiant").fill_null("SIRET") == "SIRET")
