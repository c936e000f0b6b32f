"""A whole file against its contract: every record is accounted for."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from establishments import COLUMNS, REAL, ROWS, SIREN, SIRET, column, read, refused, rows, stock

from opendata.contract import read_resource
from opendata.errors import ContractError, StateError


def cut(tmp_path: Path, number: int = 20) -> list[dict[str, str]]:
    with REAL.open(encoding="utf-8", newline="") as stream:
        return [record for _, record in zip(range(number), csv.DictReader(stream), strict=False)]


def written(path: Path, records: list[dict[str, str]], delimiter: str = ",") -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(records[0]), delimiter=delimiter, lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
    return path


def test_a_real_file_is_typed_and_complete(tmp_path: Path) -> None:
    result = read(REAL, tmp_path)
    assert (result.read, result.accepted, result.rejected_rows) == (ROWS, ROWS, 0)
    assert result.rejected is None
    assert result.rules == {}
    frame = rows(result)
    assert dict(frame.schema) == {
        "_line": pl.Int64, "siren": pl.String, "siret": pl.String, "date_creation": pl.Date,
        "siege": pl.Boolean, "etat": pl.String, "code_postal": pl.String, "commune": pl.String,
        "traitement": pl.Datetime("us"), "periodes": pl.Int64,
    }  # fmt: skip
    assert frame["_line"].to_list() == list(range(2, ROWS + 2))
    # Against the standard library's reader, value by value.
    for record, row in zip(cut(tmp_path, ROWS), frame.iter_rows(named=True), strict=True):
        assert row["siret"] == record["siret"]
        assert row["commune"] == (record["libelleCommuneEtablissement"] or None)
        born = record["dateCreationEtablissement"]
        assert row["date_creation"] == (dt.date.fromisoformat(born) if born else None)
        assert row["siege"] is (record["etablissementSiege"] == "true")
    assert "nic" in result.new_columns


def test_a_bad_row_goes_to_quarantine_with_its_first_broken_rule_by_column(tmp_path: Path) -> None:
    records = cut(tmp_path)
    records[3]["siren"] = "005420022"
    records[3]["etatAdministratifEtablissement"] = "X"
    records[5]["siret"] = ""
    records[7]["dateCreationEtablissement"] = "31/12/1999"
    result = read(written(tmp_path / "f.csv", records), tmp_path)
    assert (result.read, result.accepted, result.rejected_rows) == (20, 17, 3)
    assert refused(result) == [
        (5, "etat", "one_of", "X"),
        (5, "siren", "luhn", "005420022"),
        (7, "siret", "required", None),
        (9, "date_creation", "date", "31/12/1999"),
    ]
    assert result.rules == {
        "date_creation:date": 1, "etat:one_of": 1, "siren:luhn": 1, "siret:required": 1,
    }  # fmt: skip
    assert set(rows(result)["_line"]).isdisjoint({5, 7, 9})
    quarantine = pl.read_parquet(result.rejected or "")
    assert quarantine.columns == ["resource", "file", "line", "column", "rule", "value"]
    assert set(quarantine["file"]) == {"f.csv"}


def test_on_error_null_keeps_the_row_and_counts_the_value(tmp_path: Path) -> None:
    records = cut(tmp_path)
    records[2]["dateCreationEtablissement"] = "hier"
    records[4]["codePostalEtablissement"] = "8010"
    columns = (
        SIREN,
        column("date_creation", source="dateCreationEtablissement", type="date", on_error="null"),
        column(
            "code_postal", source="codePostalEtablissement", pattern="[0-9]{5}", on_error="null"
        ),
    )
    result = read(written(tmp_path / "f.csv", records), tmp_path, *columns)
    assert (result.accepted, result.rejected) == (20, None)
    assert result.rules == {"code_postal:unreadable": 1, "date_creation:unreadable": 1}
    frame = rows(result)
    assert frame["date_creation"][2] is None
    assert frame["code_postal"][4] is None
    assert frame["code_postal"][5] is not None


def test_a_lenient_column_that_must_be_filled_refuses_the_row(tmp_path: Path) -> None:
    records = cut(tmp_path)
    records[2]["nombrePeriodesEtablissement"] = "zéro"
    declared = column(
        "periodes", source="nombrePeriodesEtablissement", type="integer", nullable=False,
        on_error="null",
    )  # fmt: skip
    result = read(written(tmp_path / "f.csv", records), tmp_path, SIREN, declared)
    assert refused(result) == [(4, "periodes", "required", "zéro")]


def test_personal_values_never_reach_the_quarantine(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("siren,nom\n552032534,Jeanne Martin 4\n", encoding="utf-8")
    declared = column("nom", pattern="[A-Za-z ]+", personal="sole_trader")
    result = read(path, tmp_path / "w", SIREN, declared)
    assert refused(result) == [(2, "nom", "pattern", "<personal>")]
    for file in (tmp_path / "w").iterdir():
        assert b"Martin" not in file.read_bytes()


def test_a_lost_column_is_an_error_that_lists_what_is_there(tmp_path: Path) -> None:
    records = [{k: v for k, v in one.items() if k != "siret"} for one in cut(tmp_path)]
    with pytest.raises(ContractError) as caught:
        read(written(tmp_path / "f.csv", records), tmp_path)
    assert "columns not found: siret; found: siren, nic," in caught.value.what
    assert (caught.value.resource, caught.value.file) == ("stock", "f.csv")


def test_a_renamed_header_is_found_by_its_synonym_whatever_its_case(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("N° Siren , etat\n552032534,A\n", encoding="utf-8")
    declared = SIREN.model_copy(update={"synonyms": ("numero siren", "n° SIREN")})
    assert rows(read(path, tmp_path / "w", declared))["siren"].to_list() == ["552032534"]
    with pytest.raises(ContractError, match="columns not found: siren"):
        read(path, tmp_path / "w", SIREN)


def test_an_optional_column_that_is_absent_is_null(tmp_path: Path) -> None:
    naf = column("naf25", source="activitePrincipaleNAF25Etablissement", required=False)
    frame = rows(read(REAL, tmp_path, SIRET, naf))
    assert frame["naf25"].null_count() == ROWS
    assert frame["naf25"].dtype == pl.String


def test_a_header_twice_is_refused_only_where_it_matters(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("siren,x,x\n552032534,1,2\n", encoding="utf-8")
    assert read(path, tmp_path / "w", SIREN).accepted == 1
    with pytest.raises(ContractError, match="'x' stands 2 times"):
        read(path, tmp_path / "w", SIREN, column("x"))


def test_a_file_without_data_rows_is_an_error_unless_the_window_may_be_empty(
    tmp_path: Path,
) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(REAL.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(ContractError, match="0 data rows"):
        read(path, tmp_path / "w")
    result = read_resource(stock(), [path], work=tmp_path / "w", empty_ok=True)
    assert result.read == 0
    assert rows(result).columns == ["_line", *(one.name for one in COLUMNS)]


def test_several_files_are_one_table_and_keep_their_own_numbers(tmp_path: Path) -> None:
    records = cut(tmp_path, 6)
    records[5]["siren"] = "1"
    paths = [
        written(tmp_path / "a.csv", records[:4]),
        # The second page has its columns in another order.
        written(tmp_path / "b.csv", [dict(reversed(one.items())) for one in records[4:]]),
    ]
    result = read_resource(stock(), paths, work=tmp_path / "w")
    assert rows(result).select("_file", "_line").rows() == [
        ("a.csv", 2), ("a.csv", 3), ("a.csv", 4), ("a.csv", 5), ("b.csv", 2),
    ]  # fmt: skip
    assert [row[0] for row in refused(result)] == [3]
    assert result.read == result.accepted + result.rejected_rows == 6


def test_a_record_with_too_many_fields_is_set_apart_and_the_others_kept(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text(
        'siren,nom\n552032534,DANONE\n775670417,A,B,C\n732829320,"X, Y"\n"005410949"\n',
        encoding="utf-8",
    )
    result = read(path, tmp_path / "w", SIREN, column("nom"))
    assert (result.read, result.accepted, result.rejected_rows) == (4, 2, 2)
    assert refused(result) == [(3, "", "fields", "4"), (5, "", "fields", "1")]
    assert rows(result).rows() == [(2, "552032534", "DANONE"), (4, "732829320", "X, Y")]


def test_a_lost_record_is_never_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = pl.LazyFrame.sink_parquet

    def leaking(frame: pl.LazyFrame, path: Path, **options: object) -> object:
        return honest(frame.slice(1), path, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(pl.LazyFrame, "sink_parquet", leaking)
    with pytest.raises(StateError, match="777 records were read but 776 kept and 0 refused"):
        read(REAL, tmp_path)


def test_the_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (read(REAL, tmp_path / name) for name in ("a", "b"))
    assert first.path.read_bytes() == second.path.read_bytes()
