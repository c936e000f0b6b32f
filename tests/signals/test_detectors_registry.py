"""Rules on bulletins B and C of BODACC and on leases, with their guards.

The filing of accounts and the lease are real notices; no real modification or strike-off was at
hand, so those are specification fixtures (*synthetic*) in the registries' own words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from event_worlds import World, rows, told

DAY = date(2025, 1, 26)
#: *Real*: C202500182618, LE FOURNIL DES BOCAGES.
FILING: dict[str, Any] = {
    "notice_id": "C202500182618",
    "date_parution": DAY,
    "type_avis": "annonce",
    "siren": "752461681",
    "type_depot": "Comptes annuels",
    "date_cloture": date(2024, 8, 31),
    "consolidated": False,
    "confidential": False,
}
#: *Synthetic*, about a real company.
CHANGE: dict[str, Any] = {
    "notice_id": "B202501222451",
    "date_parution": date(2025, 6, 27),
    "type_avis": "annonce",
    "siren": "552032534",
    "company_name": "DANONE",
    "capital_eur": 160_948_000.0,
}
STRUCK: dict[str, Any] = {
    "notice_id": "B202500010001",
    "date_parution": date(2025, 1, 2),
    "type_avis": "annonce",
    "siren": "752461681",
    "ex_officio": False,
    "reported": False,
    "moved_away": False,
}
#: *Real*: A20210005483, AFRO-TRESSE takes over from PC LOGIC.
LEASE: dict[str, Any] = {
    "notice_id": "A20210005483",
    "date_parution": date(2021, 1, 8),
    "type_avis": "annonce",
    "siren": "892455247",
    "company_name": "AFRO-TRESSE",
    "operator_siren": "520598459",
    "operator_name": "PC LOGIC",
    "date_commencement": date(2020, 10, 1),
    "code_postal": "75018",
    "ville": "Paris",
}
Row = Mapping[str, Any]


def found(code: str, table: str, *given: Row, today: date) -> list[dict[str, Any]]:
    return told(code, World(today, {f"bodacc__{table}": rows(f"bodacc__{table}", *given)}))


def filed(*given: Row, today: date = DAY) -> list[dict[str, Any]]:
    return found("accounts_filed", "accounts", *given, today=today)


def test_accounts_filed() -> None:
    (event,) = filed(FILING)
    assert (event["siren"], event["occurred_at"]) == ("752461681", DAY)
    assert event["title_fr"] == "Comptes au 31/08/2024 déposés"
    assert event["title_en"] == "Accounts as of 2024-08-31 filed"
    assert event["dataclassification"] == "company"


@pytest.mark.parametrize(
    "values",
    [
        {"date_cloture": None},
        {"date_cloture": date(2022, 12, 31)},
        {"date_cloture": date(2025, 2, 1)},
        {"type_avis": "annulation"},
        {"date_parution": date(2024, 7, 1)},
    ],
    ids=["no closing day", "catch-up", "closed after the notice", "annulled", "stale"],
)
def test_no_accounts_filed(values: Row) -> None:
    assert filed({**FILING, **values}) == []


def test_a_filing_published_again_is_the_same_event_and_a_group_files_twice() -> None:
    again = {**FILING, "notice_id": "C202500190001"}
    group = {**FILING, "notice_id": "C202500190002", "consolidated": True}
    keys = {event["event_key"] for event in filed(FILING, again, group)}
    assert keys == {"2024-08-31|own", "2024-08-31|consolidated"}
    (event,) = filed(group)
    assert event["title_fr"] == "Comptes consolidés au 31/08/2024 déposés"
    assert event["title_en"] == "Consolidated accounts as of 2024-08-31 filed"


LATE_ON = date(2026, 6, 30)


def late(
    *given: Row, today: date = date(2026, 7, 2), seen: date | None = date(2026, 6, 25), **more: Any
) -> list[dict[str, Any]]:
    alive = {
        **FILING, "siren": "552032534", "notice_id": "C202601230001", "date_parution": today,
        "date_cloture": date(2025, 12, 31),
    }  # fmt: skip
    tables = {"bodacc__accounts": rows("bodacc__accounts", *given, alive), **more}
    return told("late_accounts", World(today, tables, tables, seen))


def test_late_accounts_are_told_when_the_date_passes() -> None:
    (event,) = late(FILING)
    assert (event["siren"], event["occurred_at"]) == ("752461681", LATE_ON)
    assert json.loads(event["after"]) == {"expected": "2025-08-31"}
    assert late(FILING, today=date(2026, 6, 30)) != []
    assert late(FILING, today=date(2026, 6, 29)) == []


@pytest.mark.parametrize("seen", [None, LATE_ON, date(2026, 7, 1)])
def test_dates_that_passed_before_are_not_news(seen: date | None) -> None:
    assert late(FILING, seen=seen) == []


def test_who_filed_the_next_year_is_not_late() -> None:
    following = {
        **FILING,
        "notice_id": "C202600200001",
        "date_parution": date(2026, 1, 30),
        "date_cloture": date(2025, 8, 31),
    }
    assert late(FILING, following) == []


def test_a_silent_source_proves_nothing() -> None:
    old = rows("bodacc__accounts", FILING)
    world = World(date(2026, 7, 2), {"bodacc__accounts": old}, {}, date(2026, 6, 25))
    assert told("late_accounts", world) == []


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("bodacc__strike_offs", STRUCK),
        (
            "bodacc__insolvencies",
            {
                "notice_id": "A202500010001",
                "siren": "752461681",
                "procedure": "liquidation_judiciaire",
                "type_avis": "annonce",
            },
        ),
        ("sirene__legal_units", {"siren": "752461681", "etat_administratif": "C"}),
    ],
)
def test_who_is_gone_is_not_late(table: str, row: Row) -> None:
    assert late(FILING, **{table: rows(table, row)}) == []


@pytest.mark.parametrize(
    ("table", "row"),
    [
        (
            "bodacc__insolvencies",
            {
                "notice_id": "A202500010001",
                "siren": "752461681",
                "procedure": "sauvegarde",
                "type_avis": "annonce",
            },
        ),
        ("sirene__legal_units", {"siren": "752461681", "etat_administratif": "A"}),
    ],
    ids=["goes on under safeguard", "is active"],
)
def test_who_is_there_can_be_late(table: str, row: Row) -> None:
    assert len(late(FILING, **{table: rows(table, row)})) == 1


def test_without_any_filing_nobody_is_late() -> None:
    nobody = {"bodacc__accounts": rows("bodacc__accounts")}
    assert told("late_accounts", World(date(2026, 7, 2), nobody, nobody)) == []


def test_a_date_that_passed_long_ago_is_not_news() -> None:
    seen = date(2026, 6, 25)
    assert len(late(FILING, today=date(2026, 12, 27), seen=seen)) == 1
    assert late(FILING, today=date(2026, 12, 28), seen=seen) == []


def changed(code: str, *given: Row, today: date = date(2025, 6, 30)) -> list[dict[str, Any]]:
    return found(code, "modifications", *given, today=today)


MANAGED = {**CHANGE, "administration": True}


def test_management_change_names_nobody() -> None:
    (event,) = changed("management_change", MANAGED)
    assert (event["siren"], event["title_fr"]) == ("552032534", "Changement de direction")
    assert event["after"] == '{"date_effet":null}'


@pytest.mark.parametrize(
    "values",
    [
        {"administration": False},
        {"dissolution": True},
        {"fusion": True},
        {"transmission_universelle": True},
        {"date_parution": date(2025, 3, 1)},
    ],
    ids=["another matter", "liquidator", "merger", "transfer", "stale"],
)
def test_no_management_change(values: Row) -> None:
    assert changed("management_change", {**MANAGED, **values}) == []


def test_rectified_notice_says_nothing_any_more() -> None:
    fixed = {
        **MANAGED,
        "notice_id": "B202501230001",
        "type_avis": "rectificatif",
        "previous_notice_id": MANAGED["notice_id"],
    }
    (event,) = changed("management_change", MANAGED, fixed)
    assert event["record_key"] == "B202501230001/552032534"


RAISED = {**CHANGE, "capital": True}
BEFORE = {**CHANGE, "notice_id": "B202401220001", "date_parution": date(2024, 6, 27)}


@pytest.mark.parametrize(
    ("was", "direction", "title"),
    [
        (150_000_000.0, "up", "Augmentation de capital : 160,95 M€"),
        (170_000_000.0, "down", "Réduction de capital : 160,95 M€"),
        (None, None, "Modification du capital : 160,95 M€"),
        (0.0, None, "Modification du capital : 160,95 M€"),
    ],
)
def test_capital_change(was: float | None, direction: str | None, title: str) -> None:
    (event,) = changed("capital_change", {**BEFORE, "capital_eur": was}, RAISED)
    assert event["title_fr"] == title
    assert json.loads(event["after"])["direction"] == direction


def test_capital_as_it_was_is_no_change() -> None:
    assert changed("capital_change", BEFORE, RAISED) == []
    assert changed("capital_change", {**RAISED, "dissolution": True}) == []
    later = {**BEFORE, "date_parution": date(2025, 6, 28)}
    assert changed("capital_change", RAISED, later) != []


def test_capital_at_registration_is_compared_too() -> None:
    born = {
        "notice_id": "A202400010001", "date_parution": date(2024, 1, 5), "type_avis": "annonce",
        "kind": "creation", "siren": "552032534", "capital_eur": 1_000.0,
    }  # fmt: skip
    tables = {
        "bodacc__modifications": rows("bodacc__modifications", RAISED),
        "bodacc__registrations": rows("bodacc__registrations", born),
    }
    (event,) = told("capital_change", World(date(2025, 6, 30), tables))
    assert json.loads(event["before"]) == {"capital_eur": 1000.0}


def test_capital_that_is_not_the_matter_of_a_notice_did_not_change() -> None:
    former = {**BEFORE, "capital_eur": 150_000_000.0}
    assert changed("capital_change", former, {**RAISED, "capital": False}) == []


def test_capital_that_no_notice_names_may_have_changed() -> None:
    (event,) = changed("capital_change", {**RAISED, "capital_eur": None})
    assert event["title_fr"] == "Modification du capital"


def test_capital_is_compared_with_the_latest_one() -> None:
    older = {**BEFORE, "notice_id": "B2", "date_parution": date(2023, 1, 2), "capital_eur": 9_000.0}
    assert changed("capital_change", older, BEFORE, RAISED) == []


MERGED = {**CHANGE, "fusion": True, "other_siren": "752461681"}


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"merger_role": "absorbing"}, "merger"),
        ({"merger_role": None}, "merger"),
        ({"merger_role": "absorbing", "dissolution": True}, None),
        ({"merger_role": "absorbed"}, "company_absorbed"),
        ({"merger_role": None, "dissolution": True}, "company_absorbed"),
        ({"fusion": False, "dissolution": True}, None),
        ({"fusion": False}, None),
    ],
)
def test_each_side_of_a_merger(values: Row, code: str | None) -> None:
    for name in ("merger", "company_absorbed"):
        events = changed(name, {**MERGED, **values})
        assert len(events) == (name == code), name
        if events:
            assert events[0]["counterparty_siren"] == "752461681"


@pytest.mark.parametrize(
    ("code", "role"), [("merger", "absorbing"), ("company_absorbed", "absorbed")]
)
def test_a_transfer_is_another_operation_than_a_merger(code: str, role: str) -> None:
    merged = {**MERGED, "merger_role": role}
    transfer = {**merged, "notice_id": "B202501222452", "transmission_universelle": True}
    keys = {event["event_key"] for event in changed(code, merged, transfer)}
    assert keys == {"merger|752461681", "universal_transfer|752461681"}


def struck(*given: Row) -> list[dict[str, Any]]:
    return found("struck_off", "strike_offs", *given, today=DAY)


def test_struck_off() -> None:
    (event,) = struck(STRUCK)
    assert (event["siren"], event["event_key"]) == ("752461681", "2025")


@pytest.mark.parametrize("values", [{"moved_away": True}, {"reported": True}])
def test_not_struck_off(values: Row) -> None:
    assert struck({**STRUCK, **values}) == []


def test_the_report_of_a_strike_off_undoes_it() -> None:
    report = {
        **STRUCK, "notice_id": "B202500020001", "type_avis": "rectificatif", "reported": True,
        "previous_notice_id": STRUCK["notice_id"],
    }  # fmt: skip
    assert struck(STRUCK, report) == []


def leased(*given: Row, today: date = date(2021, 1, 11)) -> list[dict[str, Any]]:
    return found("lease_management", "leases", *given, today=today)


def test_lease() -> None:
    (event,) = leased(LEASE)
    assert (event["siren"], event["counterparty_siren"]) == ("892455247", "520598459")
    assert (event["occurred_at"], event["departement"]) == (date(2020, 10, 1), "75")


def test_lease_of_a_business_opened_long_ago_is_dated_by_its_notice() -> None:
    (event,) = leased({**LEASE, "date_commencement": date(1987, 7, 1)})
    assert event["occurred_at"] == LEASE["date_parution"]
    (event,) = leased({**LEASE, "date_commencement": date(2021, 2, 1)})
    assert event["occurred_at"] == LEASE["date_parution"]
    assert leased(LEASE, today=date(2021, 3, 1)) == []
    again = {**LEASE, "notice_id": "A20210006001"}
    assert len({one["event_key"] for one in leased(LEASE, again)}) == 1
