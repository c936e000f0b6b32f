"""Sit@del's four files → one row per authorisation in force, applied for by a legal person.

Belongs here: telling versions of one authorisation, cancelled ones and natural persons apart, and
putting the four files under one roof. Does not belong here: how large is large, and whether the
applicant will be the one who moves in (``activite_principale`` lets the signals do it).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

CODE_VERSION = "1"

#: Kind of the authorisations whose file does not say it: the file is the kind.
KINDS = {"amenager": "PA", "demolir": "PD"}
#: "annulé"; some third-party documentation takes it for "commencé".
CANCELLED = "4"
#: Legal category of natural persons.
NATURAL = "1"
#: The base begins in 2013; works last years, typing errors last centuries.
OLDEST, LATEST = date(2000, 1, 1), date(2099, 12, 31)
KEY = ["fichier", "type_autorisation", "numero"]
#: Columns that only some of the files have.
PARTIAL: Mapping[str, pl.DataType] = {
    "date_ouverture_chantier": pl.Date(),
    "date_achevement": pl.Date(),
    "nature_projet": pl.String(),
    "destination": pl.String(),
    "extension": pl.Boolean(),
    "surface_creee_m2": pl.Int64(),
    "surface_transformee_m2": pl.Int64(),
    "logements_crees": pl.Int64(),
    "superficie_terrain_m2": pl.Int64(),
}


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return ``sitadel__permits``; ``dataset.yml`` says its columns.

    Of several versions of one authorisation, the one authorised last is kept, then the one the
    publisher heard of last. Cancelled authorisations and applicants without SIREN are left out.
    """
    rows = pl.concat([_read(name, frame) for name, frame in raw.items()])
    last = (
        rows.sort(
            *KEY,
            "date_autorisation",
            "mois_derniere_nouvelle",
            *_rest(rows),
            descending=[False] * len(KEY) + [True] * (2 + len(_rest(rows))),
            nulls_last=True,
        )
        .unique(KEY, keep="first", maintain_order=True)
        .filter(pl.col("etat").ne_missing(pl.lit(CANCELLED)))
    )
    created, gained = (pl.col(f"surface_{one}_m2") for one in ("creee", "transformee"))
    surface = pl.when(created.is_not_null() | gained.is_not_null()).then(
        created.fill_null(0) + gained.fill_null(0)
    )
    return {
        "sitadel__permits": last.select(
            *KEY,
            "etat",
            "siren",
            pl.when(pl.col("siret").str.head(9) == pl.col("siren")).then("siret").alias("siret"),
            "denomination",
            "categorie_juridique",
            "activite_principale",
            "commune",
            "departement",
            pl.when(pl.col("code_postal").str.contains(r"^\d{5}$"))
            .then("code_postal")
            .alias("code_postal"),
            "nature_projet",
            "destination",
            "extension",
            surface.alias("surface_m2"),
            "logements_crees",
            "superficie_terrain_m2",
            "date_autorisation",
            "date_ouverture_chantier",
            "date_achevement",
            "mois_autorisation",
            "mois_derniere_nouvelle",
            pl.concat_str(KEY, separator="/").alias("record_key"),
            pl.col("mois_derniere_nouvelle").dt.offset_by("1mo").alias("publication_date"),
        ).sort(*KEY)
    }


def _rest(rows: pl.LazyFrame) -> list[str]:
    known = {*KEY, "date_autorisation", "mois_derniere_nouvelle"}
    return [name for name in rows.collect_schema().names() if name not in known]


def _read(name: str, frame: pl.LazyFrame) -> pl.LazyFrame:
    present = frame.collect_schema().names()
    kind = pl.lit(KINDS[name]) if name in KINDS else pl.col("type_autorisation")
    absent = [
        pl.lit(None, dtype=dtype).alias(column)
        for column, dtype in PARTIAL.items()
        if column not in present
    ]
    rows = frame.with_columns(*absent, fichier=pl.lit(name), type_autorisation=kind).with_columns(
        _day("date_autorisation"),
        _day("date_ouverture_chantier"),
        _day("date_achevement"),
        _month("mois_autorisation"),
        _month("mois_derniere_nouvelle"),
    )
    legal = pl.col("siren").is_not_null() & ~pl.col("categorie_juridique").str.starts_with(
        NATURAL
    ).fill_null(value=False)
    # The number alone names nothing: the same one may stand for another operation elsewhere.
    return rows.filter(legal, pl.col("type_autorisation").is_not_null()).select(
        *KEY,
        "etat",
        "siren",
        "siret",
        "denomination",
        "categorie_juridique",
        "activite_principale",
        "commune",
        "departement",
        "code_postal",
        "date_autorisation",
        "mois_autorisation",
        "mois_derniere_nouvelle",
        *PARTIAL,
    )


def _day(column: str) -> pl.Expr:
    day = pl.col(column)
    return pl.when(day.is_between(OLDEST, LATEST)).then(day).alias(column)


def _month(column: str) -> pl.Expr:
    """Read ``2024-11`` as the first day of the month."""
    return pl.col(column).str.head(7).str.to_date("%Y-%m", strict=False).alias(column)
