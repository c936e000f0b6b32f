"""Reading a customer's file into text cells.

Belongs here: formats, encodings and delimiters of lead files; every cell comes out as text
with its line number. Does not belong here: what the columns mean (``headers``), what makes
a row acceptable (``intake``).
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import fastexcel
import polars as pl
from polars.exceptions import PanicException, PolarsError

from opendata.errors import ContractError

LINE = "_line"
DELIMITERS = (";", ",", "\t", "|")
#: A quoted cell that runs over more lines than this is a quote somebody forgot to close.
MAX_LINES_OF_A_ROW = 100
MAX_BYTES = 512 << 20


@dataclass(frozen=True)
class RawTable:
    """Cells as text.

    Attributes:
        rows: the file's columns as text, plus ``_line`` (1 is the header of a text file).
        broken: ``line``, ``rule`` of rows that could not be cut into cells.
    """

    rows: pl.DataFrame
    broken: pl.DataFrame


def _refuse(what: str, next_step: str, path: Path) -> ContractError:
    return ContractError(what, next_step=next_step, file=f"*{path.suffix}")


def read_table(path: Path) -> RawTable:
    """Read CSV, TSV, XLSX, Parquet or JSON lines, told apart by content, then by suffix.

    Raises:
        ContractError: the file is empty, too large, of another kind, or has no header.
    """
    if not path.is_file():
        raise _refuse("there is no such lead file", "check the path", path)
    size = path.stat().st_size
    if size == 0 or size > MAX_BYTES:
        raise _refuse(
            f"a lead file of {size:,} bytes", f"give between 1 and {MAX_BYTES:,} bytes", path
        )
    with path.open("rb") as stream:
        magic = stream.read(4)
    try:
        if magic == b"PAR1":
            return _from_frame(pl.read_parquet(path), first_line=1)
        if magic == b"PK\x03\x04":
            return _read_excel(path)
        if path.suffix.lower() in {".jsonl", ".ndjson"}:
            return _from_frame(pl.read_ndjson(path, infer_schema_length=None), first_line=1)
    # Of a damaged Parquet file the reader may panic, which is no Exception.
    except (PolarsError, PanicException, fastexcel.FastExcelError, UnicodeError) as error:
        raise _refuse(
            f"the file cannot be read ({type(error).__name__})", "export it again", path
        ) from error
    return _read_text(path)


def _from_frame(frame: pl.DataFrame, *, first_line: int) -> RawTable:
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
    text = frame.drop(nested).with_columns(pl.all().cast(pl.String))
    numbered = text.with_row_index(LINE, offset=first_line).with_columns(
        pl.col(LINE).cast(pl.Int64)
    )
    return RawTable(numbered, _broken([]))


def _read_excel(path: Path) -> RawTable:
    sheet = fastexcel.read_excel(path).load_sheet(0, dtypes="string")
    return _from_frame(sheet.to_polars(), first_line=2)


def decode(content: bytes) -> str:
    """Return the text of ``content``: UTF-8 or UTF-16 by mark, UTF-8 if valid, else Windows-1252.

    Bytes that Windows-1252 leaves undefined become U+FFFD instead of failing the file.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("windows-1252", errors="replace")


def _delimiter(first_line: str) -> str:
    counts = {mark: first_line.count(mark) for mark in DELIMITERS}
    return max(DELIMITERS, key=lambda mark: counts[mark])


def _read_text(path: Path) -> RawTable:
    """Cut a delimited file into cells; rows of another width are set apart, not lost.

    The standard library's reader is used because it alone gives the line of each row when
    cells hold line breaks; it is C code and no lead file is large.
    """
    text = decode(path.read_bytes())
    lines = text.split("\n", 1)
    if lines[0].lower().startswith("sep="):
        text = lines[1] if len(lines) > 1 else ""
    skipped = 1 if lines[0].lower().startswith("sep=") else 0
    delimiter = _delimiter(text.split("\n", 1)[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = [name.strip() for name in next(reader, [])]
    if not any(header):
        raise _refuse("the first line holds no header", "put the column names first", path)
    rows: list[list[str]] = []
    starts: list[int] = []
    broken: list[tuple[int, str]] = []
    line = reader.line_num + skipped
    while True:
        try:
            row = next(reader, None)
        except csv.Error:
            broken.append((line + 1, "cell_too_long"))
            line = reader.line_num + skipped
            continue
        if row is None:
            break
        start, line = line + 1, reader.line_num + skipped
        if not any(cell.strip() for cell in row):
            continue
        if line - start >= MAX_LINES_OF_A_ROW:
            broken.append((start, "quote_not_closed"))
        elif len(row) != len(header):
            broken.append((start, "wrong_number_of_cells"))
        else:
            rows.append(row)
            starts.append(start)
    names = _unique([LINE, *header])[1:]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    return RawTable(
        frame.insert_column(0, pl.Series(LINE, starts, dtype=pl.Int64)), _broken(broken)
    )


def _unique(header: list[str]) -> list[str]:
    """Return the names, the second ``x`` called ``x (2)``; a nameless column its number."""
    names: dict[str, None] = {}
    for position, name in enumerate(header, start=1):
        name = name or f"column {position}"
        free, number = name, 2
        while free in names:
            free, number = f"{name} ({number})", number + 1
        names[free] = None
    return list(names)


def _broken(rows: list[tuple[int, str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"line": pl.Int64, "rule": pl.String}, orient="row")
