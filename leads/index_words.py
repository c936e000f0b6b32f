"""The words of an index: how rare each is, which names have it, what it is misspelt as.

Belongs here: the table ``tokens`` and the arrays of words. Does not belong here: names
(``index_names``), comparing words (``overlap``).
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import polars as pl

from leads import arrays, index_tables
from leads.array_files import ROWS, growing, keys_there, write, write_multimap, write_texts
from leads.arrays import F64, U32, U64, Array
from leads.index_arrays import (
    EVERYWHERE,
    LEVELS,
    PLACES,
    TYPO_BEARERS,
    TYPO_LETTERS,
    without_a_letter,
)
from leads.words import PASSED_OVER, keys_of

#: Words of which the forms that lack a letter are made at once.
_CUT = 200_000
#: Names that a word may have in a place.
_MOST = {"postcode": 1000, "city": 160, "department": 160}


class WordsOfNames:
    """The words of all names, taken in part after part and written at the end."""

    def __init__(self, folder: Path, work: Path) -> None:
        self._folder, self._work, self._files = folder, work, ExitStack()
        self._counts: list[Array] = []
        self._known: list[pl.Series] = []

    def __enter__(self) -> Self:
        self._hashes = self._files.enter_context(growing(self._work, "words", np.uint64))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._files.__exit__(kind, error, trace)

    def add(self, cores: pl.Series) -> None:
        """Take the words of more names."""
        lists = cores.str.split(" ").list.unique(maintain_order=True)
        words = lists.list.explode()
        self._counts.append(lists.list.len().to_numpy().astype(np.uint16))
        self._hashes.add(arrays.text_keys(words))
        self._known.append(words.unique())
        if len(self._known) > 8:
            self._known = [pl.concat(self._known).unique()]

    def write(self, unit: U32, place: U32) -> dict[str, int]:
        """Write the table and the arrays.

        Args:
            unit: of each name.
            place: of each name.

        Returns:
            Multimap → how many keys it has.
        """
        folder = self._folder
        texts = pl.concat([pl.Series("token", [], pl.String), *self._known]).unique()
        self._known.clear()
        keys = arrays.text_keys(texts)
        order = np.argsort(keys)
        texts, keys = texts.gather(order), keys[order]
        counts = np.concatenate([np.zeros(0, np.uint16), *self._counts])
        self._counts.clear()
        flat = self._numbered(keys)
        (self._work / "words.npy").unlink()
        owners = np.repeat(np.arange(len(counts), dtype=np.uint32), counts)
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
        write(folder, "name.words.starts", starts.astype(np.uint32))
        write(folder, "name.words", flat)
        df = _write_bearers(folder, flat, owners, unit, len(keys))
        known = pl.DataFrame({"token": texts, "df": df}).with_columns(
            index_tables.idf(pl.col("df"), max(len(arrays.read(folder, "unit.siren")), 1))
            .round(12).alias("idf")
        )  # fmt: skip
        index_tables.table(known.lazy(), folder / "tokens.parquet", ("token",))
        idf = known["idf"].to_numpy()
        _write_words(folder, keys, texts, df, idf)
        _write_weights(folder, keys, idf, flat, starts)
        found = _write_near(folder, keys, flat, owners, place)
        return {**found, "typos": _write_typos(folder, texts, known["df"])}

    def _numbered(self, keys: U64) -> U32:
        """Return the number of each word of each name."""
        hashes = arrays.read(self._work, "words")
        flat = np.empty(len(hashes), np.uint32)
        for start in range(0, len(hashes), ROWS):
            part = hashes[start : start + ROWS]
            flat[start : start + ROWS] = arrays.positions(keys, part)[0]
        return flat


def _write_bearers(folder: Path, flat: U32, owners: U32, unit: U32, words: int) -> U32:
    """Write the names that have each word; return how many units have it."""
    per_word = np.bincount(flat, minlength=words)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(per_word)])
    write(folder, "word.names.starts", starts.astype(np.uint32))
    packed = (flat.astype(np.uint64) << np.uint64(32)) | owners
    packed.sort()
    write(folder, "word.names", packed.astype(np.uint32))
    # The low half becomes the unit: what then differs is a unit that has the word.
    for start in range(0, len(packed), ROWS):
        part = packed[start : start + ROWS]
        part[:] = (part & ~np.uint64(0xFFFFFFFF)) | unit[part.astype(np.uint32)]
    packed.sort()
    fresh = np.ones(len(packed), np.bool_)
    fresh[1:] = packed[1:] != packed[:-1]
    bearers = (packed >> np.uint64(32)).astype(np.uint32)[fresh]
    return np.bincount(bearers, minlength=words).astype(np.uint32)


def _write_words(folder: Path, keys: U64, texts: pl.Series, df: U32, idf: F64) -> None:
    write(folder, "word.key", keys)
    write(folder, "word.df", df)
    write(folder, "word.idf", idf)
    write_texts(folder, "word.text", [texts])
    write(folder, "word.initials", arrays.codes(texts.str.slice(0, 2)))
    letter, letters = arrays.letter_codes(texts)
    letter[np.isin(keys, keys_of(PASSED_OVER))] |= arrays.PASSED
    write(folder, "word.letter", letter)
    write(folder, "word.letters", letters)


def _write_weights(folder: Path, keys: U64, idf: F64, flat: U32, starts: Array) -> None:
    """Write what the words of each name weigh, and which of 64 bits they set.

    The bits tell at once which words a name may share with a lead.
    """
    bit = np.left_shift(np.uint64(1), keys & np.uint64(63))
    names = len(starts) - 1
    with (
        growing(folder, "name.weight", np.float32) as weights,
        growing(folder, "name.bits", np.uint64) as bits,
    ):
        for first in range(0, names, ROWS):
            ends = starts[first : first + ROWS + 1]
            words, begin = flat[ends[0] : ends[-1]], ends[:-1] - ends[0]
            owner = np.repeat(np.arange(len(begin)), np.diff(ends))
            # Rounded: another order of summation must give the same file.
            weights.add(np.bincount(owner, weights=idf[words], minlength=len(begin)).round(5))
            bits.add(np.bitwise_or.reduceat(bit[words], begin))


def _write_near(folder: Path, keys: U64, flat: U32, owners: U32, place: U32) -> dict[str, int]:
    """Write the names of frequent words by place."""
    frequent = np.bincount(flat, minlength=len(keys))[flat] > EVERYWHERE
    flat, owners = flat[frequent], owners[frequent]
    found = {}
    for level in PLACES:
        codes = arrays.read(folder, f"place.{level}")
        near = np.empty(len(flat), np.uint64)
        for start in range(0, len(flat), ROWS):
            rows = slice(start, start + ROWS)
            near[rows] = keys_there(keys[flat[rows]], LEVELS[level], codes, place[owners[rows]])
        found[f"word_{level}"] = write_multimap(
            folder, f"word.{level}", near, owners, most=_MOST[level]
        )
    return found


def _write_typos(folder: Path, texts: pl.Series, bearers: pl.Series) -> int:
    """Write the words by each of their forms that lacks a letter."""
    letters = texts.str.len_chars()
    wanted = (letters.is_between(TYPO_LETTERS, 20) & (bearers <= TYPO_BEARERS)
              & ~texts.str.contains(r"^[0-9]+$"))  # fmt: skip
    numbers_of = np.flatnonzero(wanted.to_numpy()).astype(np.uint32)
    short = texts.filter(wanted)
    keys: list[U64] = [np.zeros(0, np.uint64)]
    words: list[U32] = [np.zeros(0, np.uint32)]
    for start in range(0, len(short), _CUT):
        row, key = without_a_letter(short.slice(start, _CUT))
        keys.append(key)
        words.append(numbers_of[start + row.astype(np.int64)])
    return write_multimap(folder, "typo", np.concatenate(keys), np.concatenate(words), most=16)
