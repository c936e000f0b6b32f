"""Names of companies: the keys under which two spellings of one name meet.

Belongs here: the keys, as Polars expressions, and the same on one value; the name to
show. Does not belong here: comparing two names, or deciding that they are the same unit.

The raw text is never overwritten. Every key is computed by regular expressions over whole
columns, in an order that matters: elisions and dotted acronyms are read before the dots
and apostrophes that mark them disappear. The words themselves (legal forms, abbreviations)
are tables in ``nomenclatures/``; the transliteration of letters is in ``letters.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import polars as pl

from sirene.letters import fold
from sirene.nomenclatures import LEGAL_FORMS, generic_words, table

#: Keys are added to either kind of frame.
Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)

#: INSEE's mask of a value that its holder opposes (A123-96 C. com.).
MASK = "[ND]"
#: Real values that say "there is no name" (the commercial name was struck off).
NO_NAMES = (MASK, "SUPPRESSION DU NOM COMMERCIAL")

# Two private marks hold the place of a dotted initial while the dots are read.
_OPEN, _CLOSE = "\u0001", "\u0002"
# A word boundary of ASCII: the texts are folded by then, and Unicode's is ten times slower.
_EDGE = r"(?-u:\b)"
_STOP_WORDS = "A|AU|AUX|D|DE|DES|DU|EN|ET|L|LA|LE|LES|PAR|POUR|SUR"


def present(column: pl.Expr) -> pl.Expr:
    """Return the trimmed text, null where it is empty, masked or says "no name"."""
    # Not by `replace`, which takes the column into memory as a whole.
    text = column.str.strip_chars()
    return pl.when(~text.is_in(["", *NO_NAMES])).then(text)


def _spaced(column: pl.Expr) -> pl.Expr:
    return column.str.replace_all(" {2,}", " ").str.strip_chars(" ")


def _acronyms_glued(column: pl.Expr) -> pl.Expr:
    """Glue ``S.E.I.`` and ``S E I`` into ``SEI``; ``J.C. S.A.`` stays two words."""
    marked = (
        column.str.replace_all(rf"{_EDGE}([A-Z])\.", f"{_OPEN}${{1}}{_CLOSE}")
        .str.replace_all(f"{_CLOSE}{_OPEN}", "", literal=True)
        .str.replace_all(f"{_CLOSE}([A-Z]){_EDGE}", "${1}")
    )
    words = _spaced(marked.str.replace_all("[^A-Z0-9\ufffd]+", " "))
    return (
        words.str.replace_all(f"{_EDGE}([A-Z]){_EDGE}", f"{_OPEN}${{1}}{_OPEN}")
        .str.replace_all(f"{_OPEN} {_OPEN}", "", literal=True)
        .str.replace_all(_OPEN, "", literal=True)
    )


def _key(folded: pl.Expr) -> pl.Expr:
    """Return the key of an upper-case text without accents nor parentheses."""
    text = (
        folded.str.replace_all("&AMP;", "&", literal=True)
        .str.replace_all("[&+]", " ET ")
        .str.replace_all(f"{_EDGE}(?:L|D|QU) ?'", "")
        .str.replace_all("'", "", literal=True)
    )
    return _acronyms_glued(text).replace(dict.fromkeys(["", *NO_NAMES]))


def full_key(column: pl.Expr) -> pl.Expr:
    """Return the name in capitals: no accent, no punctuation, ``&`` as ``ET``.

    What stands in parentheses is another name and is left out (:func:`second_key`), unless
    the name begins with it. A broken character (U+FFFD) is kept as it is: the reader may
    take it as any letter. The key of a key is the key itself.
    """
    main = (
        fold(present(column))
        .str.replace(r"^[^A-Z0-9(]*\(([^()]*)", "${1} ")
        .str.replace_all(r"\([^()]*\)?", " ")
    )
    return _key(main)


def second_key(column: pl.Expr) -> pl.Expr:
    """Return the key of the first name in parentheses, null if there is none.

    ``Point S - Ajaccio (Auto Pneus Services Ajaccio)`` also goes by
    ``AUTO PNEUS SERVICES AJACCIO``.
    """
    return _key(fold(present(column).str.extract(r"[^ (][^(]*\(([^()]*)", 1)))


@cache
def _forms() -> tuple[pl.DataFrame, tuple[str, str, str]]:
    """Return the forms as a key holds them, and what finds them inside, in front, at the end.

    ``SOCIETE D EXERCICE …`` was written with or without its apostrophe, which elides the D.
    """
    forms = table(LEGAL_FORMS).with_columns(pl.col("form").str.replace_all(" D ", " "))
    forms = forms.sort(pl.col("form").str.len_chars(), "form", descending=[True, False])
    written = forms["form"].str.replace_all(" ", " (?:D )?", literal=True)
    inside = "|".join(written.filter(forms["anywhere"] == "1"))
    edge = "|".join(written)
    return forms, (
        f"{_EDGE}(?:{inside}){_EDGE}",
        f"^(?:{edge}){_EDGE}",
        f"{_EDGE}(?:{edge})$",
    )


def legal_form(key: pl.Expr) -> pl.Expr:
    """Return the short legal form (``SAS``, ``SCI`` …) that a full key names, else null.

    A form that is also a word counts only at either end.
    """
    forms, (inside, start, end) = _forms()
    found = pl.coalesce(*(key.str.extract(f"({place})", 1) for place in (start, end, inside)))
    return found.str.replace_all(" D ", " ", literal=True).replace_strict(
        forms["form"].to_list(), forms["short"].to_list(), default=None, return_dtype=pl.String
    )


def core_key(key: pl.Expr) -> pl.Expr:
    """Return a full key without its legal forms and with its abbreviations written out.

    A name made of nothing but a legal form keeps it. ``STE`` is a company in front and a
    saint elsewhere; ``ST`` is a saint when a word follows.
    """
    _, (inside, start, end) = _forms()
    bare = key
    for pattern in (start, end, inside, start, end):
        bare = _spaced(bare.str.replace_all(pattern, " "))
    bare = pl.when(bare != "").then(bare).otherwise(key)
    saints = (
        bare.str.replace(r"^STE ", "SOCIETE ")
        .str.replace_all(r" STE ", " SAINTE ")
        .str.replace_all(r"(^| )ST ", "${1}SAINT ")
    )
    return _replaced(saints, "abbreviation", " ")


def in_figures(key: pl.Expr) -> pl.Expr:
    """Return a core key with ``2`` for ``II`` behind a word: numbers tell two units apart."""
    return _replaced(key, "numeral", "")


def _replaced(key: pl.Expr, kind: str, before: str) -> pl.Expr:
    """Replace whole words of one kind; the first one only if a blank is put ``before`` it."""
    words = generic_words().filter(pl.col("kind") == kind)
    doubled = key.str.replace_all(" ", "  ", literal=True)
    return _spaced(
        pl.concat_str(pl.lit(before), doubled, pl.lit(" ")).str.replace_many(
            [f" {word} " for word in words["word"]],
            [f" {canonical} " for canonical in words["canonical"]],
        )
    )


def glued_key(key: pl.Expr) -> pl.Expr:
    """Return a key without spaces: ``CREA BOIS`` meets ``CREABOIS`` and ``creabois.fr``."""
    return key.str.replace_all(" ", "", literal=True)


def acronym_key(key: pl.Expr) -> pl.Expr:
    """Return the initials of the words that count, null under two or over eight.

    An acronym is ambiguous by nature: it finds candidates, it never proves one.
    """
    kept = key.str.replace_all(f"{_EDGE}(?:{_STOP_WORDS}){_EDGE}", " ")
    initials = kept.str.replace_all(r"([A-Z0-9])[^ ]*", "${1}").str.replace_all("[ \ufffd]", "")
    return pl.when(initials.str.len_chars().is_between(2, 8)).then(initials)


def with_name_keys(frame: Frame, column: str, prefix: str = "") -> Frame:
    """Add the six keys of the names in ``column``.

    The new columns are ``full``, ``core``, ``glued``, ``acronym``, ``second`` and
    ``legal_form``, each after ``prefix``. They are computed in steps, one from the other:
    the same expressions written in one step would be computed again for each use.
    """
    full, core = f"{prefix}full", f"{prefix}core"
    return (
        frame.with_columns(
            full_key(pl.col(column)).alias(full),
            second_key(pl.col(column)).alias(f"{prefix}second"),
        )
        .with_columns(in_figures(core_key(pl.col(full))).alias(core))
        .with_columns(
            glued_key(pl.col(core)).alias(f"{prefix}glued"),
            acronym_key(pl.col(core)).alias(f"{prefix}acronym"),
            legal_form(pl.col(full)).alias(f"{prefix}legal_form"),
        )
    )


@dataclass(frozen=True)
class NameKeys:
    """The keys of one name; None where the name has no such key."""

    full: str | None
    core: str | None
    glued: str | None
    acronym: str | None
    second: str | None
    legal_form: str | None


def keys_of(name: str | None) -> NameKeys:
    """Return the keys of one name, by the same expressions as for a column."""
    frame = pl.DataFrame({"name": [name]}, schema={"name": pl.String})
    return NameKeys(**with_name_keys(frame, "name").drop("name").row(0, named=True))


def display_name(
    denomination: pl.Expr, sigle: pl.Expr | None = None, commercial: pl.Expr | None = None
) -> pl.Expr:
    """Return the name of a legal person as the annuaire des entreprises shows it.

    ``DENOMINATION (TRADE NAME) (SIGLE)`` in capitals; a part that is empty or masked is left
    out, one that repeats another is not, and without denomination there is no name. The trade
    name is the head office's ``denomination_usuelle``; neither the unit's own nor shop signs
    are shown. Names of natural persons are not built here at all.

    Source: annuaire-entreprises-data-gouv-fr, search-infra ``format_nom_complet`` and
    search-api ``nom_complet``.

    Args:
        denomination: registered name.
        sigle: acronym, masked already where the unit is under partial diffusion.
        commercial: trade name of the head office, the same for the establishment.
    """
    parts = [
        pl.concat_str(pl.lit(" ("), present(part), pl.lit(")")).fill_null("")
        for part in (commercial, sigle)
        if part is not None
    ]
    # Null where the denomination is: what stands in brackets is never a name alone.
    return pl.concat_str(present(denomination), *parts).str.to_uppercase()
