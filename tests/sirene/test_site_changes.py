"""Openings, closings, moves and take-overs, one trap at a time (synthetic rows)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from registers import ALPHA, BETA, GAMMA, NOW, THEN, Row, changes, kinds, link, registry, site, unit

DAY = date(2026, 9, 15)
GONE = {"etat_administratif": "F", "date_debut": DAY}
OLD, NEW = f"{ALPHA}00011", f"{ALPHA}00029"


def opened(nic: str = "00029", day: date = DAY, **columns: Any) -> Row:
    return site(nic=nic, date_creation=day, date_debut=day, **columns)


def test_a_new_siret_of_a_known_company_is_an_opening() -> None:
    after = registry([unit()], [site(), opened(code_commune="69381")])
    (row,) = changes(registry([unit()], [site()]), after)
    assert row["change"] == "establishment_opened"
    assert (row["siret"], row["occurred_at"]) == (NEW, DAY)
    assert (row["from_commune"], row["to_commune"], row["departement"]) == (None, "69381", "69")


@pytest.mark.parametrize(("days", "expected"), [(120, ["establishment_opened"]), (121, [])])
def test_an_old_establishment_that_appears_is_no_opening(days: int, expected: list[str]) -> None:
    day = NOW - timedelta(days=days)
    after = registry([unit()], [site(), opened(day=day)])
    assert kinds(registry([unit()], [site()]), after) == expected


def test_the_establishments_of_a_new_company_are_part_of_its_creation() -> None:
    born = {"date_creation": DAY, "date_debut": DAY}
    after = registry([unit(), unit(BETA, **born)], [site(), site(BETA, **born)])
    assert kinds(registry([unit()], [site()]), after) == ["unit_created"]


def test_an_establishment_that_ends_is_a_closing() -> None:
    before = registry([unit()], [site(), site(nic="00029", code_commune="69381")])
    after = registry([unit()], [site(), site(nic="00029", code_commune="69381", **GONE)])
    (row,) = changes(before, after)
    assert (row["change"], row["siret"], row["occurred_at"]) == ("establishment_closed", NEW, DAY)
    assert (row["from_commune"], row["to_commune"]) == ("69381", None)


def test_an_establishment_closed_as_of_its_opening_was_a_mistake() -> None:
    before = registry([unit()], [site(), opened(day=THEN)])
    shut = site(nic="00029", date_creation=THEN, date_debut=THEN, etat_administratif="F")
    assert kinds(before, registry([unit()], [site(), shut])) == []


def test_an_establishment_may_open_again() -> None:
    before = registry([unit()], [site(), site(nic="00029", **GONE)])
    after = registry([unit()], [site(), site(nic="00029", date_debut=NOW)])
    (row,) = changes(before, after)
    assert (row["change"], row["before"], row["after"]) == ("establishment_reopened", "F", "A")
    assert row["occurred_at"] == NOW


def test_a_linked_pair_is_one_move() -> None:
    before = registry([unit()], [site(), site(nic="00029", code_commune="69381")])
    after = registry(
        [unit()],
        [
            site(),
            site(nic="00029", code_commune="69381", **GONE),
            opened("00037", code_commune="33063"),
        ],
        [link(NEW, f"{ALPHA}00037", DAY)],
    )
    (row,) = changes(before, after)
    assert row["change"] == "establishment_moved"
    assert (row["siret"], row["other_siret"]) == (f"{ALPHA}00037", NEW)
    assert (row["from_commune"], row["to_commune"]) == ("69381", "33063")
    assert (row["before"], row["after"], row["column"]) == (NEW, f"{ALPHA}00037", "siret")


def test_an_unlinked_pair_of_the_same_day_is_a_move_too() -> None:
    # Links are declared, and incomplete.
    before = registry([unit()], [site(), site(nic="00029")])
    moved = registry([unit()], [site(), site(nic="00029", **GONE), opened("00037")])
    assert kinds(before, moved) == ["establishment_moved"]
    later = opened("00037", day=DAY + timedelta(days=1))
    apart = registry([unit()], [site(), site(nic="00029", **GONE), later])
    assert kinds(before, apart) == ["establishment_closed", "establishment_opened"]


def test_several_moves_of_one_day_pair_off_and_the_rest_is_an_opening() -> None:
    before = registry([unit()], [site(), site(nic="00029"), site(nic="00037")])
    after = registry(
        [unit()],
        [site(), site(nic="00029", **GONE), site(nic="00037", **GONE)]
        + [opened(nic) for nic in ("00045", "00052", "00060")],
    )
    assert kinds(before, after) == [
        "establishment_moved", "establishment_moved", "establishment_opened"
    ]  # fmt: skip


def test_two_sites_gathered_in_one_are_two_moves() -> None:
    before = registry([unit()], [site(), site(nic="00029"), site(nic="00037")])
    after = registry(
        [unit()],
        [site(), site(nic="00029", **GONE), site(nic="00037", **GONE), opened("00045")],
        [link(NEW, f"{ALPHA}00045", DAY), link(f"{ALPHA}00037", f"{ALPHA}00045", DAY)],
    )
    rows = changes(before, after)
    assert [row["change"] for row in rows] == ["establishment_moved"] * 2
    assert {row["other_siret"] for row in rows} == {NEW, f"{ALPHA}00037"}


def test_the_new_number_of_the_head_office_is_one_move_whatever_else() -> None:
    before = registry([unit()], [site(lambert_x=652000.0, lambert_y=6862000.0)])
    after = registry(
        [unit(nic_siege="00029", date_debut=DAY)],
        [
            site(lambert_x=652000.0, lambert_y=6862000.0, **GONE),
            opened(code_commune="69381", lambert_x=842000.0, lambert_y=6519000.0),
        ],
        [link(OLD, NEW, DAY, transfert_siege=True)],
    )
    (row,) = changes(before, after)
    assert row["change"] == "hq_moved"
    assert (row["siret"], row["other_siret"], row["occurred_at"]) == (NEW, OLD, DAY)
    assert (row["column"], row["before"], row["after"]) == ("nic_siege", "00011", "00029")
    assert (row["from_commune"], row["to_commune"], row["departement"]) == ("75101", "69381", "69")
    # Paris – Lyon, as the crow flies.
    assert row["distance_km"] == 392.1


def test_a_head_office_may_move_into_an_existing_establishment() -> None:
    before = registry([unit()], [site(), site(nic="00029")])
    after = registry([unit(nic_siege="00029", date_debut=DAY)], [site(**GONE), site(nic="00029")])
    (row,) = changes(before, after)
    assert (row["change"], row["siret"], row["distance_km"]) == ("hq_moved", NEW, None)


@pytest.mark.parametrize(
    ("period", "links", "expected"),
    [
        (THEN, [link(OLD, NEW, DAY, transfert_siege=True)], DAY),
        (THEN, [], THEN),
        (date(2010, 5, 5), [], NOW),
    ],
)
def test_a_head_office_s_move_is_dated_by_the_link_the_period_or_the_opening(
    period: date, links: list[Row], expected: date
) -> None:
    after = registry(
        [unit(nic_siege="00029", date_debut=period)], [site(**GONE), opened(day=NOW)], links
    )
    (row,) = changes(registry([unit()], [site()]), after)
    assert (row["change"], row["occurred_at"]) == ("hq_moved", expected)


def test_two_moves_of_a_head_office_between_two_states_are_one() -> None:
    third = f"{ALPHA}00037"
    after = registry(
        [unit(nic_siege="00037", date_debut=NOW)],
        [site(**GONE), opened(day=THEN, etat_administratif="F"), opened("00037")],
        [
            link(OLD, NEW, THEN, transfert_siege=True),
            link(NEW, third, DAY, transfert_siege=True),
        ],
    )
    (row,) = changes(registry([unit()], [site()]), after)
    assert (row["change"], row["siret"], row["other_siret"]) == ("hq_moved", third, OLD)


def test_a_link_that_moves_the_head_office_is_enough_where_the_unit_does_not_say() -> None:
    # The number of the head office was not known before.
    before = registry([unit(nic_siege=None)], [site()])
    after = registry(
        [unit(nic_siege="00029")],
        [site(**GONE), opened()],
        [link(OLD, NEW, DAY, transfert_siege=True)],
    )
    assert kinds(before, after) == ["hq_moved"]


def test_a_renumbered_street_is_no_move() -> None:
    before = registry([unit()], [site(numero_voie="1", libelle_voie="DE RIVOLI")])
    after = registry([unit()], [site(numero_voie="2", libelle_voie="DE RIVOLI BIS")])
    assert kinds(before, after) == []


def test_communes_that_merge_move_nobody() -> None:
    # Escaufourt joined a commune of the next department (COG).
    was = {"code_commune": "02285", "libelle_commune": "ESCAUFOURT", "code_postal": "02110"}
    now = {"code_commune": "59545", "libelle_commune": "SAINT-SOUPLET-ESCAUFOURT"}
    sites = [[site(**(was | more)), site(nic="00029", **(was | more))] for more in ({}, now)]
    assert kinds(registry([unit()], sites[0]), registry([unit()], sites[1])) == []


def test_an_old_link_does_not_explain_a_later_opening() -> None:
    old = link(OLD, NEW, date(2005, 1, 1))
    before = registry([unit()], [site(), site(nic="00029", **GONE)], [old])
    after = registry([unit()], [site(), site(nic="00029", date_debut=NOW)], [old])
    assert kinds(before, after) == ["establishment_reopened"]


def test_a_link_across_companies_is_a_take_over() -> None:
    before = registry([unit(), unit(BETA)], [site(), site(BETA), site(BETA, "00029")])
    after = registry(
        [unit(), unit(BETA)],
        [site(), site(BETA), site(BETA, "00029", code_commune="2A004", **GONE), opened()],
        [link(f"{BETA}00029", NEW, DAY)],
    )
    (row,) = changes(before, after)
    assert row["change"] == "establishment_taken_over"
    assert (row["siren"], row["siret"], row["other_siret"]) == (ALPHA, NEW, f"{BETA}00029")
    assert row["from_commune"] == "2A004"


def test_without_economic_continuity_an_opening_and_a_closing_stay() -> None:
    before = registry([unit(), unit(BETA)], [site(), site(BETA), site(BETA, "00029")])
    after = registry(
        [unit(), unit(BETA)],
        [site(), site(BETA), site(BETA, "00029", **GONE), opened()],
        [link(f"{BETA}00029", NEW, DAY, continuite_economique=False)],
    )
    assert kinds(before, after) == ["establishment_closed", "establishment_opened"]


def test_a_take_over_is_told_once_and_not_when_it_is_recorded_late() -> None:
    known = link(f"{BETA}00029", NEW, DAY)
    state = ([unit(), unit(BETA)], [site(), site(BETA), opened()])
    assert kinds(registry(*state, [known]), registry(*state, [known])) == []
    assert kinds(registry(*state), registry(*state, [known])) == ["establishment_taken_over"]
    late = link(f"{BETA}00029", NEW, NOW - timedelta(days=366))
    assert kinds(registry(*state), registry(*state, [late])) == []


def test_nothing_is_told_of_a_seller_or_a_site_under_partial_diffusion() -> None:
    taken = [link(f"{BETA}00011", NEW, DAY)]
    before = registry([unit(), unit(BETA, statut_diffusion="P")], [site(), site(BETA)])
    after = registry(
        [unit(), unit(BETA, statut_diffusion="P")], [site(), site(BETA), opened()], taken
    )
    assert kinds(before, after) == []
    hidden = opened(statut_diffusion="P")
    assert kinds(registry([unit()], [site()]), registry([unit()], [site(), hidden])) == []


@pytest.mark.parametrize(("left", "entered"), [("P", "O"), ("O", "P")])
def test_a_move_from_or_to_a_masked_site_is_not_told(left: str, entered: str) -> None:
    before = registry([unit()], [site(), site(nic="00029", statut_diffusion=left)])
    after = registry(
        [unit()],
        [
            site(),
            site(nic="00029", statut_diffusion=left, **GONE),
            opened("00037", statut_diffusion=entered),
        ],
        [link(NEW, f"{ALPHA}00037", DAY)],
    )
    assert kinds(before, after) == []


def test_a_head_office_under_partial_diffusion_must_not_be_prospected() -> None:
    before = registry([unit()], [site()])
    after = registry(
        [unit(nic_siege="00029", date_debut=DAY)], [site(**GONE), opened(statut_diffusion="P")]
    )
    (row,) = changes(before, after)
    assert (row["change"], row["prospecting_allowed"]) == ("hq_moved", False)


def test_la_poste_is_a_company_like_another() -> None:
    before = registry([unit(GAMMA)], [site(GAMMA)])
    after = registry([unit(GAMMA)], [site(GAMMA), site(GAMMA, "49837", date_creation=DAY)])
    assert kinds(before, after) == ["establishment_opened"]
