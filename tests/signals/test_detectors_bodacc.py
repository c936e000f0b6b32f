"""Rules on BODACC notices: each finds its event, and each guard refuses its trap."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import polars as pl
import pytest
from signal_tables import ARRIVAL, CREATION, OPENING, SALE, Tables, change

from signals.contract import EVENT_SCHEMA
from signals.registry import registry

TODAY = date(2021, 1, 8)


def found(code: str, table: str, *rows: dict[str, Any], today: date = TODAY) -> pl.DataFrame:
    events = registry()[code].detect(Tables(today, {f"bodacc__{table}": rows})).collect()
    assert events.schema == EVENT_SCHEMA
    return events


def judged(code: str, **values: Any) -> pl.DataFrame:
    return found(code, "insolvencies", {**OPENING, **values}, today=date(2008, 1, 31))


def test_both_sides_of_a_sale() -> None:
    (bought,) = found("business_acquired", "sales", SALE).iter_rows(named=True)
    (sold,) = found("business_sold", "sales", SALE).iter_rows(named=True)
    assert (bought["siren"], bought["counterparty_siren"]) == ("382456051", "447861741")
    assert (sold["siren"], sold["counterparty_siren"]) == ("447861741", "382456051")
    assert bought["company_name"] == "CACHE-CACHE"
    assert bought["title_fr"] == "Achat d'un fonds pour 10 k€"
    assert bought["occurred_at"] == date(2020, 12, 1)
    assert bought["departement"] == "27"
    assert bought["record_url"] == SALE["url"]
    assert json.loads(bought["after"])["price_eur"] == 10000.0


def test_seller_that_is_a_person_is_never_named() -> None:
    # Real shape of A202100051: the previous owner is a person who has a SIREN.
    row = {**SALE, "seller_is_person": True, "seller_siren": None}
    assert found("business_sold", "sales", row).is_empty()
    assert found("business_sold", "sales", {**row, "seller_siren": "753166792"}).is_empty()
    (bought,) = found("business_acquired", "sales", row).iter_rows(named=True)
    assert bought["counterparty_siren"] is None


@pytest.mark.parametrize("code", ["business_acquired", "business_sold"])
@pytest.mark.parametrize(
    "values",
    [
        {"seller_siren": SALE["buyer_siren"]},
        {"category": "Etablissement principal reçu en location-gérance"},
        {"_op": "removed"},
        {"date_parution": date(2020, 9, 1), "date_effet": None},
        {"date_parution": date(2021, 1, 9), "date_effet": None},
    ],
    ids=["same company", "lease", "annulled", "stale", "future"],
)
def test_not_a_sale(code: str, values: dict[str, Any]) -> None:
    assert found(code, "sales", {**SALE, **values}).is_empty()


SIDES = pytest.mark.parametrize("code", ["business_acquired", "business_sold"])


@SIDES
def test_lessee_who_buys_has_bought(code: str) -> None:
    # Real: A20210005515, whose day of effect is when the business first opened.
    row = {
        **SALE,
        "category": "Achat d'un fonds par le locataire-gérant personne morale",
        "date_effet": date(1987, 7, 1),
    }
    leased = {**row, "category": f"{row['category']}, après location-gérance"}
    assert found(code, "sales", leased).height == 1
    (event,) = found(code, "sales", row).iter_rows(named=True)
    assert event["occurred_at"] == date(2021, 1, 8)


@SIDES
def test_coming_effect_is_dated_by_the_notice(code: str) -> None:
    # Real: A2021000572, in effect 2021-02-01, published 2021-01-08.
    row = {**SALE, "date_effet": date(2021, 2, 1)}
    (event,) = found(code, "sales", row).iter_rows(named=True)
    assert event["occurred_at"] == date(2021, 1, 8)


def test_provisional_and_definitive_notice_are_one_sale() -> None:
    # Real category of A20210005178; its definitive notice is a specification fixture.
    provisional = {
        **SALE,
        "notice_id": "A20210005178",
        "date_effet": None,
        "category": "Achat d'un fonds par une personne morale (insertion provisoire)",
    }
    for code in ("business_acquired", "business_sold"):
        keys = found(code, "sales", SALE, provisional)["event_key"]
        assert keys.len() == 2
        assert keys.n_unique() == 1
    other = {**SALE, "price_eur": 8000.0}
    assert found("business_acquired", "sales", SALE, other)["event_key"].n_unique() == 2


@pytest.mark.parametrize(
    ("code", "title"),
    [("business_acquired", "Achat d'un fonds"), ("business_sold", "Vente d'un fonds")],
)
@pytest.mark.parametrize("price", [1.0, 150.0, 111111111.0, 123456789.0, 5e10])
def test_placeholder_and_absurd_prices_are_not_shown(price: float, code: str, title: str) -> None:
    (event,) = found(code, "sales", {**SALE, "price_eur": price}).iter_rows(named=True)
    assert event["title_fr"] == title
    assert json.loads(event["after"])["price_eur"] is None


def test_postcode_of_corsica_gives_no_department() -> None:
    row = {**SALE, "code_postal": "20090"}
    assert found("business_acquired", "sales", row)["departement"].to_list() == [None]
    row = {**SALE, "code_postal": "97400"}
    assert found("business_acquired", "sales", row)["departement"].to_list() == ["974"]


def test_arrival_is_dated_by_its_notice() -> None:
    # The real notice repeats a registration of 2019: that date would be out of the window.
    (event,) = found("hq_moved_in", "registrations", ARRIVAL).iter_rows(named=True)
    assert (event["siren"], event["occurred_at"]) == ("851565770", date(2021, 1, 8))


def test_creation_is_not_an_arrival_nor_the_reverse() -> None:
    assert found("hq_moved_in", "registrations", CREATION).is_empty()
    assert found("company_created", "registrations", ARRIVAL).is_empty()
    # Real category of an immatriculation that is neither.
    leased = "Immatriculation d'une personne morale, établissement reçu en location-gérance"
    other = {**CREATION, "kind": "immatriculation", "category": leased}
    assert found("company_created", "registrations", other).is_empty()
    transfer = {**CREATION, "category": ARRIVAL["category"]}
    assert found("company_created", "registrations", transfer).is_empty()


def test_creation_and_shell() -> None:
    (event,) = found("company_created", "registrations", CREATION).iter_rows(named=True)
    assert (event["siren"], event["occurred_at"]) == ("892137381", date(2020, 12, 30))
    shell = {**CREATION, "category": "Immatriculation d'une personne morale (B, D) sans activité"}
    assert found("company_created", "registrations", shell).is_empty()


def test_sirene_and_bodacc_name_a_creation_alike() -> None:
    created = change(
        "unit_created", siren="892137381", siret=None,
        occurred_at=date(2020, 12, 1), observed_at=date(2021, 1, 4),
    )  # fmt: skip
    frames = Tables(TODAY, {"sirene_changes": [created], "bodacc__registrations": [CREATION]})
    events = registry()["company_created"].detect(frames).collect()
    assert events["source_id"].sort().to_list() == ["bodacc@v1", "sirene_changes@v1"]
    assert events["event_key"].n_unique() == 1


def test_opening_of_proceedings_and_its_severity() -> None:
    (event,) = judged("insolvency_opened").iter_rows(named=True)
    assert (event["siren"], event["occurred_at"]) == ("384898094", date(2007, 12, 5))
    assert event["title_fr"] == "Liquidation judiciaire"
    assert json.loads(event["after"])["severity"] == 3
    milder = judged("insolvency_opened", procedure="sauvegarde")
    assert json.loads(milder["after"][0])["severity"] == 1


def test_notice_published_again_is_the_same_judgment() -> None:
    first = judged("insolvency_opened")
    again = judged("insolvency_opened", notice_id="A20080091001", date_parution=date(2008, 1, 30))
    assert first["event_key"].equals(again["event_key"])
    harsher = judged("insolvency_opened", procedure="redressement_judiciaire")
    assert not first["event_key"].equals(harsher["event_key"])


@pytest.mark.parametrize(
    "values",
    [
        {"procedure": None},
        {"stage": "closure"},
        {"stage": "plan"},
        {"jugement_date": date(2005, 1, 1)},
        {"jugement_date": date(2008, 2, 1)},
        {"_op": "removed"},
    ],
    ids=["unclassified", "closure", "plan", "stale", "future", "annulled"],
)
def test_no_opening(values: dict[str, Any]) -> None:
    assert judged("insolvency_opened", **values).is_empty()


PLAN = {"stage": "plan", "procedure": None, "jugement_nature": "Jugement de plan de redressement"}


def test_plans() -> None:
    (event,) = judged("insolvency_plan", **PLAN).iter_rows(named=True)
    assert (event["title_fr"], event["title_en"]) == ("Plan de continuation", "Recovery plan")
    sale = {**PLAN, "stage": "cession", "jugement_nature": "Jugement arrêtant un plan de cession"}
    (event,) = judged("insolvency_plan", **sale).iter_rows(named=True)
    assert (event["title_fr"], event["title_en"]) == ("Plan de cession", "Sale plan")


def test_end_of_a_plan_is_no_plan() -> None:
    ended = "Jugement prononçant la résolution du plan de redressement"
    assert judged("insolvency_plan", **{**PLAN, "jugement_nature": ended}).is_empty()
    assert judged("insolvency_plan").is_empty()


@pytest.mark.parametrize(
    ("nature", "outcome"),
    [
        # Real, BODACC 20080010.
        ("Jugement de clôture pour insuffisance d'actif", "insufficient_assets"),
        ("Jugement de clôture pour extinction du passif", "liabilities_cleared"),
        ("Jugement mettant fin à la procédure de sauvegarde", "other"),
    ],
)
def test_closures_and_their_outcome(nature: str, outcome: str) -> None:
    (event,) = judged("insolvency_closed", stage="closure", jugement_nature=nature).iter_rows(
        named=True
    )
    assert json.loads(event["after"])["outcome"] == outcome
    assert judged("insolvency_closed", jugement_nature=nature).is_empty()


#: *Synthetic*: the real sale, were its buyer a natural person.
DISPOSAL: dict[str, Any] = {
    **{name: value for name, value in SALE.items() if not name.startswith(("buyer", "seller"))},
    "seller_siren": SALE["seller_siren"],
    "seller_name": "SELLER",
    "buyer_is_person": True,
}


def test_company_that_sells_to_a_natural_person_sold_a_business() -> None:
    (event,) = found("business_sold", "disposals", DISPOSAL).iter_rows(named=True)
    assert (event["siren"], event["counterparty_siren"]) == (SALE["seller_siren"], None)
    said = json.loads(event["after"])
    assert (said["buyer_siren"], said["buyer_is_person"]) == (None, True)
    assert event["title_fr"] == "Vente d'un fonds pour 10 k€"
    assert event["dataclassification"] == "company"


def test_both_roads_of_a_sale_are_told() -> None:
    frames = Tables(TODAY, {"bodacc__sales": [SALE], "bodacc__disposals": [DISPOSAL]})
    assert registry()["business_sold"].detect(frames).collect().height == 2


def test_leased_business_is_not_sold_to_a_person_either() -> None:
    lease = {**DISPOSAL, "category": "Etablissement reçu en location-gérance"}
    assert found("business_sold", "disposals", lease).is_empty()
