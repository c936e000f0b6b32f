"""How detectors read ``acco__agreements``: one row per collective agreement.

Belongs here: what an agreement is about, in the few words that matter to a seller, and an
agreement as an event. Does not belong here: which agreements are news or end.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from signals.base import Signal
from signals.events import Reading, events, folded

TABLE = "acco__agreements"
#: Companies deposit them themselves; the labour administration checks the form only.
CONFIDENCE = 0.95
#: Protection sociale complémentaire: santé, prévoyance, retraite.
BENEFIT_CODES = r"\b(?:111|112|113)\b"
#: Folded words of the themes → topic, in order of precedence.
_TOPICS = (
    (
        "restructuring",
        "SAUVEGARDE DE L EMPLOI|RUPTURE CONVENTIONNELLE COLLECTIVE|ACTIVITE PARTIELLE"
        "|PERFORMANCE COLLECTIVE|LICENCIEMENT",
    ),
    ("benefits", "COMPLEMENTAIRE SANTE|PREVOYANCE|RETRAITE COMPLEMENTAIRE"),
    ("profit_sharing", "INTERESSEMENT|PARTICIPATION|EPARGNE SALARIALE|PLAN D EPARGNE"),
    ("telework", "TELETRAVAIL"),
    ("capacity", "TRAVAIL DE NUIT|TRAVAIL DU DIMANCHE|REPOS HEBDOMADAIRE|EQUIPES DE SUPPLEANCE"),
)


def topic() -> pl.Expr:
    """Return the topic that matters most of an agreement, ``other`` if none does."""
    themes = folded(pl.col("themes").fill_null(""))
    coded = pl.col("theme_codes").str.contains(BENEFIT_CODES).fill_null(False)
    said = [
        pl.when(themes.str.contains(words) | (coded if name == "benefits" else False)).then(
            pl.lit(name)
        )
        for name, words in _TOPICS
    ]
    return pl.coalesce(*said, pl.lit("other"))


def concluded() -> pl.Expr:
    """Return whether a row is an agreement or an amendment, not the end of one."""
    return pl.col("nature").is_in(["ACCORD", "AVENANT"]).fill_null(False)


def signed_on() -> pl.Expr:
    """Return the day of signature, else that of the deposit."""
    return pl.coalesce("date_texte", "date_depot")


def agreement_events(
    rows: pl.LazyFrame,
    signal: Signal,
    today: date,
    day: pl.Expr,
    titles: tuple[pl.Expr, pl.Expr],
    key: pl.Expr,
) -> pl.LazyFrame:
    """Return agreements as events of ``day``, named by ``key``."""
    reading = Reading(
        siren=pl.col("siren"),
        siret=pl.col("siret"),
        name=pl.col("raison_sociale"),
        key=[key],
        occurred=day,
        title_fr=titles[0],
        title_en=titles[1],
        after={
            "nature": pl.col("nature"),
            "themes": pl.col("themes"),
            "topic": topic(),
            "date_effet": pl.col("date_effet").cast(pl.String),
            "date_fin": pl.col("date_fin").cast(pl.String),
        },
        url=pl.col("url"),
        confidence=CONFIDENCE,
    )
    return events(rows, signal, today, reading)


def deposit() -> pl.Expr:
    """Return what names an agreement: the number of its deposit, else day and themes."""
    day = signed_on().cast(pl.String).fill_null("")
    return pl.coalesce(
        "numero", pl.concat_str([day, pl.col("theme_codes").fill_null("")], separator=" ")
    )


def about(signal: Signal) -> tuple[pl.Expr, pl.Expr]:
    """Return the titles of ``signal``, followed by the themes."""
    themes = (pl.lit(" : ") + pl.col("themes")).fill_null("")
    french = pl.concat_str([pl.lit(signal.title_fr), themes])
    return french, pl.concat_str(
        [pl.lit(signal.title_en), (pl.lit(": ") + pl.col("themes")).fill_null("")]
    )
