"""The feed: one gapless stream per tenant, nothing of another's, nothing unattributed."""

from __future__ import annotations

import csv
import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import fastexcel
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from signal_tables import SALE
from signal_world import (
    BUYER,
    LIQUIDATION,
    OTHER_SALE,
    SELLER,
    at,
    candidates,
    killed_at,
    match,
    match_frame,
    points,
    publish,
    sales,
    source_frame,
    tell,
    tree,
)

from opendata.errors import LicenceError, SettingsError, StateError
from signals.contract import SignalRow
from signals.feed import manifest
from signals.feed.current import harmless
from signals.feed.export import account_folder
from signals.log import SignalLog
from signals.segments import Segment, read_segments

LATER = date(2021, 1, 12)


@pytest.fixture
def log(tmp_path: Path) -> SignalLog:
    log = SignalLog(tmp_path / "signals")
    tell(log, sales(SALE, OTHER_SALE))
    return log


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "exports"


def stream(folder: Path) -> pl.DataFrame:
    published = manifest.read(folder)
    return read_segments(folder, published.segments)


def account(out: Path, name: str = "acme") -> Path:
    return out / "accounts" / name


def current(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "signals_current.parquet")


def check_consistent(folder: Path) -> None:
    """Assert what a consumer may rely on at any instant: everything named is as described."""
    content = json.loads((folder / "manifest.json").read_text())
    expected = 1
    for entry in content["segments"]:
        rows = read_segments(folder, [Segment.parse(entry)])
        numbers = rows["sequence"].cast(pl.Int64).to_list()
        assert numbers == list(range(expected, expected + entry["rows"]))
        expected += entry["rows"]
    assert int(content["max_sequence"]) == expected - 1
    for entry in [*content["segments"], *content["resources"]]:
        path = folder / entry["path"]
        assert path.stat().st_size == entry["bytes"]
        assert entry["hash"] == f"sha256:{tree(path.parent)[path.name]}"


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
    assert "DILA" in text
    assert "08/01/2021" in text
    assert "Insee" not in text  # no signal of this stream comes from Sirene
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
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "|x"]
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


@pytest.mark.parametrize(
    "name",
    [
        "../../etc",
        "..",
        ".",
        "/abs",
        "a/b",
        "A",
        "a@example.org",
        "é",
        "h_" + "0" * 32,
        "x" * 64,
    ],
)
def test_account_ids_never_leave_their_folder(log: SignalLog, out: Path, name: str) -> None:
    folder = account_folder(name)
    assert folder.startswith("h_")
    assert folder != name
    publish(log, out, match("l1", BUYER, name))
    assert [path.name for path in (out / "accounts").iterdir()] == [folder]
    assert sorted(path.name for path in out.iterdir()) == ["accounts", "company"]
    publish(log, out, match("l1", BUYER, name), day=LATER)
    assert stream(account(out, folder)).height == 1


def test_match_without_account_is_refused(log: SignalLog, out: Path) -> None:
    for nameless in (None, ""):
        with pytest.raises(SettingsError, match="has no"):
            publish(log, out, match("l1", BUYER, account_id=nameless))
    with pytest.raises(SettingsError, match="probability"):
        publish(log, out, matches=match_frame(match("l1", BUYER)).drop("probability"))


def test_damaged_manifest_is_an_error_not_a_new_stream(log: SignalLog, out: Path) -> None:
    publish(log, out, match("l1", BUYER))
    (account(out) / "manifest.json").write_text("{")
    with pytest.raises(StateError, match="cannot be read"):
        publish(log, out, match("l1", BUYER))


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
        "ATTRIBUTION.md", "lead_scores.parquet", "matches.parquet", "signal_types.parquet",
        "signals_current.csv", "signals_current.parquet", "signals_current.xlsx",
        "source_status.parquet", "sources.parquet", "tombstones.parquet",
    }  # fmt: skip


def test_no_lead_and_no_match_in_the_company_stream(log: SignalLog, out: Path) -> None:
    publish(log, out, match("l1", BUYER))
    rows = stream(out / "company")
    private = ["lead_id", "account_id", "match_id", "match_probability", "match_status"]
    assert rows.select(pl.col(private).is_null().all()).row(0) == (True,) * len(private)
    names = {path.name for path in (out / "company").iterdir()}
    assert not names & {"matches.parquet", "lead_scores.parquet", "signals_current.xlsx"}


ACCOUNTS, SIRENS = ("acme", "beta", "jean@example.org"), (BUYER, SELLER, "892552506", "822825618")
LEADS = st.dictionaries(
    st.tuples(st.sampled_from(ACCOUNTS), st.integers(0, 3)),
    st.tuples(st.sampled_from(SIRENS), st.sampled_from(["confirmed", "probable", "ambiguous"])),
    max_size=8,
)


def rows_of(leads: dict[Any, Any]) -> list[dict[str, Any]]:
    return [
        match(f"{name}-lead-{number}", siren, name, verdict=verdict)
        for (name, number), (siren, verdict) in sorted(leads.items())
    ]


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=LEADS, second=LEADS)
def test_no_account_holds_anything_of_another(
    tmp_path_factory: pytest.TempPathFactory, first: dict[Any, Any], second: dict[Any, Any]
) -> None:
    base = tmp_path_factory.mktemp("world")
    log, out = SignalLog(base / "signals"), base / "exports"
    tell(log, sales(SALE, OTHER_SALE))
    publish(log, out, *rows_of(first))
    publish(log, out, *rows_of(second), day=LATER)
    for name in ACCOUNTS:
        folder = account(out, account_folder(name))
        if not folder.exists():
            assert not any(key[0] == name for key in [*first, *second])
            continue
        check_consistent(folder)
        others = [other for other in ACCOUNTS if other != name]
        for path in folder.rglob("*.*"):
            if path.suffix == ".parquet":
                text = str(pl.read_parquet(path, glob=False).to_dicts())
            elif path.suffix == ".xlsx":
                text = str(fastexcel.read_excel(path).load_sheet("signals").to_polars().to_dicts())
            else:
                text = path.read_text()
            assert not any(f"{other}-lead-" in text for other in others), path
        wanted = {
            (f"{key[0]}-lead-{key[1]}", siren)
            for key, (siren, verdict) in second.items()
            if key[0] == name and verdict != "ambiguous"
        }
        assert set(current(folder).select("lead_id", "siren").rows()) == wanted


def test_killed_anywhere_and_run_again_gives_the_same_bytes(
    log: SignalLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    publish(log, first, match("l1", BUYER), match("l2", OTHER_SALE["seller_siren"]))
    tell(log, sales({**SALE, "ville": "Ailleurs"}))
    log.erase([OTHER_SALE["seller_siren"]], reason="opposition", recorded=at(), run_id="run-2")

    def run(folder: Path) -> None:
        publish(log, folder, match("l1", BUYER), match("l3", SELLER), day=LATER)

    shutil.copytree(first, second)
    reached = points(lambda: run(second), monkeypatch)
    assert {"feed-segment:before-write", "feed-manifest:after-rename", "feed-copy:after-rename",
            "feed-scrub:after-rename", "feed-file:after-rename"} <= set(reached)  # fmt: skip
    expected = tree(second)
    kinds = {point: number for number, point in enumerate(reached)}
    for number in sorted({0, *kinds.values()}):
        folder = tmp_path / str(number)
        shutil.copytree(first, folder)
        killed_at(number, lambda at=folder: run(at), monkeypatch)
        for one in ("company", "accounts/acme"):
            check_consistent(folder / one)
        run(folder)
        assert tree(folder) == expected, reached[number]
        shutil.rmtree(folder)
