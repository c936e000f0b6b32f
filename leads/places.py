"""Comparable forms of the places a lead and an establishment name.

Belongs here: department from a code or a name, city without its dressing. Does not belong
here: whether two places agree (``features``), code tables (``sirene.nomenclatures``).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import polars as pl

from sirene.letters import fold
from sirene.nomenclatures import (
    DEPARTEMENTS,
    REGIONS,
    departement_of_postcode,
    table,
    without_cedex,
)

#: Regions until 2015 and what regions are called for short.
FORMER_REGIONS = (
    "ALSACE", "AQUITAINE", "AUVERGNE", "BASSE NORMANDIE", "BOURGOGNE", "CENTRE",
    "CHAMPAGNE ARDENNE", "FRANCHE COMTE", "HAUTE NORMANDIE", "LANGUEDOC ROUSSILLON", "LIMOUSIN",
    "LORRAINE", "MIDI PYRENEES", "NORD PAS DE CALAIS", "PICARDIE", "POITOU CHARENTES",
    "RHONE ALPES",
)  # fmt: skip
SHORT_REGIONS = (
    "IDF", "PACA", "RP", "REGION PARISIENNE", "AURA", "ARA", "HDF", "BFC", "NPDC", "CVL", "PDL",
    "REGION SUD", "SUD", "PROVENCE ALPES COTE AZUR", "COTE AZUR", "PROVINCE",
)  # fmt: skip
#: Commune cut into arrondissements, the last one, and how their postcodes begin.
_ARRONDISSEMENTS = (("PARIS", 20, "750"), ("LYON", 9, "690"), ("MARSEILLE", 16, "130"))


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


def _in_steps(column: pl.Expr, step: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    """Return ``step`` of the plain text, which is made once however often it is asked for.

    Polars repeats the folding of letters, by far the dearest part, for each use within one
    expression.
    """
    return _once(_once(column, plain), step)


def _once(column: pl.Expr, step: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    """Return ``step`` of the text, which is made once however often the step reads it."""

    def computed(texts: pl.Series) -> pl.Series:
        frame = pl.DataFrame({"text": texts.cast(pl.String)})
        return frame.select(step(pl.col("text"))).to_series()

    return column.map_batches(computed, return_dtype=pl.String, is_elementwise=True)


def department_key(column: pl.Expr) -> pl.Expr:
    """Return the code of a department typed as ``1``, ``01``, ``AIN`` or ``Ain (01)``."""
    return _in_steps(column, _department)


def _department(text: pl.Expr) -> pl.Expr:
    code = text.str.extract(r"^(?:.* )?(2[AB]|9[78][0-9]|[0-9]{1,2})$")
    code = pl.when(code.str.len_chars() == 1).then(code.str.zfill(2)).otherwise(code)
    named = _bare(text.str.replace(r" (?:2[AB]|[0-9]{2,3})$", ""))
    known = _codes_by_name()
    return pl.coalesce(
        side.replace_strict(known, default=None, return_dtype=pl.String) for side in (code, named)
    )


def city_key(column: pl.Expr) -> pl.Expr:
    """Return the commune's name without arrondissement, CEDEX, article and abbreviation."""
    return _in_steps(without_cedex(column), _city)


def _city(plain_text: pl.Expr) -> pl.Expr:
    text = (
        plain_text.str.replace(r"(?-u:\b)ARRONDISSEMENT(?-u:\b)", "")
        .str.replace_all(r"(?-u:\b)[0-9]+(?:E|EME|ER|EM)?(?-u:\b)", " ")
        .str.replace_all(r"(?-u:\b)ST(?-u:\b)", "SAINT")
        .str.replace_all(r"(?-u:\b)STE(?-u:\b)", "SAINTE")
        .str.replace_all(r" +", " ")
        .str.strip_chars()
    )
    return pl.when((text != "") & ~text.is_in(_no_cities())).then(_bare(text))


@cache
def _no_cities() -> tuple[str, ...]:
    """Return regions and the country, which people type where a commune is asked for.

    A commune that no establishment is in would speak against every candidate.
    """
    # Not the territories: Saint-Martin is the name of many communes.
    regions = table(REGIONS).filter(pl.col("zone").is_in(["metro", "drom"]))
    names = regions.select(plain(pl.col("nom"))).to_series().to_list()
    other = ("FRANCE", "FR", "FRANCE METROPOLITAINE", "2A", "2B")
    return (*names, *FORMER_REGIONS, *SHORT_REGIONS, *other)


#: Words of an address that say what kind of way it is, or nothing.
_WAYS = (
    "RUE|R|AVENUE|AV|AVE|BOULEVARD|BD|BLD|ROUTE|RTE|CHEMIN|CHE|CHEM|PLACE|PL|ALLEE|ALLEES|ALL|"
    "IMPASSE|IMP|QUAI|COURS|SQUARE|ZONE|ZI|ZA|ZAC|INDUSTRIELLE|ARTISANALE|ACTIVITE|ACTIVITES|"
    "LIEU|DIT|LIEUDIT|LD|BP|CEDEX|BIS|TER|DE|DU|DES|D|LA|LE|LES|L|ET|EN|SAINT|ST|SAINTE|STE"
)


#: Keys of an address: within its postcode, and within its commune for want of the right
#: postcode, as a company's CEDEX is not that of its street.
ADDRESSES = ("address", "address_city")


def address_keys(street: pl.Expr) -> list[pl.Expr]:
    """Return :data:`ADDRESSES`, read beside ``postcode`` and ``city`` of :func:`place_keys`."""
    door = _in_steps(street, _door)
    places = (pl.col("postcode"), pl.col("city"))
    return [
        pl.concat_str(place, door, separator=" ").alias(name)
        for name, place in zip(ADDRESSES, places, strict=True)
    ]


def _door(text: pl.Expr) -> pl.Expr:
    """Return ``<number> <longest word of the street>``, null without both.

    Abbreviations, order and what stands around differ from one register to the next; these
    two, with the place, seldom do.
    """
    number = text.str.extract(r"(?:^| )([1-9][0-9]{0,3})(?: |[A-Z] |$)")
    words = text.str.replace_all(rf"(?-u:\b)(?:{_WAYS}|[0-9]+[A-Z]*)(?-u:\b)", " ")
    letters = words.str.extract_all(r"[A-Z]{3,}")
    longest = letters.list.eval(
        pl.element().sort_by(pl.element().str.len_chars(), descending=True, maintain_order=True)
    ).list.first()
    return pl.concat_str(number, longest, separator=" ")


def place_keys(postcode: str, city: str, department: str | None) -> list[pl.Expr]:
    """Return ``postcode``, ``city``, ``department`` in comparable form.

    A postcode that is not given is read from the commune (``75008 Paris``, ``Paris 8e``), a
    department that is not given from the postcode, of which two digits are enough, or from
    such digits in the place of the commune.
    """
    code = pl.coalesce(
        postcode_key(pl.col(postcode)),
        postcode_key(pl.col(city)),
        _in_steps(pl.col(city), _arrondissement),
    )
    given = [] if department is None else [department_key(pl.col(department))]
    short = [_in_steps(pl.col(name), _department_digits) for name in (postcode, city)]
    return [
        code.alias("postcode"),
        city_key(pl.col(city)).alias("city"),
        pl.coalesce(*given, _once(code, departement_of_postcode), *short).alias("department"),
    ]


def _arrondissement(text: pl.Expr) -> pl.Expr:
    """Return the postcode of ``PARIS 8E``, ``LYON 03`` and ``PARIS CEDEX 08``."""
    number = text.str.extract(
        r"^(?:PARIS|LYON|MARSEILLE)(?: CEDEX)? 0?([1-9][0-9]?)(?:E|EME|ER|EM)?"
        r"(?: ARRONDISSEMENT)?(?: CEDEX)?$"
    ).cast(pl.Int64)
    return pl.coalesce(
        pl.when(text.str.starts_with(name) & (number <= last)).then(
            pl.format("{}{}", pl.lit(prefix), number.cast(pl.String).str.zfill(2))
        )
        for name, last, prefix in _ARRONDISSEMENTS
    )


def _department_digits(text: pl.Expr) -> pl.Expr:
    code = text.str.extract(r"^(2[AB]|97[0-9]|98[0-9]|[0-9]{2})$")
    return code.replace_strict(_codes_by_name(), default=None, return_dtype=pl.String)
