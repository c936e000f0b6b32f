"""Any tabular file as a stream of text.

Belongs here: opening one file, whatever it really is, as a lazy frame of strings with its
headers and record numbers. Does not belong here: which columns are wanted and what they
mean (``contract.py``), what the file is (``sniffing.py``).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import fastexcel
import polars as pl

from opendata import sniffing
from opendata.catalogue import Resource
from opendata.errors import ContractError
from opendata.files import CHUNK
from opendata.json_arrays import array_as_lines
from opendata.json_text import json_as_text
from opendata.xml_records import xml_as_lines

#: Name of the record number in every frame: 1 is the first record of the file (the header).
LINE = "_line"
#: Name of the number of fields of a record that has not as many as the header.
FIELDS = "_fields"
_DELIMITERS = (",", ";", "\t", "|")
_MEMBER_LIMIT = 1 << 28
#: Formats that hold the same thing: a table. Publishers go from one to another.
_TABULAR = frozenset({"csv", "xlsx", "parquet"})
_JSON = frozenset({"json", "jsonl"})
#: What the libraries raise on bytes that are not what they seem.
UNREADABLE = (pl.exceptions.PolarsError, fastexcel.FastExcelError, csv.Error, UnicodeError)


@dataclass(frozen=True)
class Opened:
    """One file, open.

    Attributes:
        frame: ``_line`` and the columns ``c0``, ``c1`` … in the order of ``headers``, all
            String, empty is null.
        headers: the names in the file, trimmed.
        notes: departures from ``dataset.yml`` that were tolerated, for the report.
        native: the same columns with the types of the file, where it has types; reading it
            again costs no more than reading a copy.
    """

    frame: pl.LazyFrame
    headers: list[str]
    notes: tuple[str, ...] = ()
    native: pl.LazyFrame | None = None


def reason(error: Exception) -> str:
    """Return the first line of what a library says, without the paths that may follow."""
    lines = str(error).splitlines()
    return lines[0][:200] if lines else type(error).__name__


def wants(resource: Resource, headers: Iterable[str]) -> list[str]:
    """Return the required columns of ``resource`` that none of ``headers`` carries."""
    found = {header.strip().casefold() for header in headers}
    return [
        column.header
        for column in resource.columns
        if column.required and not any(name.strip().casefold() in found for name in column.headers)
    ]


def open_table(path: Path, resource: Resource, work: Path) -> Opened:
    """Open ``path`` as a stream of text.

    Args:
        path: one unpacked file.
        resource: its description; only the format, the dialect and the headers are used.
        work: folder for intermediate files.

    Raises:
        ContractError: it is something else than what is declared.
    """
    kind = sniffing.kind_of(path)
    declared = resource.format
    alike = _TABULAR if declared in _TABULAR else _JSON if declared in _JSON else frozenset()
    if kind != declared and not (kind in alike and declared in alike):
        raise ContractError(
            f"the file is {kind}, {declared} was declared",
            next_step="look at the file; if the publisher changed format, change `format`",
            file=path.name,
        )
    notes: tuple[str, ...] = ()
    if kind != declared and alike is _TABULAR:
        notes = (f"{kind} where {declared} is declared",)
    opened = {
        "csv": _open_csv,
        "xlsx": _open_workbook,
        "parquet": _open_parquet,
        "json": _open_json,
        "jsonl": _open_json,
        "xml": _open_xml,
    }[kind](path, resource, work)
    return replace(opened, notes=(*notes, *opened.notes))


def _open_csv(path: Path, resource: Resource, work: Path) -> Opened:
    dialect = resource.csv
    if dialect.encoding != "utf-8":
        path = _transcoded(path, dialect.encoding, dialect.delimiter, work)
    skip = dialect.skip_lines

    def header(delimiter: str) -> list[str]:
        return sniffing.csv_header(path, delimiter=delimiter, encoding="utf-8", skip_lines=skip)

    headers, delimiter = header(dialect.delimiter), dialect.delimiter
    notes: tuple[str, ...] = ()
    if wants(resource, headers):
        for other in _DELIMITERS:
            if other != delimiter and not wants(resource, header(other)):
                headers, delimiter = header(other), other
                notes = (f"delimiter {other!r} where {dialect.delimiter!r} is declared",)
                break
    if sniffing.last_record_is_cut(path, delimiter=delimiter, width=len(headers)):
        raise ContractError(
            "the last record is cut", next_step="fetch the file again", file=path.name
        )
    frame = scan_delimited(path, delimiter, len(headers), skip)
    return Opened(frame, headers, notes)


def scan_delimited(path: Path, delimiter: str, width: int, skip_lines: int) -> pl.LazyFrame:
    """Return the records of a delimited UTF-8 file, all text, never inferred."""
    return pl.scan_csv(
        path,
        separator=delimiter,
        infer_schema=False,
        # A quoted empty field is empty too; without this it would be "" and not null.
        null_values="",
        new_columns=[f"c{at}" for at in range(width)],
        skip_lines=skip_lines,
        row_index_name=LINE,
        row_index_offset=2,
        glob=False,
    ).with_columns(pl.col(LINE).cast(pl.Int64))


def _transcoded(path: Path, encoding: str, delimiter: str, work: Path) -> Path:
    """Write the file in UTF-8; Polars reads nothing else, and "lossy" hides damage."""
    offset = sniffing.first_bad_byte(path, encoding)
    if offset is not None:
        raise sniffing.encoding_error(path, offset=offset, encoding=encoding, delimiter=delimiter)
    target = work / f"{path.name}.utf8"
    with (
        path.open(encoding=encoding, newline="") as source,
        target.open("w", encoding="utf-8", newline="") as sink,
    ):
        while text := source.read(CHUNK):
            sink.write(text)
    return target


def explained(path: Path, resource: Resource) -> ContractError | None:
    """Return the error that names the first bad byte of a file Polars refused, if it has one."""
    offset = sniffing.first_bad_byte(path, resource.csv.encoding)
    if offset is None:
        return None
    return sniffing.encoding_error(
        path, offset=offset, encoding=resource.csv.encoding, delimiter=resource.csv.delimiter
    )


def mended(path: Path, opened: Opened, resource: Resource, work: Path) -> Opened:
    """Open a file in which some records have more fields than the header.

    The slow way, taken only when Polars refused the file: each record is written again
    with the header's number of fields, and the number it had in a last column, so that
    those records alone go to quarantine.
    """
    dialect = resource.csv
    note = next((text for text in opened.notes if text.startswith("delimiter")), None)
    delimiter = note.split("'")[1] if note else dialect.delimiter
    target = work / f"{path.name}.mended.csv"
    width = len(opened.headers)
    previous = csv.field_size_limit(_MEMBER_LIMIT)
    try:
        with (
            path.open(encoding=dialect.encoding, newline="") as source,
            target.open("w", encoding="utf-8", newline="") as sink,
        ):
            for _ in range(dialect.skip_lines):
                source.readline()
            writer = csv.writer(sink, lineterminator="\n")
            for record in csv.reader(source, delimiter=delimiter):
                odd = "" if len(record) == width else str(len(record))
                writer.writerow([*(record + [""] * width)[:width], odd])
    finally:
        csv.field_size_limit(previous)
    frame = scan_delimited(target, ",", width + 1, 0).rename({f"c{width}": FIELDS})
    return Opened(frame, opened.headers, opened.notes)


def _open_workbook(path: Path, resource: Resource, _work: Path) -> Opened:
    """Open the first sheet that has the headers; a cell is what the spreadsheet stores."""
    skip = resource.csv.skip_lines
    workbook = fastexcel.read_excel(path)
    chosen: pl.DataFrame | None = None
    for name in workbook.sheet_names:
        sheet = workbook.load_sheet(name, header_row=None, skip_rows=skip, dtypes="string")
        cells = sheet.to_polars()
        if cells.height and (chosen is None or not wants(resource, _texts(cells.row(0)))):
            chosen = cells
            if not wants(resource, _texts(cells.row(0))):
                break
    if chosen is None:
        raise ContractError(
            "the workbook has no filled sheet", next_step="look at the file", file=path.name
        )
    rows = chosen.rename({old: f"c{at}" for at, old in enumerate(chosen.columns)})
    frame = rows.with_row_index(LINE, offset=1).slice(1)
    filled = frame.filter(~pl.all_horizontal(pl.exclude(LINE).is_null())).lazy()
    return Opened(filled.with_columns(pl.col(LINE).cast(pl.Int64)), _texts(chosen.row(0)))


def _texts(cells: Iterable[object]) -> list[str]:
    return [str(cell).strip() if cell is not None else "" for cell in cells]


def _open_parquet(path: Path, _resource: Resource, _work: Path) -> Opened:
    rows = pl.scan_parquet(path, glob=False, row_index_name=LINE, row_index_offset=1)
    schema = {name: dtype for name, dtype in rows.collect_schema().items() if name != LINE}
    line = pl.col(LINE).cast(pl.Int64)
    native = rows.select(line, *(pl.col(name).alias(f"c{at}") for at, name in enumerate(schema)))
    texts = native.select(
        LINE,
        *(
            as_text(pl.col(f"c{at}"), dtype).alias(f"c{at}")
            for at, dtype in enumerate(schema.values())
        ),
    )
    return Opened(texts, list(schema), native=native)


def as_text(values: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return typed values as the text they would have in a CSV; nested ones as JSON."""
    if dtype == pl.String:
        return pl.when(values != "").then(values)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        values = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    elif dtype.is_nested():
        wrapped = pl.struct(values.alias("v")).struct.json_encode()
        inner = wrapped.str.strip_prefix('{"v":').str.strip_suffix("}")
        return pl.when(values.is_not_null()).then(inner)
    return values.cast(pl.String)


def _open_json(path: Path, resource: Resource, work: Path) -> Opened:
    """Open records of JSON: an array, one object a line, ``results``, or a declared array."""
    if resource.records is None:
        return _from_json(path, sniffing.kind_of(path), work, resource.lift)
    lines = work / f"{path.name}.jsonl"
    array_as_lines(path, resource.records, lines)
    return _from_json(lines, "jsonl", work)


def _open_xml(path: Path, resource: Resource, work: Path) -> Opened:
    """Open the elements that ``records`` leads to; nested ones are JSON, empty ones null."""
    lines = work / f"{path.name}.jsonl"
    xml_as_lines(path, resource.records or "", lines)
    opened = _from_json(lines, "jsonl", work)
    filled = opened.frame.with_columns(pl.when(pl.col(pl.String) != "").then(pl.col(pl.String)))
    return Opened(filled, opened.headers, opened.notes)


def _from_json(path: Path, kind: str, work: Path, lift: Sequence[str] = ()) -> Opened:
    target = work / f"{path.name}.text.parquet"
    headers = json_as_text(path, kind, target, lift)
    if not headers:
        return Opened(pl.LazyFrame(schema={LINE: pl.Int64}), [])
    frame = pl.scan_parquet(target, glob=False)
    return Opened(frame.rename({name: f"c{at}" for at, name in enumerate(headers)}), list(headers))
