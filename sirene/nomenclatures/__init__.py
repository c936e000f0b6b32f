"""Code tables of the register: labels, ranks, territories.

Belongs here: reading the tables of this folder and what follows from a code alone. Does
not belong here: anything that needs a unit. A code that no table knows keeps its value
and gets a null label: withdrawn codes live on in the register for decades.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import polars as pl

from opendata.errors import SettingsError

_FOLDER = Path(__file__).parent

TRANCHES = "tranches_effectifs"
CATEGORIES_JURIDIQUES = "categories_juridiques"
NAF_REV2 = "naf_rev2"
NAF_2025 = "naf_2025"
SECTIONS = "sections"
COMMUNES = "communes"
DEPARTEMENTS = "departements"
REGIONS = "regions"
TYPES_VOIE = "types_voie"
LEGAL_FORMS = "legal_forms"
GENERIC_WORDS = "generic_words"

#: Codes whose department has three digits, and codes that are no department: 00, Monaco
#: (postcodes 980xx), foreign countries (99xxx).
_OVERSEAS = "^(?:97[1-8]|98[4-9])"
_ELSEWHERE = "^(?:00|97[09]|98[0-3]|99)"

#: Value of ``nomenclatureActivitePrincipale*`` → table of its codes.
NAF_TABLES = {"NAFRev2": NAF_REV2, "NAF2025": NAF_2025}


@cache
def table(name: str) -> pl.DataFrame:
    """Return one code table, every column text.

    Raises:
        SettingsError: there is no such table.
    """
    path = _FOLDER / f"{name}.csv"
    if not path.is_file():
        raise SettingsError(
            f"no code table is called {name!r}",
            next_step=f"use one of {', '.join(sorted(p.stem for p in _FOLDER.glob('*.csv')))}",
        )
    return pl.read_csv(path, infer_schema=False)


def generic_words() -> pl.DataFrame:
    """Return the words of low weight: ``word``, ``canonical``, ``kind``."""
    return table(GENERIC_WORDS)


def label(code: pl.Expr, name: str) -> pl.Expr:
    """Return the French label of each code of table ``name``, null if it has none."""
    rows = table(name)
    column = "libelle" if "libelle" in rows.columns else "nom"
    if name == COMMUNES:
        rows = rows.unique("code", keep="first", maintain_order=True)
    return code.replace_strict(
        rows["code"].to_list(), rows[column].to_list(), default=None, return_dtype=pl.String
    )


def label_of(code: str | None, name: str) -> str | None:
    """Return the French label of one code of table ``name``, None if it has none."""
    if code is None:
        return None
    rows = table(name)
    found = rows.filter(pl.col("code") == code)
    column = "libelle" if "libelle" in rows.columns else "nom"
    return str(found[column][0]) if found.height else None


def tranche_rank(code: pl.Expr) -> pl.Expr:
    """Return the rank of each headcount band, 0 for ``00``; null for ``NN`` and unknown.

    ``NN`` mixes "no employee" and "not known" (94 % of the establishments with the empty
    ones), so that it compares with nothing.
    """
    codes = table(TRANCHES).filter(pl.col("code") != "NN")["code"].sort().to_list()
    return code.replace_strict(codes, list(range(len(codes))), default=None, return_dtype=pl.Int8)


def is_personne_morale(categorie_juridique: pl.Expr) -> pl.Expr:
    """Tell which legal categories are legal persons; null is not known to be one.

    INSEE's own reading: neither level 1 (individual entrepreneurs) nor level 2 (groupings
    of private law without legal personality). Codes that no table knows count as legal
    persons: the first digit decides, and it has not changed since 1973.
    Source: Insee, nomenclature des catégories juridiques, levels I; same rule in
    annuaire-entreprises-data-gouv-fr, search-infra ``is_personne_morale_insee``.
    """
    return ~categorie_juridique.str.slice(0, 1).is_in(["1", "2", ""]).fill_null(True)


def departement_of_commune(code: pl.Expr) -> pl.Expr:
    """Return the department of each commune code: ``2A``, ``75``, ``971``.

    Works on withdrawn commune codes too, as it reads the code only (five associated
    communes out of 37 000 have changed department since); null for another shape.
    """
    valid = code.str.contains(r"^(?:[0-9]{5}|2[AB][0-9]{3})$") & ~code.str.contains(_ELSEWHERE)
    overseas = code.str.contains(_OVERSEAS)
    return (
        pl.when(valid & overseas).then(code.str.slice(0, 3)).when(valid).then(code.str.slice(0, 2))
    )


def departement_of_postcode(code: pl.Expr) -> pl.Expr:
    """Return the department that each postcode announces, null for another shape.

    Corsica is told apart by the third digit (200/201 south, 202/206 north). A few hundred
    communes are served from the next department, and Saint-Barthélemy and Saint-Martin
    write 971: where a commune code is known it wins.
    """
    valid = code.str.contains("^[0-9]{5}$") & ~code.str.contains(_ELSEWHERE)
    overseas = code.str.contains(_OVERSEAS)
    corsica = code.str.starts_with("20")
    south = code.str.slice(0, 3).is_in(["200", "201"])
    return (
        pl.when(~valid)
        .then(None)
        .when(overseas)
        .then(code.str.slice(0, 3))
        .when(corsica & south)
        .then(pl.lit("2A"))
        .when(corsica)
        .then(pl.lit("2B"))
        .otherwise(code.str.slice(0, 2))
    )


def without_cedex(commune: pl.Expr) -> pl.Expr:
    """Return the place name without its CEDEX mention: ``LYON CEDEX 03`` → ``LYON``."""
    bare = commune.str.replace(r"(?i)[\s,-]*\bC[EÉ]DEX\b[\s\d]*$", "").str.strip_chars()
    return pl.when(bare != "").then(bare)
