"""What an index holds beside its tables, as far as writing and looking up must agree.

Belongs here: caps, levels of place and the keys made of them. Does not belong here: writing
(``index_sites``, ``index_names``, ``index_words``), looking leads up (``candidates``).

Names are numbered by ``name_id``, units in the order of their SIREN, words in the order of
their hash, establishments in the order of their SIRET, places from 1. ``x.starts`` and ``x``
hold lists: those of row ``i`` are ``x[starts[i]:starts[i + 1]]``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from leads import arrays
from leads.array_files import ROWS
from leads.arrays import U32, U64, Array, mixed

PLACES = ("postcode", "city", "department")
#: Number of each level of place in the keys that hold one.
LEVELS = {level: number for number, level in enumerate(PLACES, start=1)}
DIFFUSION = ("O", "P", "N")
#: A word with more names than this is looked up within a place only.
EVERYWHERE = 250
#: Names that a key may have before they are also kept by place, and most of them by place.
BUCKET = 40
#: Letters that a misspelt name still shares with the right one, within a department or not.
BEGIN_NEAR, BEGIN_FAR = 6, 8
#: Words long and rare enough to be looked up with a letter missing.
TYPO_LETTERS, TYPO_BEARERS = 5, 1000
#: Units at one address above which it is a business centre and says nothing.
NEIGHBOURS = 20
#: Establishments of a unit that are looked through one by one; of larger ones a key finds the
#: best in each place.
LOOKED_THROUGH = 16


def numbers(column: str) -> pl.Expr:
    """Return a SIREN or SIRET as a number, 0 for none: both begin with zeros at times."""
    return pl.col(column).cast(pl.UInt64, strict=False).fill_null(0)


def place_key(sirens: Array, level: int, values: U32) -> U64:
    """Return the key of a unit in a place."""
    return mixed(sirens, np.full(1, level), values)


def first_word(column: str) -> pl.Expr:
    """Return the first word of a key."""
    return pl.col(column).str.extract(r"^(\S+)")


def figures(column: str) -> pl.Expr:
    """Return the numbers in a key, in order; null if there are none."""
    found = pl.col(column).str.extract_all(r"\d+").list.sort().list.join(" ")
    return pl.when(found != "").then(found)


def without_a_letter(texts: pl.Series) -> tuple[Array, U64]:
    """Return the hash of each text with one letter missing, and of the whole text.

    Two words that differ by one letter, missing, added, changed or swapped with the next,
    have a hash in common (Garbe, SymSpell).

    Returns:
        Row of ``texts``, hash.
    """
    rows = pl.DataFrame({"text": texts, "length": texts.str.len_chars()}).with_row_index("row")
    parts = [rows.select("row", "text")]
    for place in range(int(rows["length"].max() or 0)):  # type: ignore[arg-type]
        longer = rows.filter(pl.col("length") > place)
        cut = pl.col("text").str.slice(0, place) + pl.col("text").str.slice(place + 1)
        parts.append(longer.select("row", cut.alias("text")))
    every = pl.concat(parts)
    return every["row"].to_numpy(), arrays.text_keys(every["text"])


def parts(table: Path, *columns: str | pl.Expr) -> Iterator[pl.DataFrame]:
    """Return columns of a table in parts of bounded size, in order."""
    rows = pl.scan_parquet(table, glob=False)
    total = int(rows.select(pl.len()).collect().item())
    for start in range(0, total, ROWS):
        yield rows.slice(start, ROWS).select(*columns).collect()
