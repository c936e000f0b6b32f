"""Names of signals: the same event gets the same name, whatever run or source saw it.

Belongs here: the hash behind ``id``, and the text forms that enter it. SHA-256 rather
than a hash of the columnar engine, for an id must outlive its versions; the rows named
here are events already selected, never bulk data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import polars as pl

from signals.segments import PIECE

#: Separates the parts of a name; no part contains it (unit separator, ASCII 31).
SEPARATOR = "\x1f"
ID_LENGTH = 32
SEQUENCE_DIGITS = 20


def hashed(parts: Sequence[str]) -> pl.Expr:
    """Return the id made of the text columns ``parts``; null parts count as empty."""
    joined = pl.concat_str([pl.col(part).fill_null("") for part in parts], separator=SEPARATOR)
    return joined.map_batches(_digests, return_dtype=pl.String)


def _digests(texts: pl.Series) -> pl.Series:
    digests = [hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH] for text in texts]
    return pl.Series(texts.name, digests, dtype=pl.String)


def numbered(rows: pl.DataFrame, first: int, source: str | None = None) -> pl.DataFrame:
    """Return ``rows`` with ``sequence`` counting up from ``first``, in their order.

    Args:
        rows: the rows.
        first: number of the first one.
        source: URI of the stream that gives the numbers, to stand in the rows too.
    """
    # Piece by piece: beside columns in many pieces a new one in one piece makes all of them be
    # copied into one, and writing that costs twice as much again.
    begins = range(0, max(rows.height, 1), PIECE)
    pieces = [_numbered(rows.slice(begin, PIECE), first + begin, source) for begin in begins]
    return pl.concat(pieces, rechunk=False)


def _numbered(rows: pl.DataFrame, first: int, source: str | None) -> pl.DataFrame:
    number = pl.int_range(first, first + rows.height, dtype=pl.Int64).cast(pl.String)
    named = rows.with_columns(sequence=number.str.zfill(SEQUENCE_DIGITS))
    if source is None:
        return named
    # A literal would be held as one value, which is one piece.
    return named.with_columns(pl.Series("source", [source]).new_from_index(0, rows.height))


def sequence_text(number: int) -> str:
    """Return ``number`` in the form of the ``sequence`` column."""
    return str(number).zfill(SEQUENCE_DIGITS)
