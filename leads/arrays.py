"""Flat arrays on disk, read by position or by key without reading the rest.

Belongs here: mapping arrays, texts and multimaps, and the hashes they are keyed by. Does not
belong here: writing them (``array_files``), what an index holds (``index_arrays``).

A mapped array costs nothing to open and only the pages that are touched to read, so that an
index of all of France restarts at once. Keys are 64-bit hashes: two texts that share one
bring a candidate too many, never an answer, as features compare what the keys stand for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
U32 = NDArray[np.uint32]
F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]
Array = NDArray[Any]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))
#: Mark on the letter of a word that initials pass over, most of the time.
PASSED = np.uint8(32)


def text_keys(texts: pl.Series) -> U64:
    """Return a hash for each text, 0 for none.

    Polars promises its hashes for one version only: an index says which it was written
    with (:func:`probe`), and is refused under another.
    """
    hashed = texts.cast(pl.String).hash(seed=7).to_numpy().copy()
    hashed[texts.is_null().to_numpy()] = 0
    return hashed


def codes(texts: pl.Series) -> U32:
    """Return a short hash for each text, 0 for none: enough to tell two values apart."""
    keys = text_keys(texts)
    short = (keys >> np.uint64(32)).astype(np.uint32)
    short[(short == 0) & (keys != 0)] = 1
    return short


def letter_codes(texts: pl.Series) -> tuple[NDArray[np.uint8], U32]:
    """Return the number of the first letter, and the letters of a word of two to six as one.

    A is 1 and Z is 26, five bits for each letter, the first one lowest; 0 for anything else.
    """
    sized = np.array([text[:7].encode("ascii", "replace") for text in texts.to_list()], "S7")
    letters = sized.view(np.uint8).reshape(len(sized), 7).astype(np.int16) - 64
    empty = letters == -64
    letter = (letters >= 1) & (letters <= 26)
    first = np.where(letter[:, 0], letters[:, 0], 0).astype(np.uint8)
    length = 7 - empty.sum(1)
    whole = (letter | empty).all(1) & (length >= 2) & (length <= 6)
    shifts = np.arange(6, dtype=np.uint32) * np.uint32(5)
    code = (np.where(letter[:, :6], letters[:, :6], 0).astype(np.uint32) << shifts).sum(
        1, dtype=np.uint32
    )
    return first, np.where(whole, code, np.uint32(0))


def probe() -> str:
    """Return what tells that hashes are still made the same way."""
    return str(text_keys(pl.Series(["company-signals"]))[0])


def mixed(*parts: Array) -> U64:
    """Return one hash of several numbers, row by row; 0 where any of them is 0."""
    total = np.zeros(1, np.uint64)
    absent: Array = np.zeros(1, np.bool_)
    for part in parts:
        number = part.astype(np.uint64)
        absent = absent | (number == 0)
        total = (total ^ number) + _STEP
        for shift, factor in zip(_SHIFTS, (*_MIX, None), strict=True):
            total = total ^ (total >> shift)
            if factor is not None:
                total = total * factor
    return np.where(absent, np.uint64(0), np.maximum(total, np.uint64(1)))


def runs(starts: Array, counts: Array) -> I64:
    """Return ``start, start + 1, …`` for each start, ``count`` of them, one after the other."""
    counts = counts.astype(np.int64)
    first: I64 = starts.astype(np.int64) - (np.cumsum(counts) - counts)
    return np.arange(int(counts.sum()), dtype=np.int64) + np.repeat(first, counts)


def order(keys: U64, bits: int) -> I64:
    """Return the order of numbers of so many bits; equal ones stay as they were.

    With the row in the bits that are left, sorting one array of numbers gives it, several times
    faster than asking for an order.
    """
    own = max(len(keys) - 1, 0).bit_length()
    if bits + own > 64:
        return np.argsort(keys, kind="stable")
    packed = (keys << np.uint64(own)) | np.arange(len(keys), dtype=np.uint64)
    packed.sort()
    return (packed & np.uint64((1 << own) - 1)).astype(np.int64)


def distinct(keys: U64, bits: int) -> tuple[U64, I64]:
    """Return each number of so many bits once, ascending, and where each key stands in them."""
    rows = order(keys, bits)
    ordered = keys[rows]
    fresh = np.ones(len(keys), np.bool_)
    fresh[1:] = ordered[1:] != ordered[:-1]
    place = np.empty(len(keys), np.int64)
    place[rows] = np.cumsum(fresh) - 1
    return ordered[fresh], place


def turns(ordered: Array) -> I64:
    """Return the place of each value among its equals, from 0; equal values stand together."""
    place = np.arange(len(ordered))
    if not len(ordered):
        return place
    first = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    return place - np.maximum.accumulate(np.where(first, place, 0))


def read(folder: Path, name: str) -> Array:
    """Return one array, mapped."""
    mapped: Array = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    # A plain view: the subclass of memmap makes every later operation slower.
    return mapped.view(np.ndarray)


@dataclass(frozen=True)
class Texts:
    """A column of texts; none and the empty text are one.

    Attributes:
        letters: UTF-8, each text followed by a line break.
        starts: where each text begins, and the end.
    """

    letters: NDArray[np.uint8]
    starts: I64

    @classmethod
    def open(cls, folder: Path, name: str) -> Texts:
        """Map the column ``name``."""
        return cls(read(folder, f"{name}.letters"), read(folder, f"{name}.starts"))

    def of(self, rows: Array) -> list[str]:
        """Return the texts of ``rows``."""
        return self._joined(rows).decode().split("\n")[:-1]

    def without_blanks(self, rows: Array) -> list[str]:
        """Return the texts of ``rows`` written as one word each."""
        return self._joined(rows).replace(b" ", b"").decode().split("\n")[:-1]

    def _joined(self, rows: Array) -> bytes:
        if not len(rows):
            return b""
        begin = self.starts[rows]
        flat = self.letters[runs(begin, self.starts[rows.astype(np.int64) + 1] - begin)]
        return flat.tobytes()

    def series(self, name: str, rows: Array) -> pl.Series:
        """Return the texts of ``rows`` as a column, none where empty."""
        texts = pl.Series(name, self.of(rows), dtype=pl.String)
        return texts.replace("", None)


@dataclass(frozen=True)
class Multimap:
    """Numbers by key.

    Attributes:
        keys: each key once, ascending.
        starts: where the numbers of each key begin, and the end.
        ids: the numbers, ascending within a key.
    """

    keys: U64
    starts: U32
    ids: U32

    @classmethod
    def open(cls, folder: Path, name: str) -> Multimap:
        """Map the multimap ``name``."""
        return cls(*(read(folder, f"{name}.{part}") for part in ("keys", "starts", "ids")))

    def _at(self, wanted: U64) -> tuple[I64, I64]:
        """Return where the numbers of each wanted key begin, and how many there are."""
        if not len(self.keys):
            return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.int64)
        place = np.searchsorted(self.keys, wanted)
        place[place == len(self.keys)] = 0
        begin = self.starts[place].astype(np.int64)
        size = self.starts[place + 1].astype(np.int64) - begin
        size[(self.keys[place] != wanted) | (wanted == 0)] = 0
        return begin, size

    def sizes(self, wanted: U64) -> I64:
        """Return how many numbers each wanted key has."""
        return self._at(wanted)[1]

    def find(
        self, wanted: U64, *, most: int, cut: bool = False, but: Bool | None = None
    ) -> tuple[I64, U32]:
        """Return the numbers of the wanted keys.

        Args:
            wanted: keys; 0 has no numbers.
            most: a key with more numbers is left out.
            cut: its first numbers are taken instead.
            but: rows left out.

        Returns:
            Row of ``wanted``, number: one for each number found.
        """
        begin, size = self._at(wanted)
        size = np.minimum(size, most) if cut else np.where(size > most, 0, size)
        if but is not None:
            size[but] = 0
        return np.repeat(np.arange(len(wanted)), size), self.ids[runs(begin, size)]


def positions(sorted_keys: Array, wanted: Array) -> tuple[I64, Bool]:
    """Return where each wanted value stands in an ascending array, and whether it does."""
    if not len(sorted_keys):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.bool_)
    place = np.searchsorted(sorted_keys, wanted)
    place[place == len(sorted_keys)] = 0
    return place, sorted_keys[place] == wanted
