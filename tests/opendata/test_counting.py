"""Records of raw files, packed or not."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from pathlib import Path

import polars as pl
import pytest
from descriptions import resource as described
from hypothesis import given
from hypothesis import strategies as st

from opendata import counting
from opendata.catalogue import Resource

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"


def resource(name: str, **fields: str) -> Resource:
    return Resource.model_validate(described(name, **fields))


CELL = st.text(alphabet='a",;\n é', max_size=6)


@given(rows=st.lists(st.tuples(CELL, CELL), max_size=8), chunk=st.integers(1, 7))
def test_delimited_text_is_counted_as_a_csv_reader_does(rows, chunk) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([("a", "b"), *rows])
    stream = io.BytesIO(text.getvalue().encode())
    before, counting.CHUNK = counting.CHUNK, chunk
    try:
        assert counting._lines_outside_quotes(stream, 1 << 20) == len(rows) + 1
    finally:
        counting.CHUNK = before


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_a_missing_last_line_end_and_blank_lines_do_not_count(tmp_path: Path, end: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(f'a,b\n1,"x\ny"\n2,z{end}', newline="")
    assert counting.count_records(path, resource("stock")) == 2


def test_packed_files_and_tables_are_counted(tmp_path: Path) -> None:
    rows = b"a,b\n1,2\n3,4\n"
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("readme.txt", "no\n")
        archive.writestr("data/stock.csv", rows)
    packed = resource("stock", archive="zip", member="stock.csv")
    assert counting.count_records(tmp_path / "x.zip", packed) == 2
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(rows))
    assert counting.count_records(tmp_path / "x.csv.gz", resource("stock", archive="gzip")) == 2
    frame = pl.DataFrame({"a": [1, 2, 3]})
    frame.write_parquet(tmp_path / "x.parquet")
    assert counting.count_records(tmp_path / "x.parquet", resource("stock", format="parquet")) == 3
    frame.write_excel(tmp_path / "x.xlsx")
    assert counting.count_records(tmp_path / "x.xlsx", resource("stock", format="xlsx")) == 3


def test_the_real_extracts_have_the_rows_their_page_says() -> None:
    units = SAMPLE / "sirene" / "2017-05-01" / "stock-stockunitelegale-csv.zip"
    assert counting.count_records(units, resource("stock", archive="zip")) == 3796


def test_an_archive_that_unpacks_to_too_much_is_not_counted(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("stock.csv", b"\n" * (counting.UNPACKED + counting.CHUNK))
    assert counting.count_records(tmp_path / "x.zip", resource("stock", archive="zip")) is None
    (tmp_path / "y.zip").write_bytes((tmp_path / "x.zip").read_bytes()[:-30])
    assert counting.count_records(tmp_path / "y.zip", resource("stock", archive="zip")) is None
