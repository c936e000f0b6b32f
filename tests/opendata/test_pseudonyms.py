"""Keyed hashes: as published, over whole columns, one kind not the other's."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from opendata.pseudonyms import Pseudonyms, siphash

KEY = b"k" * 32
MASK = (1 << 64) - 1


def reference(message: bytes, key: bytes) -> int:
    """SipHash-2-4 as the paper writes it, one input at a time."""

    def rotated(word: int, bits: int) -> int:
        return ((word << bits) | (word >> (64 - bits))) & MASK

    k = [int.from_bytes(key[at : at + 8], "little") for at in (0, 8)]
    v = [
        k[0] ^ 0x736F6D6570736575,
        k[1] ^ 0x646F72616E646F6D,
        k[0] ^ 0x6C7967656E657261,
        k[1] ^ 0x7465646279746573,
    ]

    def rounds(count: int) -> None:
        for _ in range(count):
            v[0], v[2] = (v[0] + v[1]) & MASK, (v[2] + v[3]) & MASK
            v[1], v[3] = rotated(v[1], 13) ^ v[0], rotated(v[3], 16) ^ v[2]
            v[0] = rotated(v[0], 32)
            v[2], v[0] = (v[2] + v[1]) & MASK, (v[0] + v[3]) & MASK
            v[1], v[3] = rotated(v[1], 17) ^ v[2], rotated(v[3], 21) ^ v[0]
            v[2] = rotated(v[2], 32)

    whole = len(message) // 8 * 8
    tail = message[whole:].ljust(7, b"\0") + bytes([len(message) & 0xFF])
    for at in range(0, whole + 8, 8):
        word = int.from_bytes((message[:whole] + tail)[at : at + 8], "little")
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def test_the_reference_gives_the_published_vectors() -> None:
    key = bytes(range(16))
    # Appendix A of the paper, and the eight-byte line of the authors' own vectors.
    assert reference(bytes(range(15)), key) == 0xA129CA6149BE45E5
    assert reference(bytes(range(8)), key) == 0x93F5F5799A932462


@given(st.lists(st.integers(0, MASK), min_size=1, max_size=50), st.binary(min_size=16, max_size=16))
def test_whole_columns_are_hashed_as_one_by_one(values: list[int], key: bytes) -> None:
    low, high = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    found = siphash(np.array(values, dtype=np.uint64), low, high)
    assert found.tolist() == [reference(one.to_bytes(8, "little"), key) for one in values]


def test_a_column_of_digits_is_hashed_and_nothing_else_is() -> None:
    hashes = Pseudonyms(KEY)
    frame = pl.DataFrame({"siren": ["552032534", "005410949", None, "[ND]"] * 9000})
    found = frame.select(hashes.numbers("siren", pl.col("siren"))).to_series()
    assert found[:4].to_list() == [
        hashes.number("siren", 552032534),
        hashes.number("siren", 5410949),
        None,
        None,
    ]
    streamed = frame.lazy().select(hashes.numbers("siren", pl.col("siren")))
    assert streamed.collect(engine="streaming").to_series().equals(found)


def test_a_renewed_key_finds_what_was_hashed_before_it_without_the_values() -> None:
    first, second, third = (letter * 32 for letter in (b"a", b"b", b"c"))
    one, two, three = Pseudonyms(first), Pseudonyms(first, second), Pseudonyms(first, second, third)
    kept, numbers = one.text("email", "a@b.fr"), [one.number("siren", n) for n in (5, 552032534)]
    for other, known in ((two, 1), (three, 1)):
        assert other.text_again("email", kept, known=known) == other.text("email", "a@b.fr")
        assert other.numbers_again("siren", numbers, known=known) == [
            other.number("siren", 5),
            other.number("siren", 552032534),
        ]
    # One step at a time gives the same as both at once.
    assert three.text_again("email", two.text_again("email", kept, known=1), known=2) == (
        three.text_again("email", kept, known=1)
    )


def test_fewer_keys_or_another_order_find_nothing() -> None:
    first, second = b"a" * 32, b"b" * 32
    hashes = [
        Pseudonyms(*keys)
        for keys in ((first,), (second,), (first, second), (second, first), (second, second))
    ]
    for found in (
        [one.text("email", "a@b.fr") for one in hashes],
        [one.number("siren", 552032534) for one in hashes],
        [one.derived("ledger") for one in hashes],
    ):
        assert len(set(found)) == len(hashes)


def test_kinds_and_keys_do_not_meet() -> None:
    one, other = Pseudonyms(KEY), Pseudonyms(b"o" * 32)
    assert one.number("siren", 1) != one.number("siret", 1)
    assert one.number("siren", 1) != other.number("siren", 1)
    assert one.text("email", "a@b.fr") != one.text("phone", "a@b.fr")
    assert one.text("email", "a@b.fr") != other.text("email", "a@b.fr")
    texts = one.texts("email", pl.Series(["a@b.fr", None, "a@b.fr"]))
    assert texts.to_list() == [one.text("email", "a@b.fr"), None, one.text("email", "a@b.fr")]
