"""One event told by two sources under two names: one signal, whatever the order of arrival."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from signal_tables import ARRIVAL, CREATION, SALE, Row, Tables, change
from signal_world import at

from signals.detect import detect_all
from signals.log import Appended, SignalLog
from signals.merging import confirming, merged
from signals.registry import registry
from signals.withdrawn import withdrawn

TODAY = date(2021, 1, 20)
#: *Real* notices (ARRIVAL, SALE, CREATION); what Sirene says of the same companies is made
#: after its specification.
SIREN = ARRIVAL["siren"]
SEEN = {"observed_at": date(2021, 1, 4)}
MOVE = change(
    "hq_moved", siren=SIREN, siret=f"{SIREN}00025", other_siret=f"{SIREN}00017",
    occurred_at=date(2020, 11, 2), change_id="c-move", nom_complet="FAUVAL", **SEEN,
)  # fmt: skip
TAKEN = change(
    "establishment_taken_over", siren=SALE["buyer_siren"], siret=f"{SALE['buyer_siren']}00038",
    other_siret=f"{SALE['seller_siren']}00015", occurred_at=date(2020, 12, 15), change_id="c-taken",
    **SEEN,
)  # fmt: skip
CREATED = change(
    "unit_created", siren=CREATION["siren"], siret=None, change_id="c-created",
    occurred_at=date(2020, 12, 1), **SEEN,
)  # fmt: skip
CLOSED = change(
    "unit_closed", siren="447861741", siret=None, before="A", after="C", change_id="c-closed",
    occurred_at=date(2020, 10, 31), **SEEN,
)  # fmt: skip
STRUCK = {
    "notice_id": "B20210008123",
    "date_parution": date(2021, 1, 12),
    "type_avis": "annonce",
    "siren": "447861741",
    "company_name": "SELLER",
}
CHANGES, REGISTERED = "sirene_changes", "bodacc__registrations"
RECORDS: Sequence[tuple[str, Row]] = (
    (CHANGES, MOVE),
    (REGISTERED, ARRIVAL),
    (CHANGES, TAKEN),
    ("bodacc__sales", SALE),
    (CHANGES, CREATED),
    (REGISTERED, CREATION),
    (CHANGES, CLOSED),
    ("bodacc__strike_offs", STRUCK),
)
KINDS = (
    "hq_moved", "hq_moved_in", "business_acquired", "site_taken_over", "company_created",
    "company_closed", "struck_off", "site_opened", "care_site_opened",
)  # fmt: skip
ANNULLED = {
    "notice_id": "A20210010007", "date_parution": date(2021, 1, 15), "type_avis": "annulation",
    "previous_notice_id": SALE["notice_id"],
}  # fmt: skip


def tables(records: Sequence[tuple[str, Row]]) -> Mapping[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for table, row in records:
        found.setdefault(table, []).append(row)
    return found


def run(
    log: SignalLog, new: Sequence[tuple[str, Row]], old: Sequence[tuple[str, Row]] = ()
) -> Appended:
    frames = Tables(TODAY, tables(new), tables(old))
    kinds = {code: registry()[code] for code in KINDS}
    found = detect_all(frames, recorded=at(TODAY), run_id="r", detectors=kinds)
    gone = withdrawn(frames, log.current(), recorded=at(TODAY), run_id="r")
    found, gone = merged(frames, log.current(), found, gone, recorded=at(TODAY), run_id="r")
    return log.append(found, {}, gone)


def standing(log: SignalLog) -> dict[str, Any]:
    """Return by signal what stands: its values, and the records with their confidence."""
    rows = log.current().filter(pl.col("op").is_in(["ASSERT", "AMEND"]))
    return {
        row["signalid"]: {
            name: row[name]
            for name in ("type", "time", "after", "evidence", "confidence", "score", "siren")
        }
        for row in rows.iter_rows(named=True)
    }


def codes(log: SignalLog, siren: str) -> list[str]:
    return sorted(
        row["type"].split(".")[-2] for row in standing(log).values() if row["siren"] == siren
    )


def datasets(log: SignalLog, code: str) -> list[str]:
    (row,) = (one for one in standing(log).values() if one["type"].split(".")[-2] == code)
    return [record["dataset_id"] for record in row["evidence"]]


PAIRS = {
    "hq_moved": [(CHANGES, MOVE), (REGISTERED, ARRIVAL)],
    "business_acquired": [("bodacc__sales", SALE), (CHANGES, TAKEN)],
    "company_created": [(CHANGES, CREATED), (REGISTERED, CREATION)],
    "company_closed": [(CHANGES, CLOSED), ("bodacc__strike_offs", STRUCK)],
}


@pytest.mark.parametrize("code", PAIRS)
def test_two_sources_make_one_signal_with_both_records_in_any_order(
    code: str, tmp_path: Path
) -> None:
    first, second = PAIRS[code]
    siren = first[1].get("siren") or first[1]["buyer_siren"]
    seen = []
    for number, (one, two) in enumerate([(first, second), (second, first)]):
        log = SignalLog(tmp_path / str(number))
        run(log, [one])
        run(log, [two], [one])
        assert codes(log, siren) == [code]
        assert sorted(datasets(log, code)) == ["bodacc", "sirene_changes"]
        seen.append(standing(log))
    together = SignalLog(tmp_path / "together")
    assert run(together, [first, second]).counts.keys() == {"ASSERT"}
    assert seen[0] == seen[1] == standing(together)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_order_and_any_grouping_gives_the_same_signals(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    order = data.draw(st.permutations(RECORDS))
    cuts = data.draw(st.sets(st.integers(1, len(order) - 1), max_size=3))
    log = SignalLog(tmp_path_factory.mktemp("order"))
    edges = [0, *sorted(cuts), len(order)]
    for start, end in pairwise(edges):
        run(log, order[start:end], order[:start])
    at_once = SignalLog(tmp_path_factory.mktemp("once"))
    run(at_once, RECORDS)
    assert standing(log) == standing(at_once)
    assert run(log, [], RECORDS).rows.is_empty()


def test_stream_says_that_the_first_signal_became_the_second(tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    run(log, [(REGISTERED, ARRIVAL)])
    added = run(log, [(CHANGES, MOVE)], [(REGISTERED, ARRIVAL)]).rows
    said = {(row["type"].split(".")[-2], row["op"], row["reason"]) for row in added.to_dicts()}
    assert said == {
        ("hq_moved_in", "RETRACT", "identity_merge"),
        ("hq_moved", "ASSERT", "identity_merge"),
    }
    (row,) = (one for one in standing(log).values() if one["type"].endswith("hq_moved.v1"))
    # 0.95 of Sirene and 0.7 of a notice paired by company and time: 1 - 0.05 x 0.3.
    assert row["confidence"] == 0.985


def test_signal_told_by_both_from_the_start_has_no_reason(tmp_path: Path) -> None:
    added = run(SignalLog(tmp_path), [(CHANGES, MOVE), (REGISTERED, ARRIVAL)]).rows
    assert added["reason"].to_list() == [None]


@pytest.mark.parametrize(
    "move",
    [
        pytest.param({**MOVE, "siren": "382456051"}, id="another company"),
        pytest.param({**MOVE, "occurred_at": date(2020, 9, 24)}, id="in the window"),
    ],
)
def test_notice_is_a_record_of_a_move_of_its_own_company_only(move: Row, tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    run(log, [(CHANGES, move), (REGISTERED, ARRIVAL)])
    same = move["siren"] == SIREN
    assert len(standing(log)) == (1 if same else 2)


def test_sale_by_another_seller_is_not_the_take_over(tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    other = {**TAKEN, "other_siret": "82282561800012"}
    run(log, [(CHANGES, other), ("bodacc__sales", SALE)])
    assert codes(log, SALE["buyer_siren"]) == ["business_acquired", "site_taken_over"]


#: A company opens two sites within days; FINESS tells one of them, by its SIRET.
OPENED, OPENED_TOO = (
    change(
        "establishment_opened", siren=CREATION["siren"], siret=CREATION["siren"] + nic,
        occurred_at=date(2020, 12, 10), change_id=f"c-{nic}", **SEEN,
    )
    for nic in ("00022", "00030")
)  # fmt: skip
CARE = {
    "numero_finess": "010780195", "record_key": "010780195", "siren": CREATION["siren"],
    "siret": OPENED["siret"], "en_service": True, "date_ouverture": date(2020, 12, 28),
}  # fmt: skip
UNIT = {"siren": CREATION["siren"], "personne_morale": True, "statut_diffusion": "O"}
KNOWN = [("sirene__legal_units", UNIT)]


@pytest.mark.parametrize("first", ["register", "care"])
def test_of_two_openings_that_of_the_same_establishment_is_confirmed(
    first: str, tmp_path: Path
) -> None:
    told = {
        "register": [(CHANGES, OPENED), (CHANGES, OPENED_TOO)],
        "care": [("finess__sites", CARE)],
    }
    (last,) = set(told) - {first}
    log = SignalLog(tmp_path)
    run(log, told[first], KNOWN)
    run(log, told[last], [*KNOWN, *told[first]])
    rows = sorted(standing(log).values(), key=lambda row: len(row["evidence"]))
    assert [row["type"].split(".")[-2] for row in rows] == ["site_opened"] * 2
    cited = [sorted(record["dataset_id"] for record in row["evidence"]) for row in rows]
    assert cited == [["sirene_changes"], ["finess", "sirene_changes"]]


def test_an_opening_of_unknown_establishment_confirms_none(tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    run(log, [(CHANGES, OPENED), ("finess__sites", {**CARE, "siret": None})], KNOWN)
    assert codes(log, CREATION["siren"]) == ["care_site_opened", "site_opened"]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_annulled_sale_leaves_the_take_over_standing(
    order: tuple[int, ...], tmp_path: Path
) -> None:
    records: list[tuple[str, Row]] = [
        (CHANGES, TAKEN), ("bodacc__sales", SALE), ("bodacc__notices", ANNULLED),
    ]  # fmt: skip
    log = SignalLog(tmp_path)
    told: list[tuple[str, Row]] = []
    for number in order:
        run(log, [records[number]], told)
        told.append(records[number])
    assert codes(log, SALE["buyer_siren"]) == ["site_taken_over"]
    assert datasets(log, "site_taken_over") == ["sirene_changes"]
    assert run(log, [], told).rows.is_empty()


def test_baseline_lends_but_is_never_told(tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    run(log, [("bodacc__sales", SALE)], [(CHANGES, TAKEN)])
    assert datasets(log, "business_acquired") == ["bodacc", "sirene_changes"]
    run(log, [(CHANGES, MOVE)], [(CHANGES, TAKEN), ("bodacc__sales", SALE)])
    assert codes(log, SALE["buyer_siren"]) == ["business_acquired"]


def test_each_confirming_kind_names_a_kind_that_confirms_nothing() -> None:
    for rule in confirming().values():
        assert registry()[rule.code].signal.confirms is None
