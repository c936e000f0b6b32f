"""RGE list → one row per establishment, qualification and field of work.

Belongs here: which of several periods of one qualification counts, and the rows that
bodies left from their trials. Does not belong here: what an expiry or an absence means
(``signals/``).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

CODE_VERSION = "1"

KEY = ["siret", "code_qualification", "domaine"]
#: Names under which bodies try their transmissions.
TRIAL = r"(?i)^\s*TEST\s*\d*\s*$"


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return ``rge__qualifications``, the period that ends last for each key.

    An end before its beginning is unknown, and so is the beginning.
    """
    rows = raw["qualifications"].filter(
        pl.col("nom_entreprise").str.contains(TRIAL).fill_null(False).not_()
    )
    reversed_ = (pl.col("date_fin") < pl.col("date_debut")).fill_null(False)
    columns = [name for name in rows.collect_schema().names() if name != "_line"]
    others = [name for name in columns if name not in (*KEY, "date_fin", "date_debut")]
    return {
        "rge__qualifications": (
            rows.with_columns(
                pl.when(reversed_.not_()).then(pl.col("date_debut", "date_fin")),
                pl.col("code_qualification", "domaine").str.strip_chars(),
            )
            .select(columns)
            # A total order, so that the row kept does not depend on that of the pages.
            .sort(
                *KEY,
                "date_fin",
                "date_debut",
                *others,
                descending=[False] * 3 + [True] * 2 + [False] * len(others),
                nulls_last=True,
            )
            .unique(KEY, keep="first", maintain_order=True)
            .select(
                "siret",
                pl.col("siret").str.head(9).alias("siren"),
                "nom_entreprise",
                "code_postal",
                "commune",
                "code_qualification",
                "nom_qualification",
                "nom_certificat",
                "domaine",
                "meta_domaine",
                "organisme",
                "particulier",
                "date_debut",
                "date_fin",
                record_key=pl.concat_str(pl.col(KEY).fill_null("-"), separator="/"),
                publication_date=pl.lit(None, dtype=pl.Date),
            )
        )
    }
