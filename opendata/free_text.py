"""Free text that may name or reach somebody.

Belongs here: leaving out a text that shows an e-mail address, a telephone number or a person
by title. Does not belong here: columns that are personal as a whole, which are not read.
"""

from __future__ import annotations

import polars as pl

_EMAIL = r"[\w.+-]+@[\w-]+"
_PHONE = r"(?:\+33|\b0)\s?[1-9](?:[\s.-]?\d{2}){4}\b"
_PERSON = (
    r"\b(?:M\.|Mr|MR|MM\.|Mme|MME|Mmes|MMES|Mlle|MLLE|Me|Dr|DR|Monsieur|MONSIEUR|Madame|MADAME"
    r"|Mademoiselle|MADEMOISELLE|Maître|MAÎTRE|Docteur|DOCTEUR)\s+\p{Lu}"
)


def without_people(text: pl.Expr) -> pl.Expr:
    """Return ``text`` trimmed; null where it is empty or shows a person or how to reach one."""
    plain = text.str.replace_all(r"[\s\x{a0}\x{202f}]+", " ").str.strip_chars()
    shows = plain.str.contains(f"{_EMAIL}|{_PHONE}|{_PERSON}")
    return pl.when((plain != "") & shows.not_()).then(plain)
