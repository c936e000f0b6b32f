"""Keyed hashes that stand for identifiers which may not be written down.

Belongs here: the hash of a number, over whole columns, and the hash of a text. Does not
belong here: which identifiers are protected, and the key.

A key is renewed by a further one: what the earlier ones gave is hashed again under it. So hashes
that were kept follow, without the values they stand for, and a new value gives the same hash as
an old one that was hashed again. All keys are needed from then on; fewer of them find nothing.

Numbers take SipHash-2-4 (Aumasson and Bernstein, 2012), a keyed function of 64 bits made
for short inputs: written with numpy it hashes a column of the whole register in seconds,
where an HMAC per row would need a minute. Nine digits can be tried one by one, so that
without a key no hash would hide them. Texts take HMAC-SHA-256.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

Numbers = npt.NDArray[np.uint64]
#: Values hashed at a time: what the inner cache of a processor holds.
_CHUNK = 1 << 14
#: Characters kept of the hash of a text: 128 bits.
_TEXT = 32


class Pseudonyms:
    """Hashes under one key, or under several that renewed each other.

    Args:
        key: at least 16 random bytes; each kind of identifier gets a key derived from it.
        renewals: further keys, in the order in which they came.
    """

    def __init__(self, key: bytes, *renewals: bytes) -> None:
        self.keys = (key, *renewals)

    def derived(self, purpose: str) -> bytes:
        """Return the 32 bytes for one purpose, from which no key can be found.

        They follow from all keys and their order, so that fewer keys give others.
        """
        together = self.keys[0]
        for key in self.keys[1:]:
            together = _derived(key, "after " + together.hex())
        return _derived(together, purpose)

    def fingerprint(self) -> str:
        """Return what tells keys apart and helps nobody to find one, 16 hexadecimal digits."""
        return hashlib.sha256(b"fingerprint of a key\0" + b"".join(self.keys)).hexdigest()[:16]

    def text(self, kind: str, value: str) -> str:
        """Return the hash of a text, 32 hexadecimal digits."""
        return self.text_again(kind, value, known=0)

    def text_again(self, kind: str, hashed: str, *, known: int) -> str:
        """Return the hash of a text that the first ``known`` keys hashed already."""
        for key in self.keys[known:]:
            own = _derived(key, kind)
            hashed = hmac.new(own, hashed.encode(), hashlib.sha256).hexdigest()[:_TEXT]
        return hashed

    def texts(self, kind: str, values: pl.Series) -> pl.Series:
        """Return the hash of each text; each distinct one is hashed once."""
        distinct = values.drop_nulls().unique()
        made = pl.DataFrame(
            {"value": distinct, "hash": [self.text(kind, one) for one in distinct]},
            schema={"value": pl.String, "hash": pl.String},
        )
        asked = values.rename("value").to_frame()
        return asked.join(made, on="value", how="left", maintain_order="left")["hash"]

    def number(self, kind: str, value: int) -> int:
        """Return the hash of one number."""
        return int(self._hashed(kind, np.array([value], dtype=np.uint64))[0])

    def numbers_again(self, kind: str, hashed: Sequence[int], *, known: int) -> list[int]:
        """Return the hashes of numbers that the first ``known`` keys hashed already."""
        values = np.array(hashed, dtype=np.uint64)
        return [int(one) for one in self._hashed(kind, values, known)]

    def numbers(self, kind: str, column: pl.Expr) -> pl.Expr:
        """Return the hash of each number of a column of digits; null where there is none."""
        return column.cast(pl.UInt64, strict=False).map_batches(
            lambda values: self._series(kind, values),
            return_dtype=pl.UInt64,
            is_elementwise=True,
        )

    def _series(self, kind: str, values: pl.Series) -> pl.Series:
        filled = values.fill_null(0).to_numpy()
        hashed = pl.Series(values.name, self._hashed(kind, filled), dtype=pl.UInt64)
        if not values.null_count():
            return hashed
        return pl.select(pl.when(values.is_not_null()).then(hashed)).to_series()

    def _hashed(self, kind: str, values: Numbers, known: int = 0) -> Numbers:
        halves = [np.frombuffer(_derived(key, f"number:{kind}")[:16], dtype="<u8")
                  for key in self.keys[known:]]  # fmt: skip
        result = np.empty(len(values), dtype=np.uint64)
        for start in range(0, len(values), _CHUNK):
            part = values[start : start + _CHUNK]
            for low, high in halves:
                part = siphash(part, int(low), int(high))
            result[start : start + _CHUNK] = part
        return result


def _derived(key: bytes, purpose: str) -> bytes:
    return hmac.new(key, purpose.encode(), hashlib.sha256).digest()


def siphash(values: Numbers, low: int, high: int) -> Numbers:
    """Return SipHash-2-4 of each value, taken as eight bytes, under the key ``low``, ``high``."""
    state = [
        np.full(len(values), start, dtype=np.uint64)
        for start in (
            low ^ 0x736F6D6570736575,
            high ^ 0x646F72616E646F6D,
            low ^ 0x6C7967656E657261,
            high ^ 0x7465646279746573,
        )
    ]
    # The last block carries the length of the input, eight bytes, in its highest byte.
    for block in (values, np.uint64(8 << 56)):
        state[3] ^= block
        _rounds(state, 2)
        state[0] ^= block
    state[2] ^= np.uint64(0xFF)
    _rounds(state, 4)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _rounds(state: list[Numbers], count: int) -> None:
    for _ in range(count):
        _half(state, 0, 1, 13)
        _turn(state, 0, 32)
        _half(state, 2, 3, 16)
        _half(state, 0, 3, 21)
        _half(state, 2, 1, 17)
        _turn(state, 2, 32)


def _half(state: list[Numbers], left: int, right: int, bits: int) -> None:
    state[left] += state[right]
    _turn(state, right, bits)
    state[right] ^= state[left]


def _turn(state: list[Numbers], place: int, bits: int) -> None:
    word = state[place]
    state[place] = (word << np.uint64(bits)) | (word >> np.uint64(64 - bits))
