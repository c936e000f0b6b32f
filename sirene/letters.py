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


#: Texts up to which the multi-pattern search is not worth its setting up (3 ms, a text 2 µs).
FEW = 500


@cache
def _table() -> tuple[list[str], list[str]]:
    letters = {chr(code): anyascii(chr(code)).upper() for block in _BLOCKS for code in block}
    letters |= {chr(code): "" for code in range(0x0300, 0x0370)}
    letters |= {"`": "'", **_CONTROLS, **_OWN}
    return list(letters), list(letters.values())


@cache
def _translation() -> dict[int, str]:
    return str.maketrans(dict(zip(*_table(), strict=True)))


def fold(column: pl.Expr) -> pl.Expr:
    """Return the text in capitals, accents and ligatures written out in ASCII.

    U+FFFD, the trace of a broken encoding, stays: it stands for one unknown letter.
    """
    return column.map_batches(_written_out, return_dtype=pl.String, is_elementwise=True)


def _written_out(texts: pl.Series) -> pl.Series:
    """Write out a column: the search for all letters costs more to set up than a few texts."""
    if len(texts) <= FEW:
        letters = _translation()
        written = [None if text is None else text.translate(letters) for text in texts.to_list()]
        return pl.Series(texts.name, written, dtype=pl.String).str.to_uppercase()
    characters, replacements = _table()
    return (
        texts.to_frame()
        .select(pl.first().str.replace_many(characters, replacements).str.to_uppercase())
        .to_series()
    )
