"""Collective agreements → one row per agreement.

Belongs here: where the publisher's metadata are in its XML, and what it writes for "without
term". Does not belong here: which themes matter to whom (``signals/``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from opendata.catalogue import Luhn
from opendata.checkdigits import luhn_valid
from opendata.free_text import without_people

CODE_VERSION = "1"

SIRET = Luhn(exempt_prefix="356000000", exempt_digit_sum_multiple_of=5)
#: Agreements without term end "2999-01-01"; no real one lasts so long.
NEVER = date(2100, 1, 1)
#: The obligation to publish begins with agreements of that day (décret 2017-752).
OLDEST = date(2017, 9, 1)
#: Path of an agreement on that list; its office document has another line.
WITHDRAWN = r"ACCO/TEXT/(?:.*/)?(ACCOTEXT\d+)"
SPECIFIC = "META_SPEC.META_ACCO"


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return ``acco__agreements``; an employer without a right SIRET has no number.

    An agreement on the list of those withdrawn from publication is a row of its id alone,
    whether it was delivered in the same window or before.
    """
    themes = pl.col("meta").str.json_path_match(f"$.{SPECIFIC}.THEMES")
    number = _text(f"{SPECIFIC}.SIRET").str.replace_all(r"\s", "")
    right = (
        number.str.contains(r"^\d{14}$")
        & luhn_valid(number, SIRET, width=14)
        & luhn_valid(number.str.head(9), Luhn(), width=9)
    )
    read = raw["accords"].select(
        agreement_id=pl.coalesce(_text("META_COMMUN.ID"), pl.col("line").str.extract(WITHDRAWN)),
        numero=_text(f"{SPECIFIC}.NUMERO"),
        nature=_text("META_COMMUN.NATURE").str.to_uppercase(),
        titre=without_people(_text(f"{SPECIFIC}.TITRE_TXT")),
        siret=pl.when(right).then(number),
        siren=pl.when(right).then(number.str.head(9)),
        raison_sociale=_text(f"{SPECIFIC}.RAISON_SOCIALE"),
        code_ape=_text(f"{SPECIFIC}.CODE_APE"),
        code_idcc=_text(f"{SPECIFIC}.CODE_IDCC"),
        code_postal=_text(f"{SPECIFIC}.ADRESSE_POSTALE.CODE_POSTAL"),
        theme_codes=_all(themes, "CODE", ","),
        themes=_all(themes, "LIBELLE", " | "),
        date_texte=_date("DATE_TEXTE"),
        date_depot=_date("DATE_DEPOT"),
        date_effet=_date("DATE_EFFET"),
        date_fin=_date("DATE_FIN"),
        withdrawn=pl.col("meta").is_null(),
        publication_date=_date("DATE_DIFFUSION"),
    )
    columns = read.collect_schema().names()
    return {
        "acco__agreements": (
            read.filter(pl.col("agreement_id").is_not_null())
            # Of two deliveries of one agreement the later one counts, of all its withdrawal.
            .sort("agreement_id", "withdrawn", "publication_date", *columns, nulls_last=True)
            .unique("agreement_id", keep="last", maintain_order=True)
            .select(
                *columns[:-1],
                url=pl.format("https://www.legifrance.gouv.fr/acco/id/{}", "agreement_id"),
                record_key="agreement_id",
                publication_date="publication_date",
            )
        )
    }


def _text(path: str) -> pl.Expr:
    found = pl.col("meta").str.json_path_match(f"$.{path}").str.strip_chars()
    return pl.when(found != "").then(found)


def _date(name: str) -> pl.Expr:
    day = _text(f"{SPECIFIC}.{name}").str.to_date("%Y-%m-%d", strict=False)
    return pl.when(day.is_between(OLDEST, NEVER, closed="left")).then(day)


def _all(themes: pl.Expr, name: str, separator: str) -> pl.Expr:
    """Return the values of ``name`` in one theme or a list of them, as one text."""
    values = themes.str.extract_all(rf'"{name}":"(?:[^"\\]|\\.)*"')
    plain = values.list.eval(
        pl.element()
        .str.strip_prefix(f'"{name}":"')
        .str.strip_suffix('"')
        .str.replace_all('\\"', '"', literal=True)
        .str.strip_chars()
    )
    joined = plain.list.join(separator)
    return pl.when(joined != "").then(joined)
