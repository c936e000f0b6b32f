"""From an exported row back to the publisher's line."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from replaying import Replayed, stream_rows

from assets.workspace import Workspace
from opendata.errors import SettingsError
from opendata.raw_lines import find_line
from pipelines.explain import print_explanation


def told(workspace: Workspace, signal: str, capsys: pytest.CaptureFixture[str]) -> str:
    print_explanation(workspace, signal)
    return " ".join(capsys.readouterr().out.replace("│", " ").split())


def first(stream: Path, kind: str) -> dict[str, object]:
    rows = stream_rows(stream).filter(pl.col("type").str.contains(f".{kind}.", literal=True))
    return rows.row(0, named=True)


def test_a_lead_s_signal_leads_to_its_match_its_rule_and_its_line(
    replayed: Replayed, capsys: pytest.CaptureFixture[str]
) -> None:
    row = first(replayed.exports / "accounts" / "demo-btp", "contract_won")
    text = told(replayed.workspace, str(row["id"]), capsys)
    assert f"lead {row['lead_id']}, {row['match_status']}" in text
    assert "rule contract_won" in text
    assert "guard One contract is one event" in text
    assert "Licence Ouverte" in text
    line = int(text.rsplit("line ", 1)[1].split()[0].replace(",", ""))
    (raw,) = [
        path
        for path in (replayed.data_dir / "raw" / "decp").rglob("decp.csv")
        if f"sha256 {path.parent.name}" in text.replace("sha256 ", "sha256 ")
    ]
    key = row["evidence"][0]["record_key"]  # type: ignore[index]
    wanted = raw.read_text(encoding="utf-8").split("\n")[line - 1]
    assert all(part in wanted for part in key.split("/"))


def test_what_is_derived_leads_to_both_states_it_compares(
    replayed: Replayed, capsys: pytest.CaptureFixture[str]
) -> None:
    row = first(replayed.exports / "company", "hq_moved")
    text = told(replayed.workspace, str(row["signalid"]), capsys)
    assert text.count("made from sirene@") == 2
    assert "stock-stocketablissement-csv.zip" in text
    assert "line " in text


def test_a_file_that_is_gone_is_said_and_its_receipt_stays(
    replayed: Replayed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = first(replayed.exports / "company", "egapro_index_below_75")
    shutil.copytree(replayed.data_dir, tmp_path / "data")
    workspace = replace(replayed.workspace, data_dir=tmp_path / "data")
    for path in (tmp_path / "data" / "raw" / "egapro").rglob("*.csv"):
        path.unlink()
    text = told(workspace, str(row["id"]), capsys)
    assert "was removed since" in text
    assert "index-egalite-fh.csv" in text


def test_an_erased_signal_shows_that_it_was(
    replayed: Replayed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = first(replayed.exports / "company", "egapro_index_below_75")
    shutil.copytree(replayed.data_dir / "signals", tmp_path / "data" / "signals")
    workspace = replace(replayed.workspace, data_dir=tmp_path / "data")
    workspace.log.erase(
        [str(row["siren"])],
        reason="opposition",
        recorded=workspace.clock.now(),
        run_id=workspace.run_id,
    )
    text = told(workspace, str(row["signalid"]), capsys)
    assert "ERASE, opposition" in text
    assert str(row["siren"]) not in text
    assert str(row["company_name"]) not in text


def test_an_unknown_id_is_refused(replayed: Replayed) -> None:
    with pytest.raises(SettingsError, match="no signal has this id"):
        print_explanation(replayed.workspace, "0" * 32)


def test_a_line_is_found_in_plain_and_packed_text(tmp_path: Path) -> None:
    plain = tmp_path / "a.csv"
    plain.write_text("siren,name\n111,é\n222,b\n", encoding="utf-8")
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(plain, "a.csv")
    for path in (plain, packed):
        assert find_line(path, ["222", "b"]) == 3
        assert find_line(path, ["222", "é"]) is None
        assert find_line(path, []) is None
    packed.write_bytes(packed.read_bytes()[:40])
    assert find_line(packed, ["222"]) is None
