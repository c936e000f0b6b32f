"""How detectors read the tables of grants: one row per grant and beneficiary.

Belongs here: the few columns that all of them have, under one name. Does not belong here:
which grants are news.
"""

from __future__ import annotations

import polars as pl

from signals.base import Frames

#: Tables of grants, the most telling first.
TABLES = ("aides_ademe__grants", "aides_minimis__grants", "subventions__grants")
COLUMNS = (
    "siren", "siret", "nom_beneficiaire", "attribuant", "date_octroi", "montant_eur", "objet",
    "dispositif", "record_key", "publication_date", "source_id", "_op",
)  # fmt: skip


def grants(frames: Frames) -> pl.LazyFrame:
    """Return new or corrected grants of every source, in :data:`COLUMNS`."""
    ademe, minimis, local = TABLES
    told = [frames.delta(table).select(COLUMNS) for table in (ademe, local)]
    nothing = pl.lit(None, dtype=pl.String)
    small = frames.delta(minimis).select(
        "siren",
        nothing.alias("siret"),
        "nom_beneficiaire",
        pl.col("autorite").alias("attribuant"),
        "date_octroi",
        "montant_eur",
        nothing.alias("objet"),
        pl.col("instrument_aide").alias("dispositif"),
        "record_key",
        "publication_date",
        "source_id",
        "_op",
    )
    return pl.concat([*told, small]).filter(pl.col("_op") != "removed")
