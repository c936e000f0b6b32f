"""Check digits on whole columns.

Belongs here: arithmetic that tells a mistyped identifier from a real one, as Polars
expressions. Does not belong here: what an identifier looks like (``dataset.yml``) or
what it stands for (``sirene/``).

Source: ISO/IEC 7812-1 annex B (Luhn). INSEE gives La Poste (SIREN 356000000) more
establishments than Luhn leaves room for: there the sum of the digits is a multiple of 5.
"""

from __future__ import annotations

import re

import polars as pl

from opendata.catalogue import Luhn

#: Longest number of digits an Int64 holds whatever the digits are.
MAX_DIGITS = 18
_FIXED_WIDTH = re.compile(r"\^?(?:\\d|\[0-9\])\{(\d+)\}\$?")


def width_of(pattern: str | None) -> int:
    """Return the number of digits a pattern such as ``[0-9]{14}`` fixes, else the longest."""
    match = _FIXED_WIDTH.fullmatch(pattern) if pattern else None
    return min(int(match[1]), MAX_DIGITS) if match else MAX_DIGITS


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
    # On whole batches rather than as one expression: the planner would read the number
    # again from its text for each digit, which is three times slower.
    return text.map_batches(
        lambda values: _luhn(values, rule, width),
        return_dtype=pl.Boolean,
        is_elementwise=True,
    )


def _luhn(text: pl.Series, rule: Luhn, width: int) -> pl.Series:
    """Compute the check digit of a batch, two digits at a time from the right.

    In a pair ``10a + b`` the digit ``a`` is doubled: it counts ``b + 2a``, one more when
    ``2a`` has two digits. A leading digit that is absent counts as 0, so that one formula
    serves every length.
    """
    number = text.cast(pl.Int64, strict=False)
    total = digit_sum = pl.repeat(0, len(text), dtype=pl.Int16, eager=True)
    for place in range(0, width, 4):
        four = (number // 10**place % 10_000).cast(pl.Int16)
        for pair in (four % 100, four // 100):
            tens = pair // 10
            ones = pair - tens * 10
            total = total + ones + tens * 2 + (pair >= 50).cast(pl.Int16)
            digit_sum = digit_sum + ones + tens
    valid = total % 10 == 0
    if rule.exempt_prefix is not None:
        exempt = text.str.starts_with(rule.exempt_prefix)
        if rule.exempt_digit_sum_multiple_of is not None:
            exempt = exempt & (digit_sum % rule.exempt_digit_sum_multiple_of == 0)
        valid = valid | exempt
    return valid & text.str.contains(rf"^[0-9]{{1,{width}}}$")
