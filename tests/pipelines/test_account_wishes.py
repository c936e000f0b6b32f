"""What the exports are told of accounts and companies, from a replay of the real sample."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from replaying import Replayed

from assets.customers import customers
from opendata.errors import SettingsError
from pipelines.settings import ROOT
from signals.fit import COMPANY_SCHEMA, rating
from signals.groups import LINK_SCHEMA

BUNDLED = ROOT / "data" / "sample" / "profiles.yml"


def test_the_register_is_read_for_the_companies_asked_for(replayed: Replayed) -> None:
    store = replayed.workspace.store
    units = store.scan("sirene__legal_units").filter(
        pl.col("activite_principale").str.starts_with("43."), pl.col("personne_morale")
    )
    office = store.scan("sirene__establishments").filter(
        pl.col("siege"), pl.col("departement").is_not_null()
    )
    both = units.join(office, on="siren").select("siren", "departement").sort("siren")
    expected = both.head(3).collect()
    told = customers(replace(replayed.workspace, profiles=BUNDLED))
    rows = told.companies(expected.lazy().select("siren")).collect().sort("siren")
    assert rows.schema == COMPANY_SCHEMA
    assert rows.select("siren", "departement").equals(expected)
    fits = rating(told.profiles["demo-btp"], rows).fits
    assert fits["fit"].to_list() == ["fits"] * 3


def test_leads_and_what_doubtful_leads_could_be_are_known(replayed: Replayed) -> None:
    matches = replayed.workspace.lead_store.matches()
    known = customers(replayed.workspace).known
    sure = matches.filter(pl.col("siren").is_not_null()).select("account_id", "siren").unique()
    assert sure.join(known, on=["account_id", "siren"], how="anti").is_empty()
    doubtful = matches.filter(pl.col("verdict") == "ambiguous").explode("alternatives")
    others = doubtful.select("account_id", siren=pl.col("alternatives").struct.field("siren"))
    assert others.drop_nulls().height
    assert others.drop_nulls().join(known, on=["account_id", "siren"], how="anti").is_empty()


def test_links_come_from_the_registers_that_are_loaded(replayed: Replayed) -> None:
    links = customers(replayed.workspace).links.collect()
    assert links.schema == LINK_SCHEMA
    assert {"succession", "sale"} <= set(links["link"].unique().to_list())
    assert links.filter(pl.col("siren") == pl.col("related_siren")).is_empty()


def test_a_mistake_in_the_profiles_stops_the_export(replayed: Replayed, tmp_path: Path) -> None:
    wrong = tmp_path / "wishes.yml"
    wrong.write_text("accounts:\n  a: {colour: red}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"wishes.yml: line 2, accounts.a.colour"):
        customers(replace(replayed.workspace, profiles=wrong))
