"""Declarations of show promoters → one row per receipt and category.

Belongs here: who declares (legal or natural person), and the spellings of the status. Does
not belong here: when a licence ends and whether that matters (``signals/``).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from opendata.catalogue import Luhn
from opendata.checkdigits import luhn_valid

CODE_VERSION = "1"

KEY = ["numero_recepisse", "categorie"]
#: Kinds of declarant that are natural persons; everything else stated is a legal one.
NATURAL = "physique|individuel|auto-entrepreneur|micro-entrepreneur"


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return ``spectacle__licences``; natural persons have no name there."""
    number = pl.col("siren_siret").str.replace_all(r"\s", "")
    siren = pl.when(number.str.contains(r"^\d{9}(\d{5})?$")).then(number.str.head(9))
    kind = pl.col("type_declarant").str.to_lowercase().str.strip_chars()
    legal = kind.str.contains(NATURAL).not_()
    declaration = pl.col("type_declaration").str.to_lowercase()
    columns = [name for name in raw["licences"].collect_schema().names() if name != "_line"]
    return {
        "spectacle__licences": (
            raw["licences"]
            .select(columns)
            .sort(columns, nulls_last=True)
            .unique(KEY, keep="first", maintain_order=True)
            .with_columns(siren=siren, personne_morale=legal)
            .with_columns(siren=pl.when(luhn_valid(pl.col("siren"), Luhn(), width=9)).then("siren"))
            .select(
                *KEY,
                "siren",
                pl.when(pl.col("siren").is_not_null() & (number.str.len_bytes() == 14))
                .then(number)
                .alias("siret"),
                pl.when(pl.col("personne_morale"))
                .then(pl.col("raison_sociale").str.strip_chars())
                .alias("raison_sociale"),
                "personne_morale",
                pl.col("statut_recepisse").str.strip_chars().str.to_lowercase().alias("statut"),
                declaration.str.contains("renouvellement").alias("renouvellement"),
                "code_postal",
                "activite",
                "date_depot",
                "date_validite",
                record_key=pl.format("{}/{}", "numero_recepisse", pl.col("categorie").fill_null(0)),
                publication_date=pl.lit(None, dtype=pl.Date),
            )
        )
    }
