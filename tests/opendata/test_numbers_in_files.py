"""A number is found in a raw file whatever the file is."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from opendata import numbers_in_files
from opendata.numbers_in_files import numbers_in

TEXT = b'x;552 032 534;y\n{"id": "55203253400646"}\n1234567890;12345678\n005410949,'
FOUND = {552032534, 5410949}


def zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/one.csv", b"nothing")
        archive.writestr("two.csv", TEXT)


def tarred(path: Path) -> None:
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo("one.xml")
        info.size = len(TEXT)
        archive.addfile(info, io.BytesIO(TEXT))


def workbook(path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_string(0, 0, "552032534")
        sheet.write_number(1, 0, 552032534)
        sheet.write_string(2, 0, "005410949")


def table(path: Path) -> None:
    pl.DataFrame(
        {"siren": ["552032534", None], "siret": ["00541094900011", "x"], "n": [1, 2]}
    ).write_parquet(path)


WRITERS = {
    "csv": lambda path: path.write_bytes(TEXT),
    "zip": zipped,
    "gz": lambda path: path.write_bytes(gzip.compress(TEXT)),
    "taz": tarred,
    "xlsx": workbook,
    "parquet": table,
}


@pytest.mark.parametrize("kind", WRITERS)
def test_numbers_of_nine_digits_are_found_and_longer_ones_are_not(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / f"raw.{kind}"
    WRITERS[kind](path)
    found = {number for part in numbers_in(path) for number in part}
    assert found >= FOUND
    assert not found & {123456789, 234567890, 12345678}


def test_a_number_between_two_chunks_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbers_in_files, "_CHUNK", 100)
    path = tmp_path / "raw.csv"
    for before in range(80, 101):
        path.write_bytes(b";" * before + b"552032534;" + b";" * 200)
        assert 552032534 in {number for part in numbers_in(path) for number in part}, before
