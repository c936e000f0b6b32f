"""SIREN, SIRET and French VAT numbers: one value at a time, or a whole column.

Belongs here: the shape, the check digits and the cleaning of the three numbers. Does not
belong here: whether a number exists in the register, or which unit it names.

Single values go through python-stdnum, columns through integer arithmetic in Polars; the
tests hold one against the other. Damaged input is repaired only when nothing is guessed:
a number that a spreadsheet rounded (``9.8918678e13``) is refused, since the lost digits
may pass the check by chance one time in ten.

Sources: ISO/IEC 7812 (Luhn); INSEE on La Poste's establishments, whose digits sum to a
multiple of five; article 286 ter of the CGI and BOI-TVA-DECLA-20-10-20 for the VAT key.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import ClassVar

import polars as pl
from stdnum import luhn
from stdnum.fr import tva

#: SIREN of La Poste, whose establishments outgrew the Luhn numbering.
LA_POSTE = "356000000"
#: What people and spreadsheets put between digits: blanks of all widths, dots, dashes,
#: apostrophes (the text marker of spreadsheets) and quotes.
_SEPARATORS = r"[\s\u00a0\u200b\u2007\u2009\u202f\ufeff.\-_/'’\"]+"
_TRAILING_ZERO = re.compile(r"(\d{6,14})[.,]0{1,2}")
_SCIENTIFIC = re.compile(r"(\d)[.,](\d+)[eE]\+?(\d{1,2})")


def _digits(value: str) -> str | None:
    """Return the ASCII digits of ``value``, or None when they cannot all be known."""
    text = value.strip()
    if found := _TRAILING_ZERO.fullmatch(text):
        text = found[1]
    elif found := _SCIENTIFIC.fullmatch(text):
        if len(found[2]) != int(found[3]):
            return None
        text = str(int(Decimal(text.replace(",", "."))))
    text = re.sub(_SEPARATORS, "", text)
    return text if text.isascii() and text.isdigit() else None


class Siren:
    """The nine-digit number of a legal unit."""

    NAME: ClassVar[str] = "SIREN"
    LENGTH: ClassVar[int] = 9

    @classmethod
    def _checks(cls, digits: str) -> bool:
        return digits != "0" * cls.LENGTH and luhn.is_valid(digits)

    @classmethod
    def normalize(cls, value: str | None, *, pad: bool = False) -> str | None:
        """Return the bare digits of ``value``, or None if it is not a valid number.

        Args:
            value: as typed or exported: ``552 032 534``, ``552.032.534``, ``552032534.0``.
            pad: restore up to three leading zeros, for a source known to store numbers.
        """
        digits = _digits(value) if value else None
        if digits is None:
            return None
        if pad and cls.LENGTH - 3 <= len(digits) < cls.LENGTH:
            digits = digits.zfill(cls.LENGTH)
        return digits if len(digits) == cls.LENGTH and cls._checks(digits) else None

    @classmethod
    def is_valid(cls, value: str | None) -> bool:
        """Tell whether ``value`` holds a valid number, separators allowed."""
        return cls.normalize(value) is not None

    @classmethod
    def format(cls, value: str) -> str:
        """Return the number in groups of three: ``552 032 534``."""
        return f"{value[:3]} {value[3:6]} {value[6:9]}"


class Siret(Siren):
    """The fourteen-digit number of an establishment: SIREN then NIC."""

    NAME: ClassVar[str] = "SIRET"
    LENGTH: ClassVar[int] = 14

    @classmethod
    def _checks(cls, digits: str) -> bool:
        if not Siren._checks(digits[:9]):
            return False
        if digits.startswith(LA_POSTE) and sum(map(int, digits)) % 5 == 0:
            return True
        return luhn.is_valid(digits)

    @classmethod
    def format(cls, value: str) -> str:
        """Return the number as it is printed: ``552 032 534 00646``."""
        return f"{Siren.format(value[:9])} {value[9:14]}"


class Tva:
    """The VAT number of a French unit: ``FR``, a key of two characters, the SIREN."""

    NAME: ClassVar[str] = "TVA"

    @classmethod
    def normalize(cls, value: str | None) -> str | None:
        """Return ``FR`` + key + SIREN, or None if the key or the SIREN is wrong.

        A number of Monaco (``000`` in the place of the SIREN) names no legal unit of the
        register and is refused.
        """
        text = re.sub(_SEPARATORS, "", value).upper() if value else ""
        if not re.fullmatch(r"FR[0-9A-HJ-NP-Z]{2}[0-9]{9}", text) or text[4:7] == "000":
            return None
        return text if Siren.is_valid(text[4:]) and tva.is_valid(text) else None

    @classmethod
    def is_valid(cls, value: str | None) -> bool:
        """Tell whether ``value`` is a valid French VAT number, separators allowed."""
        return cls.normalize(value) is not None

    @classmethod
    def format(cls, value: str) -> str:
        """Return the number as it is printed: ``FR 27 552 032 534``."""
        return f"{value[:2]} {value[2:4]} {Siren.format(value[4:])}"

    @classmethod
    def of_siren(cls, siren: str) -> str:
        """Return the VAT number with the numeric key that the tax office gives to ``siren``."""
        return f"FR{(12 + 3 * (int(siren) % 97)) % 97:02d}{siren}"


def _luhn_is_valid(digits: pl.Expr, length: int) -> pl.Expr:
    number = digits.cast(pl.Int64, strict=False)
    total = pl.lit(0, dtype=pl.Int64)
    for position in range(length):
        digit = number // 10**position % 10
        if position % 2:
            digit = digit * 2 - (digit > 4).cast(pl.Int64) * 9
        total = total + digit
    return total % 10 == 0


def siren_is_valid(column: pl.Expr) -> pl.Expr:
    """Tell for each text whether it is exactly a valid SIREN; null is not."""
    return (
        column.str.contains(r"^[0-9]{9}$")
        & (column != "0" * 9)
        & _luhn_is_valid(column, 9).fill_null(False)
    )


def siret_is_valid(column: pl.Expr) -> pl.Expr:
    """Tell for each text whether it is exactly a valid SIRET; null is not."""
    number = column.cast(pl.Int64, strict=False)
    digit_sum = pl.sum_horizontal(number // 10**position % 10 for position in range(14))
    la_poste = column.str.starts_with(LA_POSTE) & (digit_sum % 5 == 0)
    checks = (_luhn_is_valid(column, 14) | la_poste).fill_null(False)
    shape = column.str.contains(r"^[0-9]{14}$")
    return shape & siren_is_valid(column.str.slice(0, 9)) & checks


def siren_of_siret(column: pl.Expr) -> pl.Expr:
    """Return the SIREN of each valid SIRET, null for anything else."""
    return pl.when(siret_is_valid(column)).then(column.str.slice(0, 9))


def siren_of_tva(column: pl.Expr) -> pl.Expr:
    """Return the SIREN of each French VAT number with a right numeric key, else null.

    The keys with a letter, which the tax office has reserved and not used, are left to
    :class:`Tva`.
    """
    compact = column.str.replace_all(_SEPARATORS, "").str.to_uppercase()
    siren = compact.str.slice(4, 9)
    key = compact.str.slice(2, 2).cast(pl.Int64, strict=False)
    right = (siren.cast(pl.Int64, strict=False) % 97 * 3 + 12) % 97 == key
    shape = compact.str.contains(r"^FR[0-9]{11}$") & (siren.str.slice(0, 3) != "000")
    return pl.when(shape & right & siren_is_valid(siren)).then(siren)


def siren_of_any(column: pl.Expr) -> pl.Expr:
    """Return the SIREN that a typed SIREN, SIRET or VAT number carries, else null.

    Separators are ignored; leading zeros are not restored and rounded numbers are refused.
    """
    bare = column.str.strip_chars().str.replace(r"^([0-9]{6,14})[.,]0{1,2}$", "${1}")
    digits = bare.str.replace_all(_SEPARATORS, "")
    siren = pl.when(siren_is_valid(digits)).then(digits)
    return pl.coalesce(siren, siren_of_siret(digits), siren_of_tva(column))
