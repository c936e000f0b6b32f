"""Letters: every character of a French text to capital ASCII.

Belongs here: the transliteration table and the expression that applies it. The table is
anyascii's (ISC licence) over the Latin, Greek, Cyrillic and punctuation blocks, taken once
per process, so that a column of thirty million names costs one multi-pattern pass and no
Python call per row. Letters of other scripts stay as they are.
"""

from __future__ import annotations

from functools import cache

import polars as pl
from anyascii import anyascii

#: Unicode blocks written out: Latin-1 to Cyrillic supplement (with combining accents),
#: Latin Extended Additional, punctuation to letter-like symbols, ligatures, full-width forms.
_BLOCKS = (
    range(0x00A0, 0x0530),
    range(0x1E00, 0x1F00),
    range(0x2000, 0x2150),
    range(0xFB00, 0xFB07),
    range(0xFF01, 0xFF5F),
)
#: Kept out of anyascii's own choice: what separates words must not vanish or become a letter.
_OWN = {"\u00a0": " ", "\u00b0": " ", "\u00b4": "'", "\u00b7": " ", "\u2122": " ", "\u00ae": " "}
_CONTROLS = {chr(code): " " for code in (*range(0x20), 0x7F)}


@cache
def _table() -> tuple[list[str], list[str]]:
    letters = {chr(code): anyascii(chr(code)).upper() for block in _BLOCKS for code in block}
    letters |= {chr(code): "" for code in range(0x0300, 0x0370)}
    letters |= {"`": "'", **_CONTROLS, **_OWN}
    return list(letters), list(letters.values())


def fold(column: pl.Expr) -> pl.Expr:
    """Return the text in capitals, accents and ligatures written out in ASCII.

    U+FFFD, the trace of a broken encoding, stays: it stands for one unknown letter.
    """
    characters, replacements = _table()
    return column.str.replace_many(characters, replacements).str.to_uppercase()
