"""Professional equality index → one row per declaring company and year.

Belongs here: the publisher's spellings of "not computable" and of names, one row per
declarant. Does not belong here: what a low or falling index means (``signals/``), nor
who must declare.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

CODE_VERSION = "1"

#: Tabs, no-break and zero-width spaces come with the names as people pasted them.
BLANKS = r"[\s\u{a0}\u{200b}\u{202f}\u{feff}]+"
TEXTS = ["structure", "tranche_effectifs", "raison_sociale", "region", "departement", "nom_ues"]


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return ``egapro__declarations``; see ``docs/architecture.md`` for its columns.

    An economic and social unit (UES) declares once, under the SIREN of the declarant:
    its members have no row. A second row of the same company and year replaces one that
    has no index; between two indices the lower one is kept.
    """
    texts = pl.col(TEXTS).str.replace_all(BLANKS, " ").str.strip_chars()
    columns = ["siren", "annee", "note_index", *TEXTS]
    return {
        "egapro__declarations": (
            raw["index-egalite"]
            .with_columns(pl.when(texts != "").then(texts))
            .select(columns)
            .sort(columns, nulls_last=True)
            .unique(["siren", "annee"], keep="first", maintain_order=True)
            .select(
                "siren",
                "annee",
                "structure",
                "tranche_effectifs",
                "raison_sociale",
                "note_index",
                "region",
                "departement",
                "nom_ues",
                record_key=pl.format("{}/{}", "siren", "annee"),
                # The index of a year is due on 1 March of the next (Code du travail, D1142-5).
                publication_date=pl.date(pl.col("annee") + 1, 3, 1),
            )
        )
    }
