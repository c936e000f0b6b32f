"""Reading the text that BODACC hides its facts in, as Polars expressions.

Belongs here: persons in JSON blocks, dates, prices, identifiers and damaged accents,
whatever the notice is about. Does not belong here: which notice feeds which table, and
what a judgment means.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from opendata.catalogue import Luhn
from opendata.checkdigits import luhn_valid

#: No company date of a notice is older; what is older is a typing error.
OLDEST = date(1900, 1, 1)
#: Effects announced for more than two years after the notice are typing errors.
AHEAD = pl.col("date_parution").dt.offset_by("730d")
#: What ends the columns of every table of notices.
TAIL = ("previous_notice_id", "url", "record_key", "publication_date")
#: A business sold above this price is an amount in the wrong unit.
HIGHEST_PRICE = 10_000_000_000.0

MONTHS = {
    "janvier": "1",
    "février": "2",
    "fevrier": "2",
    "mars": "3",
    "avril": "4",
    "mai": "5",
    "juin": "6",
    "juillet": "7",
    "août": "8",
    "aout": "8",
    "septembre": "9",
    "octobre": "10",
    "novembre": "11",
    "décembre": "12",
    "decembre": "12",
}

_LETTERS = "àâäçèéêëîïôöùûüÿœæÀÂÄÇÈÉÊËÎÏÔÖÙÛÜŒÆ°«»’€²"


def _damages() -> dict[str, str]:
    """Return damaged sequence → letter, for UTF-8 that was read as Latin-1 or Windows-1252."""
    damages = {}
    for letter in _LETTERS:
        for encoding in ("latin-1", "windows-1252"):
            damages[letter.encode().decode(encoding, errors="ignore")] = letter
    # "à" is C3 A0, and the A0 (a no-break space) often became a plain space on the way.
    return {"Ã ": "à", **{broken: letter for broken, letter in damages.items() if len(broken) > 1}}


DAMAGES = _damages()


def clean(text: pl.Expr) -> pl.Expr:
    """Repair damaged accents, reduce any white space to single spaces, empty to null."""
    repaired = text.str.replace_many(list(DAMAGES), list(DAMAGES.values()))
    single = repaired.str.replace_all(r"[\s\u{a0}\u{202f}\u{200b}]+", " ").str.strip_chars()
    return pl.when(single != "").then(single)


def fold(text: pl.Expr) -> pl.Expr:
    """Return text to compare by: clean, lower case, without accents, straight apostrophes."""
    plain = clean(text).str.normalize("NFKD").str.replace_all(r"\p{M}", "")
    return plain.str.replace_all("’", "'", literal=True).str.to_lowercase()


def inside(block: str, *paths: str) -> pl.Expr:
    """Return the first of ``paths`` that the JSON text in column ``block`` has, cleaned."""
    return pl.coalesce(clean(pl.col(block).str.json_path_match(path)) for path in paths)


def to_date(text: pl.Expr, *, oldest: date = OLDEST, latest: pl.Expr) -> pl.Expr:
    """Read a date written ``2021-01-06``, ``06/01/2021`` or ``1er février 2008``.

    Args:
        text: the date as published, any white space.
        oldest: dates before this one are null.
        latest: dates after this one are null.
    """
    numbers = (
        clean(text)
        .str.to_lowercase()
        .str.replace(r"^1er\b", "1")
        .str.replace_many(list(MONTHS), list(MONTHS.values()))
        .str.replace_all(r"[ /]", "/")
    )
    read = pl.coalesce(
        numbers.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False),
        numbers.str.to_date("%d/%m/%Y", strict=False),
    )
    return pl.when(read.is_between(pl.lit(oldest), latest)).then(read)


def to_amount(text: pl.Expr) -> pl.Expr:
    """Read a French amount: ``192691,00``, ``1.250.000``, ``1 250 000,50``, ``30000.00``.

    Separators followed by exactly three digits, all through, are thousands; a single
    other one is the decimal mark; anything else is null.
    """
    bare = clean(text).str.strip_chars(" .,")
    grouped = bare.str.contains(r"^\d{1,3}([ .,]\d{3})+([.,]\d{1,2})?$")
    whole = bare.str.extract(r"^(.*?)(?:[.,]\d{1,2})?$", 1).str.replace_all(r"\D", "")
    decimals = pl.when(grouped).then(bare.str.extract(r"[.,](\d{1,2})$", 1)).fill_null("0")
    plain = bare.str.replace(",", ".", literal=True)
    number = pl.when(grouped).then(pl.concat_str(whole, pl.lit("."), decimals)).otherwise(plain)
    return number.cast(pl.Float64, strict=False)


#: In ``origineFonds`` the two formulas of the registries; free text has a few more.
PRICE = (
    r"(?i)(?:prix (?:stipul[ée] |principal |global |total )?de"
    r"|montant [ée]valu[ée] [àa])\s*(\d[\d\s\u{a0}\u{202f}.,]*?)\s*(?:euros?\b|EUR\b|€)"
)


def price(*texts: pl.Expr) -> pl.Expr:
    """Return the price in euros of the first of ``texts`` that states one.

    Other currencies (francs), zero and absurd amounts are null.
    """
    stated = pl.coalesce(to_amount(clean(text).str.extract(PRICE, 1)) for text in texts)
    return pl.when((stated > 0) & (stated <= HIGHEST_PRICE)).then(stated)


def siren(text: pl.Expr) -> pl.Expr:
    """Return the SIREN written in ``text`` with any spacing; null if its check digit is wrong."""
    digits = text.str.replace_all(r"[\s\u{a0}\u{202f}.]", "")
    right = digits.str.contains(r"^\d{9}$") & luhn_valid(digits, Luhn(), width=9)
    return pl.when(right).then(digits)


def previous_id(block: str) -> pl.Expr:
    """Return the id of the notice that this one corrects: letter, issue, number.

    Old notices leave the year out of the issue (``00000234``): it is that of the date.
    """
    letter = inside(block, "$.nomPublication").str.extract(r"\b([ABC])$", 1)
    issue = inside(block, "$.numeroParution")
    year = inside(block, "$.dateParution").str.extract(r"\b(\d{4})\b", 1)
    whole = pl.when(issue.str.starts_with("0000")).then(year + issue.str.slice(4)).otherwise(issue)
    return letter + whole + inside(block, "$.numeroAnnonce")


def persons(notices: pl.LazyFrame, block: str) -> pl.LazyFrame:
    """List the persons of a JSON block, whether ``personne`` is an object or an array.

    Args:
        notices: frame with ``notice_id`` and the column ``block``.
        block: name of a column of JSON text; what is not JSON gives no person.

    Returns:
        One row per person: notice_id, position (order of publication), is_person
        (bool; null when the notice does not say), siren (valid or null), name and
        capital_eur (of legal persons only: a natural person's name is never read).
    """
    found = notices.select(
        "notice_id", block, p=pl.col(block).str.json_path_match("$.personne"), position=pl.lit(0)
    )
    alone = found.filter(pl.col("p").str.starts_with("{"))
    # Each person is at least one object, so braces bound their number from above.
    braces = pl.col("p").str.count_matches("{", literal=True)
    listed = (
        found.filter(pl.col("p").str.starts_with("["))
        .with_columns(position=pl.int_ranges(0, braces, dtype=pl.Int32))
        .explode("position")
        .with_columns(p=pl.col(block).str.json_path_match(pl.format("$.personne[{}]", "position")))
    )
    return (
        pl.concat([alone, listed])
        .filter(pl.col("p").is_not_null())
        .with_columns(kind=inside("p", "$.typePersonne").str.to_lowercase())
        .select(
            "notice_id",
            "position",
            is_person=pl.when(pl.col("kind").is_in(["pm", "pp"])).then(pl.col("kind") == "pp"),
            siren=siren(
                inside(
                    "p",
                    "$.numeroImmatriculation.numeroIdentification",
                    "$.numeroImmatriculation.numeroIdentificationRCS",
                    "$.numeroImmatriculation[0].numeroIdentification",
                    "$.numeroImmatriculation[0].numeroIdentificationRCS",
                    "$.personneMorale.numeroImmatriculation.numeroIdentification",
                    "$.personneMorale.numeroImmatriculation.numeroIdentificationRCS",
                    "$.inscriptionRM.numeroIdentificationRM",
                )
            ),
            name=pl.when(pl.col("kind") == "pm").then(
                inside("p", "$.denomination", "$.personneMorale.denomination")
            ),
            capital_eur=pl.when(
                (pl.col("kind") == "pm")
                & fold(inside("p", "$.capital.devise")).is_in(["eur", "euro", "euros"])
            ).then(to_amount(inside("p", "$.capital.montantCapital"))),
        )
    )
