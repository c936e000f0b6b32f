"""Check digits on whole columns.

Belongs here: arithmetic that tells a mistyped identifier from a real one, as Polars
expressions. Does not belong here: what an identifier looks like (``dataset.yml``) or
what it stands for (``sirene/``).

Source: ISO/IEC 7812-1 annex B (Luhn). INSEE gives La Poste (SIREN 356000000) more
establishments than Luhn leaves room for: there the sum of the digits is a multiple of 5.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from opendata.catalogue import Luhn

#: Longest number of digits an Int64 holds whatever the digits are.
MAX_DIGITS = 18
_Numbers = npt.NDArray[np.uint64]
_FIXED_WIDTH = re.compile(r"\^?(?:\\d|\[0-9\])\{(\d+)\}\$?")


def fixed_width(pattern: str | None) -> int | None:
    """Return the number of digits that a pattern such as ``[0-9]{14}`` fixes, if it does."""
    match = _FIXED_WIDTH.fullmatch(pattern) if pattern else None
    return int(match[1]) if match else None


def width_of(pattern: str | None) -> int:
    """Return the number of digits a pattern such as ``[0-9]{14}`` fixes, else the longest."""
    return min(fixed_width(pattern) or MAX_DIGITS, MAX_DIGITS)


def luhn_valid(text: pl.Expr, rule: Luhn, *, width: int = MAX_DIGITS) -> pl.Expr:
    """Tell which values satisfy the check digit.

    Args:
        text: a String expression.
        rule: which prefix follows another rule than Luhn, and which.
        width: number of digits looked at; a longer value is not valid.

    Returns:
        Boolean; null where ``text`` is null, false where it is not made of 1 to ``width``
        ASCII digits.
    """
    # On whole batches rather than as one expression: a table of four digits at a time takes a
    # quarter of the time.
    return text.map_batches(
        lambda values: _luhn(values, rule, width),
        return_dtype=pl.Boolean,
        is_elementwise=True,
    )


def _luhn(text: pl.Series, rule: Luhn, width: int) -> pl.Series:
    """Compute the check digit of a batch.

    A leading digit that is absent counts as 0, so that one formula serves every length.
    """
    number = text.cast(pl.UInt64, strict=False)
    valid = pl.Series(_total(number, _LUHN_OF_FOUR) % 10 == 0)
    if rule.exempt_prefix is not None:
        exempt = text.str.starts_with(rule.exempt_prefix)
        if rule.exempt_digit_sum_multiple_of is not None and exempt.any():
            digit_sum = pl.Series(_total(number, _SUM_OF_FOUR))
            exempt = exempt & (digit_sum % rule.exempt_digit_sum_multiple_of == 0)
        valid = valid | exempt
    digits = number.is_not_null() | text.is_null()
    return valid & digits & (text.str.len_bytes() <= width) & ~text.str.starts_with("+")


def _each_of_four(digit: Callable[[_Numbers, int], _Numbers]) -> npt.NDArray[np.uint16]:
    """Return for each number of four digits what its digits add up to, from the right."""
    numbers = np.arange(10_000, dtype=np.uint64)
    found = sum(digit(numbers // np.uint64(10**place) % np.uint64(10), place) for place in range(4))
    return np.asarray(found, dtype=np.uint16)


def _doubled(digit: _Numbers, place: int) -> _Numbers:
    """Return what a digit counts: every other one is doubled, the two digits of 18 are 9."""
    if place % 2 == 0:
        return digit
    return 2 * digit - 9 * (digit > 4).astype(np.uint64)


_LUHN_OF_FOUR = _each_of_four(_doubled)
_SUM_OF_FOUR = _each_of_four(lambda digit, _: digit)


def _total(number: pl.Series, of_four: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    """Add up what the table says of each group of four digits; null counts as 0."""
    total = np.zeros(len(number), dtype=np.uint16)
    for part in _short(number.fill_null(0).to_numpy()):
        rest = part
        while rest.any():
            upper = rest // np.uint32(10_000)
            total += of_four[rest - upper * np.uint32(10_000)]
            rest = upper
    return total


def _short(numbers: _Numbers) -> Iterator[npt.NDArray[np.uint32]]:
    """Cut numbers into parts of eight digits, from the right: short integers divide faster."""
    rest = numbers
    while rest.max(initial=0) >= 1 << 32:
        upper = rest // np.uint64(10**8)
        yield (rest - upper * np.uint64(10**8)).astype(np.uint32)
        rest = upper
    yield rest.astype(np.uint32)
