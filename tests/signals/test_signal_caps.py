"""Caps and cool-downs: the best first, the others wait and come later, none is lost."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from signal_tables import SALE
from signal_world import (
    BUYER,
    DAY,
    LATER,
    LIQUIDATION,
    OTHER_SALE,
    account,
    candidates,
    check_consistent,
    match,
    publish,
    stream,
    tell,
    tree,
)

from signals.feed.customers import Customers
from signals.feed.export import ExportReport
from signals.log import SignalLog
from signals.profile import Profile

LEADS = [match("l1", BUYER), match("l2", str(OTHER_SALE["buyer_siren"]))]


def wish(**values: Any) -> Customers:
    return Customers(profiles={"acme": Profile.model_validate(values)})


def told(
    log: SignalLog, out: Path, customers: Customers, *leads: dict[str, Any], day: date = DAY
) -> ExportReport:
    return publish(log, out, *(leads or LEADS), day=day, customers=customers)


def waiting(out: Path) -> pl.DataFrame:
    return pl.read_parquet(account(out) / "waiting.parquet")


def test_what_is_over_the_cap_waits_and_comes_the_next_day(log: SignalLog, out: Path) -> None:
    told(log, out, wish(per_day=1))
    first = stream(account(out))
    assert first.height == 1
    (held,) = waiting(out).iter_rows(named=True)
    assert (held["why"], held["account_id"]) == ("cap_of_account", "acme")
    assert held["signalid"] not in first["signalid"].to_list()
    # The same day again has no more room, and is no news.
    before = tree(out)
    assert not told(log, out, wish(per_day=1)).published
    assert tree(out) == before
    told(log, out, wish(per_day=1), day=LATER)
    rows = stream(account(out))
    assert rows["reason"].to_list() == [None, "held_back"]
    assert rows["signalid"][1] == held["signalid"]
    assert waiting(out).is_empty()
    check_consistent(account(out))


def test_the_best_comes_first(log: SignalLog, out: Path) -> None:
    doubted = [{**LEADS[0], "probability": 0.6}, LEADS[1]]
    told(log, out, wish(per_day=1), *doubted)
    assert stream(account(out))["lead_id"].to_list() == ["l2"]


def test_the_cap_of_one_kind_leaves_the_others_alone(log: SignalLog, out: Path) -> None:
    kinds = {"business_acquired": {"per_day": 1}}
    told(log, out, wish(signals=kinds), *LEADS, match("l3", str(SALE["seller_siren"])))
    codes = stream(account(out))["type"].str.split(".").list.get(-2).sort().to_list()
    assert codes == ["business_acquired", "business_sold"]
    assert waiting(out)["why"].to_list() == ["cap_of_signal"]


def test_a_lead_rests_after_a_signal_of_a_kind(tmp_path: Path, out: Path) -> None:
    log = SignalLog(tmp_path / "signals")
    again = {**SALE, "notice_id": "A20210009999", "seller_siren": OTHER_SALE["seller_siren"]}
    tell(log, candidates(bodacc__sales=[SALE, again]))
    rest = wish(signals={"business_acquired": {"cool_down_days": 4}})
    told(log, out, rest, match("l1", BUYER))
    assert stream(account(out)).height == 1
    assert waiting(out)["why"].to_list() == ["cool_down"]
    told(log, out, rest, match("l1", BUYER), day=date(2021, 1, 11))
    assert stream(account(out)).height == 1
    told(log, out, rest, match("l1", BUYER), day=date(2021, 1, 12))
    assert stream(account(out))["reason"].to_list() == [None, "held_back"]


def test_what_silences_a_company_never_waits(tmp_path: Path, out: Path) -> None:
    log = SignalLog(tmp_path / "signals")
    tell(log, candidates(bodacc__sales=[SALE], bodacc__insolvencies=[LIQUIDATION]))
    told(log, out, wish(per_day=0), match("l1", BUYER))
    assert stream(account(out))["type"].str.contains("insolvency_opened").to_list() == [True]
    assert waiting(out).height == 1


def test_a_retraction_never_waits(log: SignalLog, out: Path) -> None:
    told(log, out, wish())
    mine = log.current().filter(pl.col("siren") == BUYER)["signalid"].to_list()
    log.retract(mine, reason="annulation", recorded=log.current()["recordedtime"][0], run_id="r")
    told(log, out, wish(per_day=0), day=LATER)
    assert stream(account(out))["op"].to_list() == ["ASSERT", "ASSERT", "RETRACT"]


def test_a_held_signal_of_a_lead_that_left_is_forgotten(log: SignalLog, out: Path) -> None:
    told(log, out, wish(per_day=0))
    assert waiting(out).height == 2
    told(log, out, wish(per_day=0), LEADS[0], day=LATER)
    assert waiting(out)["lead_id"].to_list() == ["l1"]
