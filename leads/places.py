"""Comparable forms of the places a lead and an establishment name.

Belongs here: department from a code or a name, city without its dressing. Does not belong
here: whether two places agree (``features``), code tables (``sirene.nomenclatures``).
"""

from __future__ import annotations

from functools import cache

import polars as pl

from sirene.letters import fold
from sirene.nomenclatures import DEPARTEMENTS, departement_of_postcode, table, without_cedex


def plain(column: pl.Expr) -> pl.Expr:
    """Return upper-case ASCII words separated by single blanks; empty becomes null."""
    text = fold(column).str.replace_all(r"[^A-Z0-9]+", " ").str.strip_chars()
    return pl.when(text != "").then(text)


def postcode_key(column: pl.Expr) -> pl.Expr:
    """Return five digits, whatever stands around them (``F-75011``), else null."""
    return column.str.extract(r"(?:^|[^0-9])([0-9]{5})(?:[.]0+)?(?:[^0-9]|$)")


def _bare(text: pl.Expr) -> pl.Expr:
    """Drop the article in front: ``LA REUNION``, ``LE MANS``."""
    return text.str.replace("^(?:LE|LA|LES|L) ", "")


@cache
def _codes_by_name() -> dict[str, str]:
    rows = table(DEPARTEMENTS).select("code", _bare(plain(pl.col("nom"))).alias("name"))
    return {name: code for code, name in rows.iter_rows()} | {code: code for code in rows["code"]}


def department_key(column: pl.Expr) -> pl.Expr:
    """Return the code of a department typed as ``1``, ``01``, ``AIN`` or ``Ain (01)``."""
    text = plain(column)
    code = text.str.extract(r"^(?:.* )?(2[AB]|9[78][0-9]|[0-9]{1,2})$")
    code = pl.when(code.str.len_chars() == 1).then(code.str.zfill(2)).otherwise(code)
    named = _bare(text.str.replace(r" (?:2[AB]|[0-9]{2,3})$", ""))
    known = _codes_by_name()
    return pl.coalesce(
        side.replace_strict(known, default=None, return_dtype=pl.String) for side in (code, named)
    )


def city_key(column: pl.Expr) -> pl.Expr:
    """Return the commune's name without arrondissement, CEDEX, article and abbreviation."""
    text = (
        plain(without_cedex(column))
        .str.replace(r"\bARRONDISSEMENT\b", "")
        .str.replace_all(r"\b[0-9]+(?:E|EME|ER|EM)?\b", " ")
        .str.replace_all(r"\bST\b", "SAINT")
        .str.replace_all(r"\bSTE\b", "SAINTE")
        .str.replace_all(r" +", " ")
        .str.strip_chars()
    )
    return pl.when(text != "").then(_bare(text))


def place_keys(postcode: str, city: str, department: str | None) -> list[pl.Expr]:
    """Return ``postcode``, ``city``, ``department`` in comparable form.

    A department that is not given is read from the postcode.
    """
    code = postcode_key(pl.col(postcode))
    read = departement_of_postcode(code)
    given = read if department is None else pl.coalesce(department_key(pl.col(department)), read)
    return [
        code.alias("postcode"),
        city_key(pl.col(city)).alias("city"),
        given.alias("department"),
    ]
