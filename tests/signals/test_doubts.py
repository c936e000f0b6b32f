"""A contradiction between registers: the signals it concerns are less sure, and say why."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from itertools import permutations
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from signal_tables import SALE, Row, change
from signal_world import DAY, OTHER_SALE, account, at, candidates, match, publish

from signals.disagreement import rules, schema
from signals.doubts import Doubts
from signals.log import Appended, SignalLog
from signals.registry import registry

BUYER, SELLER = SALE["buyer_siren"], SALE["seller_siren"]
#: *Real* sale; that its buyer is closed in Sirene is a specification fixture.
CONTRADICTED: Row = {
    "contradiction_id": "c1",
    "siren": BUYER,
    "kind": "closed_but_in_bodacc",
    "left_field": "sirene__legal_units.etat_administratif",
    "right_field": "bodacc__notices.notice_id",
    "right_record_key": SALE["notice_id"],
}
CLOSED = change(
    "unit_closed", siren=BUYER, siret=None, before="A", after="C", change_id="c-closed",
    occurred_at=date(2020, 12, 31), nom_complet="CACHE-CACHE", observed_at=DAY,
)  # fmt: skip
ACQUIRED = registry()["business_acquired"].signal.type


def doubts(*rows: Row, day: date = DAY) -> Doubts:
    return Doubts(pl.DataFrame(list(rows), schema=schema()), at(day), "r")


@pytest.fixture
def log(tmp_path: Path) -> SignalLog:
    return SignalLog(tmp_path / "log")


def told(
    log: SignalLog, doubted: Doubts | None, day: date = DAY, **tables: Sequence[Row]
) -> Appended:
    return log.append(candidates(day, **tables), {}, None, doubted)


def row(log: SignalLog, code: str, siren: str) -> dict[str, Any]:
    kind = registry()[code].signal.type
    (found,) = log.current().filter(type=kind, siren=siren).to_dicts()
    return dict(found)


def breakdown(row: dict[str, Any]) -> dict[str, Any]:
    said = json.loads(row["score_breakdown"])
    assert row["score"] == pytest.approx(
        said["base"] * said["confidence"] * said["freshness"], abs=0.06
    )
    assert said["confidence"] == row["confidence"]
    return dict(said)


def test_a_new_signal_is_told_with_its_doubt_in_one_row(log: SignalLog) -> None:
    told(log, doubts(CONTRADICTED), bodacc__sales=[SALE, OTHER_SALE])
    doubted = row(log, "business_acquired", BUYER)
    other = row(log, "business_acquired", OTHER_SALE["buyer_siren"])
    assert doubted["confidence"] == other["confidence"] * 0.5
    assert breakdown(doubted)["contradicted_by"] == "closed_but_in_bodacc"
    assert breakdown(other)["contradicted_by"] is None
    assert doubted["op"] == "ASSERT"
    assert doubted["reason"] is None
    # The seller of the same sale is not contradicted.
    assert breakdown(row(log, "business_sold", SELLER))["contradicted_by"] is None


def test_one_told_before_is_amended_and_amended_back(log: SignalLog) -> None:
    told(log, doubts(), bodacc__sales=[SALE])
    first = row(log, "business_acquired", BUYER)
    assert told(log, doubts(CONTRADICTED)).counts == {"AMEND": 1}
    second = row(log, "business_acquired", BUYER)
    assert second["signalid"] == first["signalid"]
    assert second["supersedes"] == first["id"]
    assert second["reason"] == "contradicted"
    assert second["confidence"] == first["confidence"] * 0.5
    assert second["evidence"] == first["evidence"]
    assert told(log, doubts(CONTRADICTED)).rows.is_empty()
    assert told(log, doubts()).counts == {"AMEND": 1}
    third = row(log, "business_acquired", BUYER)
    assert (third["confidence"], third["score"]) == (first["confidence"], first["score"])
    assert third["reason"] == "source_correction"
    assert breakdown(third)["contradicted_by"] is None
    assert told(log, doubts(CONTRADICTED)).counts == {"AMEND": 1}
    assert log.rows()["id"].is_unique().all()


def test_both_registers_are_doubted(log: SignalLog) -> None:
    told(log, doubts(CONTRADICTED), bodacc__sales=[SALE], sirene_changes=[CLOSED])
    for code in ("business_acquired", "company_closed"):
        assert breakdown(row(log, code, BUYER))["contradicted_by"] == "closed_but_in_bodacc"


def test_on_the_right_only_what_rests_on_that_record_is_doubted(log: SignalLog) -> None:
    later = {**SALE, "notice_id": "A20210010001", "seller_siren": "822825618",
             "date_effet": date(2020, 12, 20)}  # fmt: skip
    told(log, doubts(CONTRADICTED), bodacc__sales=[SALE, later])
    rows = log.current().filter(type=ACQUIRED, siren=BUYER)
    by_record = {
        one["evidence"][0]["record_key"]: breakdown(one)["contradicted_by"]
        for one in rows.iter_rows(named=True)
    }
    assert by_record == {SALE["notice_id"]: "closed_but_in_bodacc", "A20210010001": None}


def test_another_establishment_is_not_doubted(log: SignalLog) -> None:
    moved = change("hq_moved", siren=BUYER, siret=f"{BUYER}00025", other_siret=f"{BUYER}00017",
                   change_id="c-move", occurred_at=date(2020, 12, 1), observed_at=DAY)  # fmt: skip
    told(log, doubts(), sirene_changes=[moved])
    signal = row(log, "hq_moved", BUYER)
    elsewhere = {**CONTRADICTED, "kind": "head_office_closed", "siret": f"{BUYER}00033"}
    assert told(log, doubts(elsewhere)).rows.is_empty()
    assert told(log, doubts({**elsewhere, "siret": signal["siret"]})).counts == {"AMEND": 1}


def test_two_contradictions_lower_twice(log: SignalLog) -> None:
    move = {"kind": "head_office_closed", "contradiction_id": "c2", "right_record_key": None}
    flag = {"kind": "head_office_not_flagged", "contradiction_id": "c3", "right_record_key": None}
    moved = change("hq_moved", siren=BUYER, siret=f"{BUYER}00025", other_siret=f"{BUYER}00017",
                   change_id="c-move", occurred_at=date(2020, 12, 1), observed_at=DAY)  # fmt: skip
    told(log, doubts(), sirene_changes=[moved])
    whole = row(log, "hq_moved", BUYER)["confidence"]
    told(log, doubts({**CONTRADICTED, **flag}, {**CONTRADICTED, **move}))
    signal = row(log, "hq_moved", BUYER)
    assert signal["confidence"] == round(whole * 0.25, 4)
    assert breakdown(signal)["contradicted_by"] == "head_office_closed, head_office_not_flagged"
    # One of the two ends: less is doubted, and what is left is said.
    told(log, doubts({**CONTRADICTED, **flag}))
    signal = row(log, "hq_moved", BUYER)
    assert (signal["confidence"], signal["reason"]) == (round(whole * 0.5, 4), "source_correction")


def test_the_order_of_arrival_does_not_tell(tmp_path: Path) -> None:
    """Records, their correction, and the contradiction, in every order: one end."""
    corrected = {**SALE, "price_eur": 99_000.0}
    steps = {
        "sale": lambda log, seen: told(log, seen, bodacc__sales=[corrected]),
        "closed": lambda log, seen: told(log, seen, sirene_changes=[CLOSED]),
        "contradiction": lambda log, seen: told(log, seen),
        "not compared": lambda log, _seen: told(log, None, bodacc__sales=[corrected]),
    }
    ends = []
    for number, order in enumerate(permutations(steps)):
        log, seen = SignalLog(tmp_path / str(number)), doubts()
        for name in order:
            seen = doubts(CONTRADICTED) if name == "contradiction" else seen
            steps[name](log, seen)
        told(log, doubts(CONTRADICTED))
        rows = log.current().sort("signalid")
        ends.append(rows.select("signalid", "confidence", "score", "score_breakdown", "after"))
    assert ends[0].height == 3
    assert all(one.equals(ends[0]) for one in ends)


def test_a_correction_of_a_doubted_signal_leaves_it_doubted(log: SignalLog) -> None:
    told(log, doubts(CONTRADICTED), bodacc__sales=[SALE])
    lowered = row(log, "business_acquired", BUYER)["confidence"]
    told(log, doubts(CONTRADICTED), bodacc__sales=[{**SALE, "buyer_name": "CACHE-CACHE SUD"}])
    signal = row(log, "business_acquired", BUYER)
    assert (signal["confidence"], signal["reason"]) == (lowered, "source_correction")
    assert signal["company_name"] == "CACHE-CACHE SUD"


def test_what_is_expired_or_withdrawn_is_left_alone(log: SignalLog) -> None:
    told(log, doubts(), bodacc__sales=[SALE])
    assert told(log, doubts(CONTRADICTED, day=date(2023, 1, 1))).rows.is_empty()
    log.retract(log.current()["signalid"].to_list(), reason="annulation", recorded=at(), run_id="r")
    assert told(log, doubts(CONTRADICTED)).rows.is_empty()


def test_a_lead_is_told_the_doubt_too(log: SignalLog, tmp_path: Path) -> None:
    out = tmp_path / "exports"
    told(log, doubts(), bodacc__sales=[SALE])
    publish(log, out, match("l1", BUYER))
    told(log, doubts(CONTRADICTED))
    publish(log, out, match("l1", BUYER), day=date(2021, 1, 9))
    (lead,) = pl.read_parquet(account(out) / "signals_current.parquet").to_dicts()
    assert (lead["op"], lead["reason"]) == ("AMEND", "contradicted")
    assert lead["confidence"] == row(log, "business_acquired", BUYER)["confidence"]
    assert json.loads(lead["score_breakdown"])["contradicted_by"] == "closed_but_in_bodacc"


def test_the_kinds_name_signals_that_exist_and_read_the_right_register() -> None:
    kinds = rules().kinds.values()
    assert {code for kind in kinds for code in (*kind.left, *kind.right)} <= set(registry())
    for kind in kinds:
        for code in kind.left:
            assert "sirene_changes" in registry()[code].signal.datasets
        for code in kind.right:
            assert {"bodacc", "decp"} & set(registry()[code].signal.datasets)
