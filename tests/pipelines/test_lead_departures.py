"""A lead that leaves the customer's list leaves the feed; a truncated list removes nobody."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from operating import copied
from replaying import Replayed, stream_rows

from assets.feed import publish
from assets.lead_intake import take_in
from assets.lead_matching import match_all
from assets.workspace import Workspace
from opendata.sample_portal import SamplePortal
from pipelines import replay

ACCOUNT = "demo-services"


@pytest.fixture
def workspace(replayed: Replayed, portal: SamplePortal, tmp_path: Path) -> Workspace:
    return copied(replayed, portal, tmp_path)


def _listing(workspace: Workspace, rows: pl.DataFrame, name: str = "leads.csv") -> Workspace:
    path = workspace.data_dir.parent / name
    rows.write_csv(path)
    return replace(workspace, leads=path)


LEADS = pl.read_csv(replay.SAMPLE / "leads.csv", infer_schema=False)


def test_a_lead_that_left_is_retracted_from_its_accounts_stream(workspace: Workspace) -> None:
    stream = workspace.exports / "accounts" / ACCOUNT
    before = stream_rows(stream)
    standing = before.filter(pl.col("op").is_in(["ASSERT", "AMEND"]))
    lead = standing["lead_id"][0]
    count = standing.filter(pl.col("lead_id") == lead)["signalid"].n_unique()
    without = _listing(workspace, LEADS.filter(pl.col("lead_id") != lead))
    counts = take_in(without)
    assert (counts["removed"], counts["removal_held"]) == (1, {})
    match_all(without)
    publish(without)
    added = stream_rows(stream)[before.height :]
    assert set(added["lead_id"]) == {lead}
    assert added["op"].to_list() == ["RETRACT"] * count
    assert set(added["reason"]) == {"lead_removed"}
    company = workspace.exports / "company"
    assert lead not in stream_rows(company)["lead_id"].to_list()
    # Back in the list, it is told of again.
    back = _listing(workspace, LEADS, "back.csv")
    assert take_in(back)["added"] == 1
    match_all(back)
    publish(back)
    again = stream_rows(stream)[before.height + count :]
    assert set(again["op"]) <= {"ASSERT"}
    assert set(again["lead_id"]) <= {lead}


def test_a_truncated_list_is_held_until_the_operator_says_so(workspace: Workspace) -> None:
    held = workspace.lead_store.leads().height
    few = LEADS.filter(pl.col("account_id") == ACCOUNT).head(5)
    short = _listing(workspace, few)
    counts = take_in(short)
    assert counts["removed"] == 0
    assert list(counts["removal_held"]) == [ACCOUNT]
    assert "none is removed" in counts["removal_held"][ACCOUNT]
    assert workspace.lead_store.leads().height == held
    assert take_in(short)["unchanged_file"]
    accepted = take_in(replace(short, leads_floor=0.0))
    assert accepted["removal_held"] == {}
    assert workspace.lead_store.leads(ACCOUNT).height == 5
    # An account that the file does not name keeps its leads.
    others = LEADS.filter(pl.col("account_id") != ACCOUNT).height
    assert workspace.lead_store.leads().height == 5 + others


def test_a_file_of_additions_removes_nobody(workspace: Workspace) -> None:
    held = workspace.lead_store.leads().height
    news = LEADS.head(1).with_columns(lead_id=pl.lit("L-new"), company_name=pl.lit("Danone"))
    counts = take_in(replace(_listing(workspace, news), leads_complete=False))
    assert (counts["added"], counts["removed"]) == (1, 0)
    assert workspace.lead_store.leads().height == held + 1


def test_a_refused_row_is_no_departure(workspace: Workspace) -> None:
    held = workspace.lead_store.leads().height
    lead = LEADS["lead_id"][0]
    empty = pl.when(pl.col("lead_id") != lead)
    broken = LEADS.with_columns(
        empty.then(pl.col(name)).alias(name)
        for name in ("company_name", "siren", "siret", "website")
    )
    counts = take_in(_listing(workspace, broken))
    assert (counts["rejected"], counts["removed"]) == (1, 0)
    assert workspace.lead_store.leads().height == held


def test_a_row_that_cannot_be_cut_may_be_anyones(workspace: Workspace) -> None:
    path = workspace.data_dir.parent / "leads.csv"
    LEADS.slice(1).write_csv(path)
    with path.open("a", encoding="utf-8") as stream:
        stream.write("one,cell,too,many,,,,,,,,,\n")
    counts = take_in(replace(workspace, leads=path))
    assert counts["removed"] == 0
    assert list(counts["removal_held"]) == [LEADS["account_id"][0]]
    assert "could not be read" in counts["removal_held"][LEADS["account_id"][0]]
