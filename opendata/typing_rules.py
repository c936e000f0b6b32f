"""From text to typed values, and the rules a value can break.

Belongs here: the Polars expressions that turn one text column into the type its
``dataset.yml`` declares and tell which values break which rule. Does not belong here:
opening files, counting, quarantine (``contract.py``).

Three kinds of absence are never merged: empty is null, ``[ND]`` (INSEE's mask) stays
``[ND]`` in text and is null in a typed column, and a nomenclature's own "unknown" code is
a value like another.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from opendata.catalogue import Column
from opendata.checkdigits import fixed_width, luhn_valid, width_of

MASK = "[ND]"
Attempt = Callable[[pl.Expr], pl.Expr]
_ISO = "%Y-%m-%d"
_ISO_INSTANTS = (
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d",
)
#: Midnight at the end of a date, as spreadsheets and Parquet timestamps write it.
_MIDNIGHT = r"[T ]00:00:00(?:\.0+)?(?:Z|\+00:00)?$"
#: How many leading zeros a number-typed identifier may have lost; more is another mistake.
_MAX_LOST_ZEROS = 3
DTYPES: dict[str, pl.DataType] = {
    "text": pl.String(),
    "code": pl.String(),
    "json": pl.String(),
    "integer": pl.Int64(),
    "decimal": pl.Float64(),
    "boolean": pl.Boolean(),
    "date": pl.Date(),
    "timestamp": pl.Datetime("us"),
}


@dataclass(frozen=True)
class Rule:
    """A rule of one column: ``failed`` is true (or null, meaning no) where it is broken."""

    name: str
    failed: pl.Expr


def raw_name(column: Column) -> str:
    """Return the name under which the untouched text of ``column`` travels."""
    return f"raw:{column.name}"


def given_name(column: Column) -> str:
    """Return the name under which the text of ``column`` travels once repaired."""
    return f"given:{column.name}" if column.null_values or column.pad_to else raw_name(column)


def is_native(column: Column, dtype: pl.DataType) -> bool:
    """Tell whether values of a typed file are what ``column`` declares, without their text.

    A rule about digits, words or lost zeros is a rule about text.
    """
    if column.pattern or column.luhn or column.one_of or column.pad_to:
        return False
    if column.type == "date":
        return dtype == pl.Date and len(_unknowns(column)) == len(column.null_values)
    if column.null_values:
        return False
    return {
        "integer": dtype.is_integer(),
        "boolean": dtype == pl.Boolean,
        "timestamp": isinstance(dtype, pl.Datetime) and dtype.time_zone is None,
    }.get(column.type, False)


def _unknowns(column: Column) -> list[date]:
    """Return the dates that stand for "not known"."""
    texts = pl.Series(column.null_values, dtype=pl.String)
    return texts.str.to_date(_ISO, strict=False).drop_nulls().to_list()


def given(column: Column, *, native: bool = False) -> pl.Expr:
    """Return the text with unknowns made null and lost zeros restored, where declared."""
    text = pl.col(raw_name(column))
    if column.null_values:
        unknown = _unknowns(column) if native else list(column.null_values)
        text = pl.when(~text.is_in(unknown)).then(text)
    if column.pad_to:
        text = _repaired(text, column.pad_to)
    return text.alias(given_name(column))


def _repaired(text: pl.Expr, width: int) -> pl.Expr:
    """Restore what is not ``width`` digits: most values are, and regular expressions are slow."""

    def repair(values: pl.Series) -> pl.Series:
        whole = values.cast(pl.UInt64, strict=False).is_not_null() & ~values.str.starts_with("+")
        odd = values.is_not_null() & ~(whole & (values.str.len_bytes() == width))
        places = odd.arg_true()
        if places.is_empty():
            return values
        repaired = values.gather(places).to_frame("text").select(_restored(pl.col("text"), width))
        return values.scatter(places, repaired.to_series())

    return text.map_batches(repair, return_dtype=pl.String, is_elementwise=True)


def _restored(text: pl.Expr, width: int) -> pl.Expr:
    """Undo what a spreadsheet does to an identifier: ``12345678.0``, ``9.8E+13``, lost zeros.

    Scientific notation is undone only if it carries every digit; otherwise the value is
    left as it is, to be refused by its pattern.
    """
    text = text.str.strip_chars().str.replace(r"^([0-9]+)[.,]0+$", "$1")
    parts = text.str.extract_groups(r"^([0-9])(?:[.,]([0-9]+))?[eE]\+?([0-9]{1,2})$")
    decimals = parts.struct.field("2").fill_null("")
    exact = decimals.str.len_bytes() == parts.struct.field("3").cast(pl.UInt32)
    whole = pl.when(exact).then(parts.struct.field("1") + decimals)
    text = pl.coalesce(whole, text)
    short = text.str.contains(rf"^[0-9]{{{max(1, width - _MAX_LOST_ZEROS)},{width}}}$")
    return pl.when(short).then(text.str.zfill(width)).otherwise(text)


def attempts(column: Column, *, native: bool = False) -> tuple[Attempt, ...]:
    """Return the ways to read the text of ``column``, in order.

    The first reads every value, each other one only what is still unread. They are
    separate steps and not one nested expression, which would be evaluated again at each
    level.
    """
    if native:
        return (lambda value: value.cast(DTYPES[column.type]),)
    if column.type == "date":
        return tuple(_date(pattern) for pattern in column.formats) or (_date(_ISO), _dirty_date)
    if column.type == "timestamp":
        return tuple(_timestamp(pattern) for pattern in column.formats or _ISO_INSTANTS)
    return _ATTEMPTS.get(column.type, (lambda text: text,))


def typed(
    frame: pl.LazyFrame, columns: Sequence[Column], native: Collection[str] = ()
) -> pl.LazyFrame:
    """Add the repaired text and the typed value of ``columns`` to a frame of raw text.

    Those named in ``native`` are not text but values of their type already.
    """
    repaired = [
        given(column, native=column.name in native)
        for column in columns
        if given_name(column) != raw_name(column)
    ]
    frame = frame.with_columns(repaired) if repaired else frame
    ways = [(column, attempts(column, native=column.name in native)) for column in columns]
    frame = frame.with_columns(
        first(pl.col(given_name(column))).alias(column.name) for column, (first, *_) in ways
    )
    for turn in range(1, max((len(way) for _, way in ways), default=1)):
        frame = frame.with_columns(
            pl.coalesce(column.name, way[turn](_unread(column)))
            for column, way in ways
            if turn < len(way)
        )
    return frame


def _unread(column: Column) -> pl.Expr:
    return pl.when(pl.col(column.name).is_null()).then(pl.col(given_name(column)))


def _integer(text: pl.Expr) -> pl.Expr:
    return text.cast(pl.Int64, strict=False)


def _dirty_integer(text: pl.Expr) -> pl.Expr:
    return _integer(text.str.strip_chars().str.replace(r"[.,]0+$", ""))


def _decimal(text: pl.Expr) -> pl.Expr:
    # "nan" and "inf" are words, not amounts. Not by `replace`, which takes the column into
    # memory as a whole, and with it every other column of the rows.
    value = text.cast(pl.Float64, strict=False)
    return pl.when(value.is_finite()).then(value)


def _french_decimal(text: pl.Expr) -> pl.Expr:
    return _decimal(text.str.strip_chars().str.replace(",", ".", literal=True))


def _boolean(text: pl.Expr) -> pl.Expr:
    return pl.when(text == "true").then(True).when(text == "false").then(False)


def _worded_boolean(text: pl.Expr) -> pl.Expr:
    word = text.str.strip_chars().str.to_lowercase()
    yes, no = word.is_in(["true", "1", "oui", "vrai"]), word.is_in(["false", "0", "non", "faux"])
    return pl.when(yes).then(True).when(no).then(False)


def _date(pattern: str) -> Attempt:
    return lambda text: text.str.strptime(pl.Date, pattern, strict=False)


def _dirty_date(text: pl.Expr) -> pl.Expr:
    return _date(_ISO)(text.str.strip_chars().str.replace(_MIDNIGHT, ""))


def _timestamp(pattern: str) -> Attempt:
    """Read instants: without offset as published, with an offset converted to UTC."""
    if "z" not in pattern:
        return lambda text: text.str.strptime(pl.Datetime("us"), pattern, strict=False)
    utc = pl.Datetime("us", "UTC")
    return lambda text: text.str.strptime(utc, pattern, strict=False).dt.replace_time_zone(None)


_ATTEMPTS: dict[str, tuple[Attempt, ...]] = {
    "integer": (_integer, _dirty_integer),
    "decimal": (_decimal, _french_decimal),
    "boolean": (_boolean, _worded_boolean),
}


def rules(column: Column, *, native: bool = False, telling: bool = True) -> tuple[Rule, ...]:
    """Return the rules of ``column``, the most telling first.

    They speak of three columns of the frame: the text as given, the text once repaired
    and the typed value. A nullable text column may hold the mask whatever its pattern.

    Args:
        column: the description.
        native: its values are of their type already.
        telling: whether it matters which rule is broken. Where it does not, a number with a
            check digit is only measured: what is not made of digits has no valid one.
    """
    text, value = pl.col(given_name(column)), pl.col(column.name)
    is_text = DTYPES[column.type] == pl.String
    found: list[Rule] = []

    def judge(name: str, broken: pl.Expr) -> None:
        maskable = column.nullable and not native
        found.append(Rule(name, broken & (text != MASK) if maskable else broken))

    if not column.nullable:
        judge("required", text.is_null())
    if column.type == "json":
        judge("json", text.is_not_null() & text.str.json_path_match("$").is_null())
    if not is_text and not native:
        judge(column.type, text.is_not_null() & value.is_null())
    if column.pattern is not None:
        width = None if telling or column.luhn is None else fixed_width(column.pattern)
        matches = text.str.contains(f"^(?:{column.pattern})$")
        judge("pattern", ~matches if width is None else text.str.len_bytes() != width)
    if column.luhn is not None:
        judge("luhn", ~luhn_valid(text, column.luhn, width=width_of(column.pattern)))
    if column.one_of is not None:
        judge("one_of", ~text.is_in(list(column.one_of)))
    if column.minimum is not None:
        judge("minimum", value < _bound(column, column.minimum))
    if column.maximum is not None:
        judge("maximum", value > _bound(column, column.maximum))
    return tuple(found)


def _bound(column: Column, limit: float | date) -> pl.Expr:
    return pl.lit(limit).cast(DTYPES[column.type])


def failed(column: Column, *, native: bool = False) -> pl.Expr:
    """Return whether any rule of ``column`` is broken; never null."""
    flags = [rule.failed for rule in rules(column, native=native, telling=False)]
    return pl.any_horizontal(*flags).fill_null(False) if flags else pl.lit(False)


def first_broken(column: Column, *, native: bool = False) -> pl.Expr:
    """Return the name of the first broken rule of ``column``, null if none is."""
    broken = rules(column, native=native)
    named = [pl.when(rule.failed).then(pl.lit(rule.name)) for rule in broken]
    return pl.coalesce(*named) if named else pl.lit(None, dtype=pl.String)
