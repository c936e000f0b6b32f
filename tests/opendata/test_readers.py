"""Files that are not what they were: encodings, dialects, formats."""

from __future__ import annotations

import gzip
import json
import zipfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from establishments import COLUMNS, REAL, ROWS, SIREN, column, read, refused, rows, stock

from opendata import sniffing
from opendata.contract import read_resource
from opendata.errors import ContractError

NAME = column("nom")


def text(path: Path, content: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(content.encode(encoding))
    return path


def same_as_csv(path: Path, tmp_path: Path, **changes: object) -> None:
    """The file at ``path`` must give the very rows of the real CSV."""
    found = rows(read(path, tmp_path / "other", **changes)).drop("_line")
    expected = rows(read(REAL, tmp_path / "csv")).drop("_line")
    assert found.equals(expected)


def test_a_byte_order_mark_is_not_part_of_the_first_header(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(b"\xef\xbb\xbf" + REAL.read_bytes())
    same_as_csv(path, tmp_path)


def test_another_delimiter_is_tolerated_and_told(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    pl.read_csv(REAL, infer_schema=False).write_csv(path, separator=";")
    same_as_csv(path, tmp_path)
    assert read(path, tmp_path).notes == ("delimiter ';' where ',' is declared",)


def test_windows_line_ends_are_not_part_of_the_last_column(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(REAL.read_bytes().replace(b"\n", b"\r\n"))
    same_as_csv(path, tmp_path)


def test_quoted_newlines_delimiters_and_quotes_stay_in_their_field(tmp_path: Path) -> None:
    path = text(tmp_path / "f.csv", 'siren,nom\n552032534,"A\nB, ""C"""\n732829320,""\n')
    result = read(path, tmp_path / "w", SIREN, NAME)
    # The record number, not the physical line; an empty quoted field is empty too.
    assert rows(result).rows() == [(2, "552032534", 'A\nB, "C"'), (3, "732829320", None)]


def test_latin_1_bytes_in_a_utf_8_file_stop_it_and_are_located(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    head = "siren,nom\n552032534,Été\n"
    path.write_bytes(head.encode() + "732829320,Hôtel\n".encode("latin-1"))
    with pytest.raises(ContractError) as caught:
        read(path, tmp_path / "w", SIREN, NAME)
    offset = len(head.encode()) + len("732829320,H")
    assert f"byte 0xf4 at offset {offset}, line 3, column 2 (nom) is not utf-8" in str(caught.value)
    assert "Hôtel" not in str(caught.value)


def test_a_character_across_two_blocks_is_not_a_bad_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sniffing, "CHUNK", 4)
    path = text(tmp_path / "f.csv", "abcéé€")
    assert sniffing.first_bad_byte(path, "utf-8") is None
    path.write_bytes("abcéé".encode() + b"\xe2\x82")
    assert sniffing.first_bad_byte(path, "utf-8") == 7
    path.write_bytes("abcéé".encode() + b"\xe2x")
    assert sniffing.first_bad_byte(path, "utf-8") == 7


def test_windows_1252_is_read_where_declared(tmp_path: Path) -> None:
    path = text(tmp_path / "f.csv", "siren;nom\n552032534;Œuvre d’été\n", "windows-1252")
    dialect = {"encoding": "windows-1252", "delimiter": ";"}
    result = read(path, tmp_path / "w", SIREN, NAME, csv=dialect)
    assert rows(result)["nom"].to_list() == ["Œuvre d’été"]


def test_bytes_that_windows_1252_has_not_are_located(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(b"siren,nom\n552032534,a\x81b\n")
    with pytest.raises(ContractError, match="byte 0x81 at offset 21, line 2, column 2"):
        read(path, tmp_path / "w", SIREN, NAME, csv={"encoding": "windows-1252"})


def test_lines_before_the_header_are_skipped(tmp_path: Path) -> None:
    path = text(tmp_path / "f.csv", "Liste des sociétés\n\nsiren,nom\n552032534,DANONE\n")
    result = read(path, tmp_path / "w", SIREN, NAME, csv={"skip_lines": 2})
    assert rows(result)["nom"].to_list() == ["DANONE"]


def test_a_file_cut_in_the_middle_of_a_record_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(REAL.read_bytes()[:-60])
    with pytest.raises(ContractError, match="the last record is cut"):
        read(path, tmp_path / "w")
    path.write_bytes(REAL.read_bytes().rstrip(b"\n"))
    assert read(path, tmp_path / "w").read == ROWS


def test_a_workbook_where_csv_was_gives_the_same_rows(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    pl.read_csv(REAL, infer_schema=False).write_excel(tmp_path / "f.xlsx", worksheet="Feuil1")
    (tmp_path / "f.xlsx").rename(path)
    same_as_csv(path, tmp_path)
    assert read(path, tmp_path / "w").notes == ("xlsx where csv is declared",)


def test_csv_where_a_workbook_was_gives_the_same_rows(tmp_path: Path) -> None:
    same_as_csv(REAL, tmp_path, format="xlsx")


def test_numbers_and_dates_of_a_workbook_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "f.xlsx"
    wanted = pl.DataFrame({"siren": [5410949, 552032534], "date": ["2024-01-02", "1999-12-31"]})
    wanted.with_columns(pl.col("date").str.to_date()).write_excel(path)
    siren = SIREN.model_copy(update={"pad_to": 9})
    result = read(path, tmp_path / "w", siren, column("date", type="date"), format="xlsx")
    assert rows(result).with_columns(pl.col("date").cast(pl.String)).rows() == [
        (2, "005410949", "2024-01-02"), (3, "552032534", "1999-12-31"),
    ]  # fmt: skip


def test_the_sheet_that_has_the_headers_is_read(tmp_path: Path) -> None:
    path = tmp_path / "f.xlsx"
    with xlsxwriter.Workbook(path) as book:
        pl.DataFrame({"Lisez-moi": ["…"]}).write_excel(book, worksheet="Notice")
        pl.DataFrame({"siren": ["552032534"]}).write_excel(book, worksheet="Données")
    assert rows(read(path, tmp_path / "w", SIREN, format="xlsx"))["siren"].to_list() == [
        "552032534"
    ]


def test_parquet_of_native_types_gives_the_same_rows(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    frame = rows(read(REAL, tmp_path / "csv")).drop("_line")
    frame.rename({c.name: c.header for c in COLUMNS}).write_parquet(path)
    same_as_csv(path, tmp_path, format="parquet")


def test_values_typed_by_the_file_obey_the_rules_of_their_text(tmp_path: Path) -> None:
    """What Parquet holds typed and what CSV spells give the same rows and the same quarantine."""
    columns = (
        column("k", type="integer", nullable=False),
        column("day", type="date", null_values=["1900-01-01"], minimum=date(1800, 1, 1),
               maximum=date(2100, 1, 1), on_error="null"),
        column("strict", type="date", maximum=date(2100, 1, 1)),
        column("at", type="timestamp"),
        column("flag", type="boolean", nullable=False),
        column("code", type="code", pattern="[0-9]{4}", pad_to=4),
        column("word"),
    )  # fmt: skip
    typed = pl.DataFrame(
        {
            "k": [1, 2, None, 4, 5],
            "day": [date(1900, 1, 1), date(3035, 1, 1), date(2020, 2, 29), None, date(1799, 1, 1)],
            "strict": [date(2020, 1, 1), date(2020, 1, 1), None, date(2101, 1, 1), None],
            "at": pl.Series([1_711_122_057_000_000, None, None, None, 0]).cast(pl.Datetime("us")),
            "flag": [True, False, True, True, None],
            "code": [5710, 12, 1000, 1000, 1000],
            "word": ["", "[ND]", None, "a", "b"],
        }
    )
    typed.write_parquet(tmp_path / "f.parquet")
    typed.write_csv(tmp_path / "f.csv", datetime_format="%Y-%m-%dT%H:%M:%S")
    spelt = read(tmp_path / "f.csv", tmp_path / "csv", *columns)
    described = stock(*columns, format="parquet")
    for again in (False, True):
        work = tmp_path / f"parquet-{again}"
        native = read_resource(described, [tmp_path / "f.parquet"], work=work, again=again)
        assert native.path.exists() is not again
        found, expected = native.rows.collect(), spelt.rows.collect()
        assert found.drop("_line").equals(expected.drop("_line"))
        assert found["_line"].to_list() == [1, 2]
        assert (native.read, native.accepted, native.rejected_rows) == (5, 2, 3)
        assert native.rules == spelt.rules
        assert [one[1:] for one in refused(native)] == [one[1:] for one in refused(spelt)]


def test_several_files_read_again_lose_only_their_own_bad_rows(tmp_path: Path) -> None:
    paths = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    pl.DataFrame({"siren": ["552032534", "552032535"]}).write_parquet(paths[0])
    pl.DataFrame({"siren": ["bad", "552032534"]}).write_parquet(paths[1])
    resource = stock(SIREN, format="parquet")
    kept, again = (
        read_resource(resource, paths, work=tmp_path / str(value), again=value).rows.collect()
        for value in (False, True)
    )
    assert kept.equals(again)
    assert again.select("_file", "_line").rows() == [("a.parquet", 1), ("b.parquet", 2)]


def test_nested_parquet_columns_are_json_in_text(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    pl.DataFrame(
        {"registre": [["880878145", "x"], None], "n": [{"a": 1}, {"a": None}]}
    ).write_parquet(path)
    columns = (column("registre", type="json"), column("n", type="json"))
    frame = rows(read(path, tmp_path / "w", *columns, format="parquet"))
    assert [json.loads(one) if one else one for one in frame["registre"]] == [
        ["880878145", "x"], None,
    ]  # fmt: skip
    assert [json.loads(one) for one in frame["n"]] == [{"a": 1}, {"a": None}]


RECORDS = [
    {"siren": "552032534", "nom": "DANONE", "registre": ["552032534", "552 032 534"], "n": 1},
    {"siren": "732829320", "nom": None, "détail.x": {"a": [True]}},
]


@pytest.mark.parametrize(
    ("declared", "content"),
    [
        ("json", json.dumps(RECORDS)),
        ("json", json.dumps(RECORDS, indent=2)),
        ("json", json.dumps({"total_count": 2, "results": RECORDS})),
        ("json", json.dumps({"total": 2, "results": RECORDS}, indent=1)),
        ("jsonl", "\n".join(json.dumps(one) for one in RECORDS) + "\n"),
        ("json", "\n".join(json.dumps(one) for one in RECORDS)),
    ],
)
def test_json_in_every_shape_portals_give_it(tmp_path: Path, declared: str, content: str) -> None:
    path = text(tmp_path / "f.json", content)
    columns = (
        SIREN, NAME, column("registre", type="json"), column("n", type="integer"),
        column("x", source="détail.x", type="json"),
    )  # fmt: skip
    result = read(path, tmp_path / "w", *columns, format=declared)
    assert rows(result).rows() == [
        (1, "552032534", "DANONE", '["552032534","552 032 534"]', 1, None),
        (2, "732829320", None, None, None, '{"a":[true]}'),
    ]


@pytest.mark.parametrize("content", ['[{"siren": "552032534"}, {"si', "[1, 2]", '["a"]', "[}"])
def test_json_that_is_cut_or_of_another_shape_is_refused(tmp_path: Path, content: str) -> None:
    path = text(tmp_path / "f.json", content)
    with pytest.raises(ContractError) as caught:
        read(path, tmp_path / "w", SIREN, format="json")
    assert caught.value.file == "f.json"


def test_an_empty_array_is_0_data_rows(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="0 data rows"):
        read(text(tmp_path / "f.json", "[]"), tmp_path / "w", SIREN, format="json")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf \n", "the file is empty"),
        (b"<!DOCTYPE html><html>503</html>", "the file is a web page"),
        (gzip.compress(b"siren\n1\n", mtime=0), "the file is gzip"),
        ("siren\n552032534\n".encode("utf-16"), "the file is UTF-16"),
        (b'{"error": "no such dataset"}', "the file is jsonl, csv was declared"),
        (b'<?xml version="1.0"?><a/>', "the file is xml, csv was declared"),
        (b"PK\x03\x04broken", "a broken zip archive"),
    ],
)
def test_what_is_not_a_table_is_named_and_refused(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(content)
    with pytest.raises(ContractError, match=said):
        read(path, tmp_path / "w", SIREN)


def test_a_zip_is_never_given_to_the_csv_reader(tmp_path: Path) -> None:
    # Polars reads a zip as garbage without a word: that is why the bytes are looked at.
    path = tmp_path / "f.csv"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(REAL, "StockEtablissement_utf8.csv")
    with pytest.raises(ContractError, match="still a zip archive"):
        read(path, tmp_path / "w")


def test_a_name_that_looks_like_a_glob_is_a_plain_name(tmp_path: Path) -> None:
    path = text(tmp_path / "f[1]*.csv", "siren\n552032534\n")
    assert read(path, tmp_path / "w", SIREN).read == 1
