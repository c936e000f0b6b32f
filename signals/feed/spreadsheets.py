"""The tables of an account as bytes: Parquet for machines, CSV and XLSX for people.

Belongs here: the three forms, each with the same bytes for the same rows. Does not belong
here: which rows and columns (:mod:`signals.feed.current`), where they are stored.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import polars as pl
import xlsxwriter

from opendata.errors import StateError
from signals.segments import write_rows

#: Rows and characters that a sheet can take (Excel specifications and limits).
SHEET_ROWS = 1_048_576
CELL_CHARACTERS = 32_767


def parquet_bytes(rows: pl.DataFrame, metadata: Mapping[str, str]) -> bytes:
    """Return ``rows`` as Parquet with ``metadata``.

    In memory, for a publication compares what it would write before it writes anything.
    """
    buffer = io.BytesIO()
    write_rows(rows, buffer, metadata)
    return buffer.getvalue()


def csv_bytes(rows: pl.DataFrame) -> bytes:
    """Return ``rows`` as CSV that a French spreadsheet opens: semicolons, UTF-8 with BOM."""
    return rows.write_csv(separator=";", include_bom=True).encode()


def xlsx_bytes(rows: pl.DataFrame, created: datetime, note: str) -> bytes:
    """Return ``rows`` as a workbook: a sheet of signals and a sheet of attribution.

    Args:
        rows: flat rows; texts are written as texts, whatever they look like.
        created: instant written in the properties, UTC.
        note: text of the attribution sheet.

    Raises:
        StateError: more rows than a sheet takes; a cut list must not look complete.
    """
    if rows.height >= SHEET_ROWS:
        raise StateError(
            f"{rows.height:,} signals do not fit in a sheet",
            next_step="read signals_current.parquet or .csv of this account",
            file="signals_current.xlsx",
        )
    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(buffer, options) as book:
        book.set_properties({"created": created.replace(tzinfo=None)})
        bold = book.add_format({"bold": True})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet = book.add_worksheet("signals")
        for column, name in enumerate(rows.columns):
            sheet.write_string(0, column, name, bold)
        for line, values in enumerate(rows.iter_rows(), start=1):
            for column, value in enumerate(values):
                _write(sheet, line, column, value, day)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, rows.height, max(rows.width - 1, 0))
        about = book.add_worksheet("attribution")
        for line, text in enumerate(note.splitlines()):
            about.write_string(line, 0, text)
    return buffer.getvalue()


def _write(sheet: Any, line: int, column: int, value: object, day: object) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(line, column, value)
    elif isinstance(value, int | float):
        sheet.write_number(line, column, value)
    elif isinstance(value, datetime):
        sheet.write_string(line, column, f"{value:%Y-%m-%dT%H:%M:%SZ}")
    elif isinstance(value, date):
        sheet.write_datetime(line, column, value, day)
    else:
        sheet.write_string(line, column, str(value)[:CELL_CHARACTERS])
