"""Public list of training bodies → one row per declaration number.

Belongs here: when a body counts as certified. Does not belong here: comparing one
publication with the next (``signals/``).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

CODE_VERSION = "1"

SCOPES = ["actions_formation", "bilans_competences", "vae", "apprentissage"]
TEXTS = ["numero_precedent", "denomination", "ville", "certifications", "specialites"]


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return ``organismes_formation__declarations``.

    A body is certified if the list of certifications is not empty, or one of the four
    scopes is said to be. Of two rows of one number the later declaration is kept.
    """
    rows = raw["organismes"]
    texts = pl.col(TEXTS).str.strip_chars()
    columns = [name for name in rows.collect_schema().names() if name != "_line"]
    others = [n for n in columns if n not in ("numero_declaration", "date_declaration")]
    return {
        "organismes_formation__declarations": (
            rows.with_columns(pl.when(texts != "").then(texts))
            .select(columns)
            .sort(
                "numero_declaration",
                "date_declaration",
                *others,
                descending=[False, True] + [False] * len(others),
                nulls_last=True,
            )
            .unique("numero_declaration", keep="first", maintain_order=True)
            .select(
                "numero_declaration",
                "numero_precedent",
                "siren",
                "siret",
                "denomination",
                "code_postal",
                "ville",
                "code_region",
                "certifications",
                pl.any_horizontal(
                    pl.col("certifications").is_not_null(), pl.col(SCOPES).fill_null(False)
                ).alias("qualiopi"),
                *SCOPES,
                "date_declaration",
                "debut_exercice",
                "fin_exercice",
                "stagiaires",
                "formateurs",
                "specialites",
                record_key=pl.col("numero_declaration"),
                publication_date=pl.lit(None, dtype=pl.Date),
            )
        )
    }
