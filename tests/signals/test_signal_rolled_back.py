"""Versions rolled back: the log returns to what it was before they spoke."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from signal_tables import SALE
from signal_world import BUYER, OTHER_SALE, SELLER, at, candidates

from signals.contract import CANDIDATE_SCHEMA, SIGNAL_SCHEMA
from signals.log import Appended, SignalLog
from signals.rolled_back import taken_back

LATER = date(2021, 1, 12)
BAD = {"bodacc@v2"}
V2 = {"source_id": "bodacc@v2"}
#: The same notice in the next version, with another price of the same event.
CORRECTED = {**SALE, **V2, "ville": "Lieurey"}


def tell(log: SignalLog, day: date = LATER, **tables: Any) -> Appended:
    return log.append(candidates(day, **tables), {"bodacc": "v2"})


def roll_back(log: SignalLog, withdrawn: set[str] = BAD) -> Appended:
    rows = taken_back(log.rows(), withdrawn, recorded=at(LATER), run_id="r")
    return log.append(CANDIDATE_SCHEMA.to_frame(), {"bodacc": "v1"}, rows)


@pytest.fixture
def log(tmp_path: Path) -> SignalLog:
    started = SignalLog(tmp_path)
    started.append(candidates(bodacc__sales=[SALE]), {"bodacc": "v1"})
    return started


def test_what_only_the_withdrawn_version_said_is_retracted(log: SignalLog) -> None:
    before = log.current()
    tell(log, bodacc__sales=[{**OTHER_SALE, **V2}])
    added = roll_back(log)
    assert added.counts == {"RETRACT": 2}
    assert added.rows["reason"].unique().to_list() == ["rollback"]
    assert set(added.rows["siren"]) == {OTHER_SALE["buyer_siren"], OTHER_SALE["seller_siren"]}
    kept = log.current().filter(pl.col("siren").is_in([BUYER, SELLER]))
    assert kept.equals(before)
    assert log.cursor("bodacc") == "v1"


def test_what_it_changed_returns_to_what_was_said_before(log: SignalLog) -> None:
    before = log.current().sort("signalid")
    assert tell(log, bodacc__sales=[CORRECTED]).counts == {"AMEND": 2}
    assert roll_back(log).counts == {"AMEND": 2}
    now = log.current().sort("signalid")
    same = ["signalid", "after", "title_fr", "time", "confidence", "evidence", "expirytime"]
    assert now.select(same).equals(before.select(same))
    assert now["supersedes"].null_count() == 0
    assert now.schema == SIGNAL_SCHEMA


def test_what_another_version_supports_too_stands_on_it_alone(tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    again = {**SALE, **V2, "notice_id": "A20210009001", "date_parution": date(2021, 1, 14)}
    tell(log, bodacc__sales=[SALE, again])
    assert {len(evidence) for evidence in log.current()["evidence"]} == {2}
    assert roll_back(log).counts == {"AMEND": 2}
    left = log.current()["evidence"].explode().struct.field("source_id")
    assert left.unique().to_list() == ["bodacc@v1"]


def test_what_was_withdrawn_before_is_withdrawn_again(log: SignalLog) -> None:
    ids = log.current()["signalid"].to_list()
    log.retract(ids, reason="annulation", recorded=at(LATER), run_id="r")
    again = {**SALE, **V2, "notice_id": "A20210009001", "date_parution": date(2021, 1, 14)}
    assert tell(log, bodacc__sales=[again]).counts == {"ASSERT": 2}
    assert roll_back(log).counts == {"RETRACT": 2}


def test_doing_it_twice_adds_nothing(log: SignalLog) -> None:
    tell(log, bodacc__sales=[{**OTHER_SALE, **V2}])
    roll_back(log)
    assert roll_back(log).rows.is_empty()


def test_versions_that_nobody_cited_take_nothing_back(log: SignalLog) -> None:
    assert roll_back(log, {"sirene@v2"}).rows.is_empty()


def test_the_same_record_of_a_later_version_asserts_it_again(log: SignalLog) -> None:
    tell(log, bodacc__sales=[{**OTHER_SALE, **V2}])
    roll_back(log)
    corrected = {**OTHER_SALE, "source_id": "bodacc@v3", "price_eur": 25000.0}
    added = tell(log, bodacc__sales=[corrected])
    assert added.counts == {"ASSERT": 2}
    assert added.rows["supersedes"].null_count() == 0
    assert set(added.rows["reason"]) == {"source_correction"}
    cited = added.rows["evidence"].explode().struct.field("source_id")
    assert cited.unique().to_list() == ["bodacc@v3"]
    assert tell(log, bodacc__sales=[corrected]).rows.is_empty()


def test_a_signal_that_its_publisher_annulled_does_not_come_back(log: SignalLog) -> None:
    ids = log.current()["signalid"].to_list()
    log.retract(ids, reason="annulation", recorded=at(LATER), run_id="r")
    roll_back(log, {"bodacc@v1"})
    assert tell(log, bodacc__sales=[SALE]).rows.is_empty()
    assert log.current()["op"].unique().to_list() == ["RETRACT"]


def test_an_erased_company_stays_erased(log: SignalLog) -> None:
    tell(log, bodacc__sales=[{**OTHER_SALE, **V2}])
    buyer = OTHER_SALE["buyer_siren"]
    log.erase([buyer], reason="opposition", recorded=at(LATER), run_id="r")
    roll_back(log)
    assert log.rows().filter(pl.col("siren") == buyer).is_empty()
