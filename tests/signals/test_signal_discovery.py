"""Discovery and relatives: only who may be shown, in order, with whom to name."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from signal_tables import SALE
from signal_world import (
    BUYER,
    DAY,
    LIQUIDATION,
    OTHER_SALE,
    SELLER,
    account,
    candidates,
    match,
    publish,
    tell,
)

from signals import groups
from signals.caps import WAITING_SCHEMA
from signals.contract import schema_of
from signals.discovery import DISCOVERY_SCHEMA
from signals.feed.companions import Discovery, Relative, Waiting
from signals.feed.customers import KNOWN_SCHEMA, Customers
from signals.fit import COMPANY_SCHEMA
from signals.groups import GROUP_SCHEMA
from signals.log import SignalLog
from signals.profile import Profile

OTHER_BUYER = str(OTHER_SALE["buyer_siren"])
SALES = {**SALE, "source_id": "bodacc@v1", "record_key": SALE["notice_id"]}


def company(siren: str, **values: Any) -> dict[str, Any]:
    usual = {"siren": siren, "company_name": f"SOCIETE {siren}", "active": True,
             "personne_morale": True, "diffusible": True, "departement": "75",
             "categorie_juridique": "5710"}  # fmt: skip
    return {**usual, **values}


def customers(*companies: dict[str, Any], **values: Any) -> Customers:
    given = {
        "include": {"departements": ["75"]},
        "discovery": {"fresh_days": 60},
        **values.pop("profile", {}),
    }
    rows = pl.LazyFrame(
        list(companies or (company(BUYER), company(OTHER_BUYER))), schema=COMPANY_SCHEMA
    )
    return Customers(
        profiles={"acme": Profile.model_validate(given)},
        companies=lambda wanted: rows.join(wanted, on="siren", how="semi"),
        **values,
    )


def found(out: Path) -> pl.DataFrame:
    return pl.read_parquet(account(out) / "discovery.parquet")


def shown(log: SignalLog, out: Path, known: Customers, day: date = DAY) -> list[str]:
    publish(log, out, match("l9", "552100554"), day=day, customers=known)
    return found(out)["siren"].to_list()


def test_the_tables_are_those_of_the_contract() -> None:
    assert schema_of(Discovery) == DISCOVERY_SCHEMA
    assert schema_of(Waiting) == WAITING_SCHEMA
    assert schema_of(Relative) == GROUP_SCHEMA


def test_who_fits_and_is_no_lead_is_shown_with_its_source(log: SignalLog, out: Path) -> None:
    publish(log, out, match("l1", BUYER), customers=customers())
    (row,) = found(out).iter_rows(named=True)
    assert (row["siren"], row["company_name"]) == (OTHER_BUYER, f"SOCIETE {OTHER_BUYER}")
    assert row["best_type"].endswith("business_acquired.v1")
    assert row["score"] > 0
    assert "DILA" in row["attribution"]
    sources = pl.read_parquet(account(out) / "sources.parquet")["source_id"].to_list()
    assert row["best_source_id"] in sources
    content = json.loads((account(out) / "manifest.json").read_text())
    assert "discovery" in {one["name"] for one in content["resources"]}
    assert not (out / "company" / "discovery.parquet").exists()


@pytest.mark.parametrize(
    "values",
    [
        {"departement": "13"},
        {"departement": None},
        {"active": False},
        {"personne_morale": False},
        {"diffusible": False},
    ],
)
def test_who_may_not_be_shown(log: SignalLog, out: Path, values: dict[str, Any]) -> None:
    rows = (company(BUYER, **values), company(OTHER_BUYER))
    assert shown(log, out, customers(*rows)) == [OTHER_BUYER]


def test_who_may_be_a_lead_is_not_shown(log: SignalLog, out: Path) -> None:
    maybe = pl.DataFrame({"account_id": ["acme"], "siren": [BUYER]}, schema=KNOWN_SCHEMA)
    assert shown(log, out, customers(known=maybe)) == [OTHER_BUYER]
    others = maybe.with_columns(account_id=pl.lit("other-co"))
    assert len(shown(log, out, customers(known=others))) == 2


def test_who_is_silenced_is_not_shown(tmp_path: Path, out: Path) -> None:
    log = SignalLog(tmp_path / "signals")
    tell(log, candidates(bodacc__sales=[SALE, OTHER_SALE], bodacc__insolvencies=[LIQUIDATION]))
    assert shown(log, out, customers()) == [OTHER_BUYER]


def test_old_news_is_no_discovery(log: SignalLog, out: Path) -> None:
    # The sales are of 1 December 2020.
    assert len(shown(log, out, customers(), date(2021, 1, 30))) == 2
    assert shown(log, out, customers(), date(2021, 1, 31)) == []


def test_the_best_are_kept(log: SignalLog, out: Path) -> None:
    few = {"discovery": {"fresh_days": 60, "at_most": 1}}
    assert len(shown(log, out, customers(profile=few))) == 1
    assert shown(log, out, customers(profile={"discovery": {"least_score": 100}})) == []
    assert shown(log, out, customers(profile={"discovery": None})) == []


def test_age_alone_is_no_news_but_another_profile_is(log: SignalLog, out: Path) -> None:
    lead = match("l9", BUYER)
    publish(log, out, lead, customers=customers())
    assert not publish(log, out, lead, day=date(2021, 1, 9), customers=customers()).published
    other = customers(profile={"outside": 0.1})
    assert publish(log, out, lead, day=date(2021, 1, 9), customers=other).published
    lead_row = pl.read_parquet(account(out) / "lead_scores.parquet").row(0, named=True)
    assert lead_row["profile_version"] == other.profiles["acme"].version
    assert lead_row["fit"] == "fits"


def test_what_stands_about_a_relative_is_shown_as_inferred(log: SignalLog, out: Path) -> None:
    sold = groups.sales(pl.LazyFrame([SALES]))
    known = customers(company(BUYER), company(SELLER), links=sold)
    publish(log, out, match("l1", BUYER), customers=known)
    (row,) = pl.read_parquet(account(out) / "groups.parquet").iter_rows(named=True)
    assert (row["siren"], row["related_siren"]) == (BUYER, SELLER)
    assert (row["link"], row["role"], row["nature"]) == ("sale", "seller", "inference")
    assert row["signals"] == len(row["signalids"]) == 1
    # Without its name in the register as a legal person, the other company is not shown.
    person = customers(company(BUYER), company(SELLER, personne_morale=False), links=sold)
    publish(log, out, match("l1", BUYER), customers=person)
    assert pl.read_parquet(account(out) / "groups.parquet").is_empty()


def test_a_site_moved_within_one_company_is_no_link() -> None:
    rows = pl.LazyFrame(
        {
            "siret_predecesseur": ["38245605100011", "38245605100011"],
            "siret_successeur": ["38245605100029", "55210055400013"],
            "date_lien": [DAY, DAY],
            "source_id": ["sirene@v1"] * 2,
            "record_key": ["a", "b"],
        }
    )
    pairs = groups.successions(rows).collect().select("siren", "related_siren", "role").rows()
    assert sorted(pairs) == [
        ("382456051", "552100554", "successor"),
        ("552100554", "382456051", "predecessor"),
    ]


def test_two_declarants_of_one_social_unit_are_linked() -> None:
    def declared(siren: str, year: int, name: str, region: str = "Bretagne") -> dict[str, Any]:
        return {"siren": siren, "annee": year, "nom_ues": name, "region": region,
                "source_id": "egapro@v1", "record_key": f"{siren}/{year}"}  # fmt: skip

    rows = [
        declared("1", 2019, "UES Armor Énergie"),
        declared("2", 2020, "ARMOR ENERGIE"),
        declared("3", 2020, "ARMOR ENERGIE", "Corse"),
        declared("4", 2020, "UES AB"),
        declared("5", 2020, "AB"),
        *(declared(str(10 + one), 2020, "SOCIETE GENERALE") for one in range(7)),
    ]
    pairs = groups.social_units(pl.LazyFrame(rows)).collect()
    assert sorted(pairs.select("siren", "related_siren").rows()) == [("1", "2"), ("2", "1")]
    assert pairs["since"].unique().to_list() == [date(2020, 1, 1)]
