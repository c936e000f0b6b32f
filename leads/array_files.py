"""Writing the arrays of an index, in parts, so that memory does not grow with the register.

Belongs here: arrays, texts and multimaps that are appended to, and sorting more keys than
should be held twice. Does not belong here: reading them (``arrays``), which there are
(``index_sites``, ``index_names``, ``index_words``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import polars as pl
from numpy.typing import DTypeLike

from leads.arrays import I64, U32, U64, Array, mixed, runs
from opendata.files import atomic_file

#: Bytes before the numbers: room for a shape that is known at the end only.
_HEADER = 128
#: Rows that are worked on at once: what bounds memory.
ROWS = 2_000_000
#: Keys of a multimap that are sorted at once.
_SORTED = 8_000_000
#: Texts that are joined at once.
_TEXTS = 500_000


class Growing:
    """An array file that is appended to."""

    def __init__(self, out: IO[bytes], dtype: DTypeLike) -> None:
        self.dtype, self.length, self._out = np.dtype(dtype), 0, out

    def add(self, values: Array) -> None:
        """Append values."""
        self._out.write(np.ascontiguousarray(values.astype(self.dtype, copy=False)).data)
        self.length += len(values)

    def add_bytes(self, content: bytes) -> None:
        """Append values that lie in bytes already."""
        self._out.write(content)
        self.length += len(content) // self.dtype.itemsize

    @property
    def header(self) -> bytes:
        """The header of the file (``numpy.lib.format``, version 1.0), padded."""
        shape = (
            f"{{'descr': '{self.dtype.str}', 'fortran_order': False, 'shape': ({self.length},)}}"
        )
        text = shape.ljust(_HEADER - 11).encode() + b"\n"
        return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@contextmanager
def growing(folder: Path, name: str, dtype: DTypeLike) -> Iterator[Growing]:
    """Yield an array that is appended to; it has its name once it is whole."""
    with atomic_file(folder / f"{name}.npy", point="index:array") as path, path.open("wb") as out:
        array = Growing(out, dtype)
        out.write(bytes(_HEADER))
        yield array
        out.seek(0)
        out.write(array.header)


def write(folder: Path, name: str, values: Array) -> None:
    """Write one array."""
    with growing(folder, name, values.dtype) as out:
        out.add(values)


class GrowingTexts:
    """A column of texts that is appended to."""

    def __init__(self, letters: Growing, starts: Growing) -> None:
        self._letters, self._starts = letters, starts
        starts.add(np.zeros(1, np.int64))

    def add(self, texts: pl.Series) -> None:
        """Append texts; a line break within one becomes a blank."""
        clean = texts.cast(pl.String).fill_null("").str.replace_all("\n", " ", literal=True)
        for start in range(0, len(clean), _TEXTS):
            part = clean.slice(start, _TEXTS)
            ends = np.cumsum(part.str.len_bytes().to_numpy().astype(np.int64) + 1)
            self._starts.add(ends + self._letters.length)
            self._letters.add_bytes(f"{part.str.join(chr(10)).item()}\n".encode())


@contextmanager
def growing_texts(folder: Path, name: str) -> Iterator[GrowingTexts]:
    """Yield a column of texts that is appended to."""
    with (
        growing(folder, f"{name}.letters", np.uint8) as letters,
        growing(folder, f"{name}.starts", np.int64) as starts,
    ):
        yield GrowingTexts(letters, starts)


def write_texts(folder: Path, name: str, texts: Iterator[pl.Series] | list[pl.Series]) -> None:
    """Write a column of texts that comes in parts."""
    with growing_texts(folder, name) as out:
        for part in texts:
            out.add(part)


def ascending(keys: U64) -> I64:
    """Return the order of keys; equal ones stay as they were.

    Sorting one array of numbers is several times faster than asking for its order: the high
    bits of the key and the row are sorted as one number, and what shares those is put right.
    """
    bits = np.uint64(max(int(len(keys) - 1).bit_length(), 1))
    low = (np.uint64(1) << bits) - np.uint64(1)
    packed = (keys & ~low) | np.arange(len(keys), dtype=np.uint64)
    packed.sort()
    order = (packed & low).astype(np.int64)
    sorted_keys = keys[order]
    if len(keys) and (sorted_keys[1:] < sorted_keys[:-1]).any():
        # Nearly sorted already, which a stable sort takes in one pass.
        order = order[np.argsort(sorted_keys, kind="stable")]
    return order


def keys_there(keys: U64, level: int, codes: U32, place: U32) -> U64:
    """Return the hash of each key within its place, without holding more long arrays.

    Args:
        keys: one for each row.
        level: number of the level of place.
        codes: of the places.
        place: number of the place of each row.
    """
    made = np.empty(len(keys), np.uint64)
    for start in range(0, len(keys), ROWS):
        rows = slice(start, start + ROWS)
        made[rows] = mixed(keys[rows], np.full(1, level), codes[place[rows]])
    return made


def write_multimap(
    folder: Path, name: str, keys: U64, ids: U32, *, least: int = 1, most: int | None = None
) -> int:
    """Write ``ids`` by ``keys``; key 0 and repeated pairs are left out. Return how many keys.

    Args:
        folder: where.
        name: of the multimap.
        keys: one for each id.
        ids: numbers; fastest if those of one key ascend.
        least: keys with fewer numbers are left out.
        most: keys with more numbers are left out.
    """
    bits = max(-(-len(keys) // _SORTED) - 1, 0).bit_length()
    with (
        growing(folder, f"{name}.keys", np.uint64) as all_keys,
        growing(folder, f"{name}.starts", np.uint32) as all_starts,
        growing(folder, f"{name}.ids", np.uint32) as all_ids,
    ):
        all_starts.add(np.zeros(1, np.uint32))
        for part in range(1 << bits):
            # A hash is as likely to begin with one pattern of bits as with another.
            held = keys != 0
            if bits:
                held &= (keys >> np.uint64(64 - bits)) == np.uint64(part)
            rows = np.flatnonzero(held)
            key, number = keys[rows], ids[rows]
            order = ascending(key)
            if ((np.diff(number[order].astype(np.int64)) < 0) & (np.diff(key[order]) == 0)).any():
                order = np.lexsort((number, key))
            key, number = key[order], number[order]
            key, starts, counts, number = _grouped(key, number, least, most)
            all_starts.add(np.cumsum(counts) + all_ids.length)
            all_keys.add(key)
            all_ids.add(number[runs(starts, counts)])
        return all_keys.length


def _grouped(key: U64, number: U32, least: int, most: int | None) -> tuple[U64, I64, I64, U32]:
    """Return each key kept, where its numbers begin and how many they are, and the numbers."""
    fresh = np.ones(len(key), np.bool_)
    fresh[1:] = (key[1:] != key[:-1]) | (number[1:] != number[:-1])
    key, number = key[fresh], number[fresh]
    first = np.ones(len(key), np.bool_)
    first[1:] = key[1:] != key[:-1]
    starts = np.flatnonzero(first)
    counts = np.diff(np.append(starts, len(key)))
    kept = counts >= least if most is None else (counts >= least) & (counts <= most)
    starts, counts = starts[kept], counts[kept]
    return key[starts], starts, counts, number
