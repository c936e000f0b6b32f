"""Numbers drawn from an index: the same for the same index, whatever is drawn around it.

Belongs here: the hash, picks from it, and numbers with a check digit. Does not belong here:
what is drawn.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt
import polars as pl

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
SEED = 20261101
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def draw(index: I64 | U64, salt: str) -> U64:
    """Return 64 well-mixed bits for each index (splitmix64); another salt, other bits."""
    word = np.uint64(zlib.crc32(salt.encode()) * 0x1_0000_0001 ^ SEED)
    z = (index.astype(np.uint64) + word) * _GOLDEN
    z ^= z >> np.uint64(30)
    z *= _MIX[0]
    z ^= z >> np.uint64(27)
    z *= _MIX[1]
    return z ^ (z >> np.uint64(31))


def below(index: I64 | U64, salt: str, size: int) -> I64:
    """Return a number from 0 to ``size`` - 1 for each index."""
    return ((draw(index, salt) >> np.uint64(32)) * np.uint64(size) >> np.uint64(32)).astype(
        np.int64
    )


def chance(index: I64 | U64, salt: str, share: float) -> Bool:
    """Tell for each index whether it is among ``share`` of them."""
    limit = np.uint64(int(share * 2**32))
    return (draw(index, salt) >> np.uint64(32)) < limit


def pick(pool: pl.Series, index: I64 | U64, salt: str) -> pl.Series:
    """Return an element of ``pool`` for each index; its shares are those of the pool."""
    return pool.gather(below(index, salt, len(pool)))


def pick_rows(pool: pl.DataFrame, index: I64 | U64, salt: str) -> pl.DataFrame:
    """Return a row of ``pool`` for each index: columns that belong together stay so."""
    return pool[below(index, salt, pool.height)]


def _weighted(number: I64, digits: int, *, double_last: bool) -> I64:
    """Return the sum of Luhn over the digits of ``number``."""
    total = np.zeros_like(number)
    doubled = double_last
    for _ in range(digits):
        number, digit = np.divmod(number, 10)
        if doubled:
            digit = digit * 2
            digit -= 9 * (digit > 9)
        total += digit
        doubled = not doubled
    return total


def siren(base: I64) -> I64:
    """Return the SIREN numbers whose first eight digits are ``base``."""
    return base * 10 + (-_weighted(base, 8, double_last=True)) % 10


def siret(siren_number: I64, rank: I64) -> I64:
    """Return the SIRET numbers of the establishments that are number ``rank`` of their unit."""
    body = siren_number * 10_000 + rank
    return body * 10 + (-_weighted(body, 13, double_last=True)) % 10


def text(number: I64, width: int) -> pl.Series:
    """Return numbers as text of ``width`` digits."""
    return pl.Series(number).cast(pl.String).str.zfill(width)
