"""Who each lead was recognised as, on the screen and in a private file."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from operating import copied
from replaying import Replayed
from typer.testing import CliRunner

from leads.verdicts import BY_CERTAINTY
from opendata.errors import SettingsError, StateError
from opendata.sample_portal import SamplePortal
from pipelines.cli import app
from pipelines.lead_list import lead_list, write_list
from pipelines.privacy import Subject, carry_out


def test_every_lead_stands_there_once_the_most_certain_first(replayed: Replayed) -> None:
    rows = lead_list(replayed.workspace)
    matches = replayed.workspace.lead_store.matches()
    assert rows.height == matches.height == rows.select("account_id", "lead_id").n_unique()
    order = [BY_CERTAINTY.index(verdict) for verdict in rows["verdict"]]
    assert order == sorted(order)
    sure = rows.filter(pl.col("verdict") == "confirmed")["probability"].to_list()
    assert sure == sorted(sure, reverse=True)
    contacts = {"contact_first_name", "contact_last_name", "phone", "email", "extra"}
    assert not contacts & set(rows.columns)


def test_it_is_narrowed_by_account_verdict_and_name(replayed: Replayed) -> None:
    workspace = replayed.workspace
    own = lead_list(workspace, account="demo-btp", verdict="confirmed")
    assert set(own["account_id"]) == {"demo-btp"}
    assert set(own["verdict"]) == {"confirmed"}
    found = lead_list(workspace, find="sChInDlEr")
    assert found["company_name"].str.to_lowercase().str.contains("schindler").all()
    assert found.height
    # Text, not a pattern.
    assert lead_list(workspace, find=".*").is_empty()
    with pytest.raises(SettingsError, match="no verdict is called 'sure'"):
        lead_list(workspace, verdict="sure")
    with pytest.raises(StateError, match="no leads of this account"):
        lead_list(workspace, account="nobody")


def test_a_file_of_it_is_private_harmless_and_not_among_the_exports(
    replayed: Replayed, tmp_path: Path
) -> None:
    rows = lead_list(replayed.workspace).head(2).with_columns(company_name=pl.lit("=1+1"))
    exports = replayed.workspace.exports
    write_list(rows, tmp_path / "leads.csv", exports=exports)
    assert (tmp_path / "leads.csv").stat().st_mode & 0o777 == 0o600
    assert pl.read_csv(tmp_path / "leads.csv")["company_name"].to_list() == ["'=1+1"] * 2
    write_list(rows, tmp_path / "leads.parquet", exports=exports)
    assert pl.read_parquet(tmp_path / "leads.parquet").equals(rows)
    with pytest.raises(SettingsError, match="must not lie among the exports"):
        write_list(rows, exports / "leads.csv", exports=exports)
    with pytest.raises(SettingsError, match=r"not written as \.xlsx"):
        write_list(rows, tmp_path / "leads.xlsx", exports=exports)


def test_a_restricted_lead_is_not_listed(
    replayed: Replayed, portal: SamplePortal, tmp_path: Path
) -> None:
    workspace = copied(replayed, portal, tmp_path)
    one = lead_list(workspace, account="demo-btp").row(0, named=True)
    carry_out(workspace, "restrict", Subject("lead", f"demo-btp/{one['lead_id']}"))
    left = lead_list(workspace, account="demo-btp")
    assert one["lead_id"] not in left["lead_id"].to_list()


def test_the_screen_shows_whole_ids_and_names_as_text(replayed: Replayed) -> None:
    folder = str(replayed.workspace.data_dir)
    shown = CliRunner().invoke(app, ["leads", "--data-dir", folder, "--limit", "3"])
    assert shown.exit_code == 0
    ids = lead_list(replayed.workspace)["lead_id"].head(3).to_list()
    assert all(one in shown.stdout for one in ids)
    assert "448 more" in shown.stdout
