"""The feed: one gapless stream per tenant, nothing of another's, nothing unattributed."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path

import fastexcel
import polars as pl
import pytest
from signal_tables import SALE, table
from signal_world import (
    BUYER,
    LATER,
    LIQUIDATION,
    OTHER_SALE,
    SELLER,
    account,
    at,
    candidates,
    check_consistent,
    current,
    match,
    publish,
    sales,
    source_frame,
    stream,
    tell,
    tree,
)

from opendata.cells import harmless
from opendata.errors import LicenceError
from signals.contract import SignalRow
from signals.feed import manifest
from signals.feed.companions import COMPANIONS, OF_ACCOUNTS
from signals.feed.customers import Customers
from signals.feed.schemas import contract_files
from signals.insolvency import periods, standing_on
from signals.log import SignalLog


def test_each_stream_counts_for_itself(log: SignalLog, out: Path) -> None:
    report = publish(log, out, match("l1", BUYER), match("l2", SELLER, "other-co"))
    assert report.published
    assert stream(out / "company").height == 4
    for name, siren in (("acme", BUYER), ("other-co", SELLER)):
        rows = stream(account(out, name))
        assert rows["siren"].to_list() == [siren]
        assert rows["sequence"].to_list() == [f"{1:020}"]
        assert rows["source"].to_list() == [f"urn:company-signals:account:{name}"]
        check_consistent(account(out, name))
    check_consistent(out / "company")


def test_lead_rows_carry_the_match(log: SignalLog, out: Path) -> None:
    publish(log, out, match("l1", BUYER, verdict="probable", probability=0.8))
    (row,) = stream(account(out)).iter_rows(named=True)
    assert (row["lead_id"], row["account_id"], row["match_id"]) == ("l1", "acme", "m-l1")
    assert (row["match_status"], row["match_reasons"]) == ("probable", ["name", "postcode"])
    assert json.loads(row["score_breakdown"])["match"] == 0.8
    company = log.current().filter(pl.col("siren") == BUYER).to_dicts()[0]
    assert row["score"] < company["score"]
    assert row["correlationid"] == company["signalid"] != row["signalid"]


def test_every_row_names_record_date_publisher_and_licence(log: SignalLog, out: Path) -> None:
    publish(log, out, match("l1", BUYER))
    for folder in (out / "company", account(out)):
        for rows in (stream(folder), current(folder)):
            assert rows.height
            for row in rows.iter_rows(named=True):
                SignalRow.model_validate(row)
                for one in row["evidence"]:
                    assert one["dataset_id"] == "bodacc"
                    assert one["record_key"].startswith("A2021")
                    assert one["publication_date"] == date(2021, 1, 8)
                    assert one["source_last_update"] == date(2021, 1, 8)
                    assert (one["publisher"], one["licence"]) == ("DILA", "lov2")
                    assert "DILA" in one["attribution"]


def test_files_say_their_licence_and_attribution(log: SignalLog, out: Path) -> None:
    publish(log, out, match("l1", BUYER))
    for path in account(out).rglob("*.parquet"):
        about = pl.read_parquet_metadata(path)
        assert about["licence"] == "Licence Ouverte 2.0"
        assert "Source : DILA" in about["attribution"]
    text = (account(out) / "ATTRIBUTION.md").read_text()
    for named in (
        "## Annonces commerciales",
        "Source : DILA, Annonces commerciales, mise à jour du 08/01/2021.",
        "[DILA](https://www.dila.fr)",
        "<https://www.data.gouv.fr/datasets/bodacc>",
        "[Licence Ouverte 2.0](https://www.etalab.gouv.fr/licence-ouverte-open-licence)",
        "Last update used: 2021-01-08",
        "no publisher named here endorses it",
        "n'approuve ni ne parraine cette réutilisation",
    ):
        assert named in text
    assert "Insee" not in text  # no signal of this stream comes from Sirene
    about = fastexcel.read_excel(account(out) / "signals_current.xlsx")
    cells = str(about.load_sheet("attribution", header_row=None).to_polars().to_dicts())
    assert "no publisher named here endorses it" in cells
    content = json.loads((account(out) / "manifest.json").read_text())
    assert content["sources"] == [
        {
            "title": "Annonces commerciales",
            "path": "https://www.data.gouv.fr/datasets/bodacc",
            "version": "2021-01-08",
        }
    ]
    assert [one["name"] for one in content["licenses"]] == ["lov2"]


@pytest.mark.parametrize("licence", ["odc-odbl", "notspecified"])
def test_source_that_is_not_open_stops_everything(log: SignalLog, out: Path, licence: str) -> None:
    with pytest.raises(LicenceError, match=licence):
        publish(log, out, match("l1", BUYER), sources=source_frame(licence))
    assert not out.exists()


def test_source_that_is_not_described_stops_everything(log: SignalLog, out: Path) -> None:
    with pytest.raises(LicenceError, match="bodacc@v1"):
        publish(log, out, sources=source_frame().filter(pl.col("dataset") != "bodacc"))
    assert not out.exists()


@pytest.mark.parametrize("accounts", [0, 1])
def test_a_licence_that_closes_stops_what_was_published_before(
    log: SignalLog, out: Path, accounts: int
) -> None:
    leads = [match("l1", BUYER)][:accounts]
    publish(log, out, *leads)
    before = tree(out)
    with pytest.raises(LicenceError, match="odc-odbl"):
        publish(log, out, *leads, sources=source_frame("odc-odbl"), day=LATER)
    assert tree(out) == before


def test_nothing_new_writes_nothing(log: SignalLog, out: Path) -> None:
    publish(log, out, match("l1", BUYER))
    before = tree(out)
    report = publish(log, out, match("l1", BUYER), day=LATER)
    assert not report.published
    assert str(report) == "nothing new: nothing written"
    assert (report.counts, report.paths) == ({}, ())
    assert tree(out) == before


def test_expiry_alone_is_news(log: SignalLog, out: Path) -> None:
    publish(log, out, match("l1", BUYER))
    assert current(account(out)).height == 1
    # Of 1 December, valid 90 days: the last one is 1 March, Paris time.
    publish(log, out, match("l1", BUYER), day=date(2021, 3, 1))
    assert current(account(out)).height == 1
    report = publish(log, out, match("l1", BUYER), day=date(2021, 3, 2))
    assert report.published
    assert current(account(out)).is_empty()
    assert stream(account(out)).height == 1


@pytest.mark.parametrize("verdict", ["ambiguous", "rejected"])
def test_doubtful_match_gives_no_signal(log: SignalLog, out: Path, verdict: str) -> None:
    publish(log, out, match("l1", BUYER, verdict=verdict))
    assert stream(account(out)).is_empty()
    assert pl.read_parquet(account(out) / "matches.parquet").height == 1


def ops(out: Path) -> list[tuple[str, str | None, str]]:
    return stream(account(out)).select("op", "reason", "lead_id").rows()


def test_lead_added_later_receives_what_is_still_valid_once(log: SignalLog, out: Path) -> None:
    publish(log, out, match("l1", BUYER))
    both = [match("l1", BUYER), match("l2", SELLER)]
    publish(log, out, *both, day=LATER)
    publish(log, out, *both, day=date(2021, 1, 13))
    assert ops(out) == [("ASSERT", None, "l1"), ("ASSERT", "lead_added", "l2")]
    third = [*both, match("l3", OTHER_SALE["buyer_siren"])]
    publish(log, out, *third, day=date(2021, 6, 1))  # its sale has expired by then
    assert len(ops(out)) == 2


def test_account_opened_later_is_told_why(log: SignalLog, out: Path) -> None:
    publish(log, out, match("l1", BUYER, "first"))
    publish(log, out, match("l1", BUYER, "first"), match("l2", BUYER), day=LATER)
    assert ops(out) == [("ASSERT", "lead_added", "l2")]


def test_lead_removed_and_match_changed_are_retracted(log: SignalLog, out: Path) -> None:
    publish(log, out, match("l1", BUYER), match("l2", SELLER))
    publish(log, out, match("l1", SELLER), day=LATER)
    assert sorted(ops(out)[2:]) == [
        ("ASSERT", "match_changed", "l1"),
        ("RETRACT", "lead_removed", "l2"),
        ("RETRACT", "match_changed", "l1"),
    ]
    assert current(account(out))["siren"].to_list() == [SELLER]
    gone = pl.read_parquet(account(out) / "tombstones.parquet")
    assert gone["op"].to_list() == ["RETRACT", "RETRACT"]
    publish(log, out, match("l1", BUYER), day=date(2021, 1, 13))
    assert current(account(out))["siren"].to_list() == [BUYER]
    assert stream(account(out))["id"].is_duplicated().any() is False


def test_account_without_leads_any_more_is_emptied(log: SignalLog, out: Path) -> None:
    publish(log, out, match("l1", BUYER))
    publish(log, out, day=LATER)
    assert ops(out)[1:] == [("RETRACT", "lead_removed", "l1")]
    assert pl.read_parquet(account(out) / "matches.parquet").is_empty()


def test_amendment_retraction_and_correction_of_the_match_follow(log: SignalLog, out: Path) -> None:
    publish(log, out, match("l1", BUYER, verdict="probable"))
    publish(log, out, match("l1", BUYER))
    tell(log, sales({**SALE, "ville": "Ailleurs"}))
    publish(log, out, match("l1", BUYER))  # the same instant: order, not time, tells
    ids = log.current().filter(pl.col("siren") == BUYER)["signalid"].to_list()
    log.retract(ids, reason="annulation", recorded=at(LATER), run_id="run-2")
    publish(log, out, match("l1", BUYER), day=LATER)
    assert [row[:2] for row in ops(out)] == [
        ("ASSERT", None),
        ("AMEND", "match_changed"),
        ("AMEND", "source_correction"),
        ("RETRACT", "annulation"),
    ]
    rows = stream(account(out))
    assert rows["supersedes"].to_list() == [None, *rows["id"].to_list()[:-1]]
    assert rows["signalid"].n_unique() == 1


def test_erased_company_leaves_every_published_file(log: SignalLog, out: Path) -> None:
    leads = [match("l1", BUYER), match("l2", SELLER), match("l3", OTHER_SALE["buyer_siren"])]
    publish(log, out, *leads)
    untouched = tree(account(out))["manifest.json"]
    log.erase([SELLER], reason="opposition", recorded=at(LATER), run_id="run-2")
    publish(log, out, leads[2], day=LATER)
    publish(log, out, leads[2], day=date(2021, 1, 13), source_status=pl.DataFrame({"s": [1]}))
    publish(log, out, leads[2], day=date(2021, 1, 14), source_status=pl.DataFrame({"s": [2]}))
    assert tree(account(out))["manifest.json"] != untouched
    for folder in (out / "company", account(out)):
        check_consistent(folder)
        assert stream(folder).filter(pl.col("op") == "ERASE").height
        for path in folder.rglob("*"):
            if path.suffix == ".parquet":
                assert SELLER not in str(pl.read_parquet(path, glob=False).to_dicts()), path
            elif path.is_file() and path.suffix != ".xlsx":
                assert SELLER not in path.read_text(), path
    assert current(account(out))["siren"].to_list() == [OTHER_SALE["buyer_siren"]]


def test_liquidation_silences_the_opportunities_of_the_lead(log: SignalLog, out: Path) -> None:
    publish(log, out, match("l1", BUYER))
    before = pl.read_parquet(account(out) / "lead_scores.parquet").to_dicts()[0]
    assert before["score"] > 0
    tell(log, candidates(bodacc__insolvencies=[LIQUIDATION]))
    publish(log, out, match("l1", BUYER), day=LATER)
    (after,) = pl.read_parquet(account(out) / "lead_scores.parquet").to_dicts()
    assert after["score"] == 0
    assert after["opportunity"] > 0
    assert after["suppressed_by"] is not None


def test_the_state_of_today_silences_a_lead_that_has_no_signal_of_it(
    log: SignalLog, out: Path
) -> None:
    publish(log, out, match("l1", BUYER))
    judgments = table("bodacc__insolvencies", [LIQUIDATION]).drop("_op").lazy()
    states = standing_on(periods(judgments), LATER)
    publish(log, out, match("l1", BUYER), day=LATER, customers=Customers(insolvency=states))
    (lead,) = pl.read_parquet(account(out) / "lead_scores.parquet").to_dicts()
    assert lead["score"] == 0
    assert lead["suppressed_by"] == f"bodacc:{LIQUIDATION['notice_id']}"
    assert json.loads(lead["score_breakdown"])["insolvency"]["since"] == "2021-01-05"
    # Whoever states it is named.
    assert "bodacc@v1" in pl.read_parquet(account(out) / "sources.parquet")["source_id"].to_list()


def test_spreadsheets_hold_no_formula(log: SignalLog, out: Path) -> None:
    evil = {**SALE, "buyer_name": '=HYPERLINK("http://evil")', "notice_id": "+A1"}
    tell(log, sales({**evil, "buyer_siren": "443061304"}))
    publish(log, out, match("@lead", "443061304"))
    with (account(out) / "signals_current.csv").open(encoding="utf-8-sig") as lines:
        (row,) = csv.DictReader(lines, delimiter=";")
    assert row["company_name"] == '\'=HYPERLINK("http://evil")'
    assert row["lead_id"] == "'@lead"
    assert row["record_key"] == "'+A1"
    assert (row["siren"], row["licence"], row["dataset_id"]) == ("443061304", "lov2", "bodacc")
    assert row["publication_date"] == "2021-01-08"
    book = fastexcel.read_excel(account(out) / "signals_current.xlsx")
    (cells,) = book.load_sheet("signals").to_polars().to_dicts()
    assert cells["company_name"] == '\'=HYPERLINK("http://evil")'
    assert cells["siren"] == "443061304"
    assert "DILA" in str(book.load_sheet("attribution", header_row=None).to_polars().to_dicts())


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "|x", "\x00\rx"]
)
def test_what_a_spreadsheet_would_compute_gets_an_apostrophe(text: str) -> None:
    assert harmless(pl.DataFrame({"a": [text]}))["a"].to_list() == [f"'{text}"]


@pytest.mark.parametrize("text", ["A=1", "12-3", "a@b", "", None, "ÉTS"])
def test_what_is_plain_text_stays(text: str | None) -> None:
    rows = pl.DataFrame({"a": [text]}, schema={"a": pl.String()})
    assert harmless(rows).equals(rows)


def test_copies_for_people_are_those_of_the_manifest_and_come_back(
    log: SignalLog, out: Path
) -> None:
    publish(log, out, match("l1", BUYER))
    whole = tree(out)
    (account(out) / "signals_current.xlsx").unlink()
    (account(out) / "ATTRIBUTION.md").write_text("changed by hand")
    publish(log, out, match("l1", BUYER))
    assert tree(out) == whole


def test_version_before_is_kept_and_no_other(log: SignalLog, out: Path) -> None:
    seen = []
    for number in range(4):
        status = pl.DataFrame({"state": [f"run {number}"]})
        publish(log, out, match("l1", BUYER), source_status=status)
        seen.append(manifest.read(account(out)).version)
    kept = sorted(path.name for path in (account(out) / "versions").iterdir())
    assert kept == sorted(seen[-2:])


def test_manifest_is_a_data_package(log: SignalLog, out: Path) -> None:
    publish(log, out, match("l1", BUYER))
    content = json.loads((account(out) / "manifest.json").read_text())
    assert content["$schema"].endswith("/2.0/datapackage.json")
    assert content["created"] == "2021-01-08T11:00:00Z"
    assert content["snapshot"]["as_of_sequence"] == content["max_sequence"] == f"{1:020}"
    names = [one["name"] for one in content["resources"]]
    assert len(set(names)) == len(names)
    (table,) = [one for one in content["resources"] if one["name"] == "signals_current"]
    assert [one["name"] for one in table["schema"]["fields"]] == list(SignalRow.model_fields)
    assert {Path(one["path"]).name for one in content["resources"]} == {
        "ATTRIBUTION.md", "signals_current.csv", "signals_current.parquet",
        "signals_current.jsonl", "signals_current.xlsx",
        *(f"{table}.parquet" for table in COMPANIONS), *contract_files(),
    }  # fmt: skip


def test_no_lead_and_no_match_in_the_company_stream(log: SignalLog, out: Path) -> None:
    publish(log, out, match("l1", BUYER))
    rows = stream(out / "company")
    private = ["lead_id", "account_id", "match_id", "match_probability", "match_status"]
    assert rows.select(pl.col(private).is_null().all()).row(0) == (True,) * len(private)
    names = {path.name for path in (out / "company").iterdir()}
    assert not names & {"signals_current.xlsx", "signals_current.csv", "signals_current.jsonl"}
    assert not names & {f"{table}.parquet" for table in OF_ACCOUNTS}


def test_json_lines_say_what_the_snapshot_says(log: SignalLog, out: Path) -> None:
    publish(log, out, match("l1", BUYER))
    lines = (account(out) / "signals_current.jsonl").read_text().splitlines()
    rows = current(account(out))
    assert [json.loads(line)["id"] for line in lines] == rows["id"].to_list()
    (said,) = [json.loads(line) for line in lines]
    assert (said["siren"], said["lead_id"]) == (BUYER, "l1")
    assert said["evidence"][0]["publisher"] == "DILA"
