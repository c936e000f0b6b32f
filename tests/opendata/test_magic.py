from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import polars as pl
import pytest

from opendata.magic import complaint, identify, sniff


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "empty"),
        (b" \r\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (zipped("a.csv"), "zip"),
        (zipped(), "zip"),
        (gzip.compress(b"x", mtime=0), "gzip"),
        (b"\n<!DOCTYPE html>\n<html lang='fr'>", "html"),
        (b"<HTML><BODY>", "html"),
        (b'<?xml version="1.0"?><!DOCTYPE html PUBLIC><html>', "html"),
        (b"<div><title>Maintenance</title>", "html"),
        (b'<?xml version="1.0" encoding="windows-1252"?><RCS-A>', "xml"),
        (b"<PCL_REDIFF/>", "xml"),
        (b'\xef\xbb\xbf{"a": 1}', "json"),
        (b"[]", "json"),
        (b"siren,siret\n", "text"),
        ("dénomination;ville\n".encode("cp1252"), "text"),
        (b"\x7fELF\x00\x00", "binary"),
    ],
    ids=lambda value: value if isinstance(value, str) else "content",
)
def test_kinds_by_their_first_bytes(content: bytes, kind: str):
    assert sniff(content) == kind


def test_a_workbook_is_not_just_a_zip(tmp_path: Path):
    path = tmp_path / "a"
    path.write_bytes(zipped("[Content_Types].xml", "xl/workbook.xml"))
    assert identify(path) == "xlsx"
    path.write_bytes(zipped("a.csv"))
    assert identify(path) == "zip"
    path.write_bytes(zipped("a.csv")[:40])
    assert identify(path) == "zip"


def test_a_real_workbook_and_a_real_parquet(tmp_path: Path):
    frame = pl.DataFrame({"siren": ["005580501"]})
    frame.write_parquet(tmp_path / "a")
    assert identify(tmp_path / "a") == "parquet"
    frame.write_excel(tmp_path / "b.xlsx")
    assert identify(tmp_path / "b.xlsx") == "xlsx"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"error_code": "InvalidRESTParameterError", "message": "limit"}, "limit"),
        ({"errorcode": 10002, "error": "quota  exceeded"}, "quota exceeded"),
        ({"message": "Dataset has been deleted"}, "Dataset has been deleted"),
        ({"status": 500, "message": "Internal"}, "Internal"),
        ({"header": {"statut": 404, "message": "Aucun élément"}}, "Aucun élément"),
        ({"fault": {"code": 1, "message": "Invalid", "description": "key"}}, "Invalid"),
        ({"errors": ["a"]}, "['a']"),
        ({"error": True}, "True"),
        ({"message": "x" * 500}, "x" * 200),
    ],
)
def test_error_objects(content: object, reason: str):
    assert complaint(content) == reason


@pytest.mark.parametrize(
    "content",
    [
        {"header": {"statut": 200, "message": "OK"}, "unitesLegales": []},
        {"id": "x", "title": "t", "message": "a note"},
        {"total_count": 0, "results": []},
        {"status": "finalized", "title": "RGE"},
        {"code": 404, "libelle": "a code of the data"},
        {},
        [],
        "error",
        None,
    ],
)
def test_answers_that_are_no_error(content: object):
    assert complaint(content) is None
