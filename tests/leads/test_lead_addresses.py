"""A lead whose name says nothing is found, and located, by its street number."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import lead_registry as registry
import polars as pl
import pytest

from leads import candidates
from leads.index import Index, build_index
from leads.matching import match_leads
from leads.queries import prepare

SCHEMA = {**registry.ESTABLISHMENT_SCHEMA, "numero_voie": pl.String, "libelle_voie": pl.String}


def site(number: int, street: str, *, nic: int = 1, at: str = "12") -> dict[str, object]:
    where = {"numero_voie": at, "libelle_voie": street}
    return registry.site(number, "35380", "PAIMPONT", nic=nic, **where)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    crowd = range(100, 100 + candidates.NEIGHBOURS + 1)
    units = [
        registry.unit(1, "BISCUITERIE DE BROCELIANDE"),
        registry.unit(2, "FONDERIE KERVELLA"),
        *(registry.unit(number, f"DOMICILIEE NUMERO{number}") for number in crowd),
    ]
    sites = [
        site(1, "LILAS"),
        site(1, "GENETS", nic=2, at="3"),
        site(2, "BRUYERES", at="12"),
        *(site(number, "AFFAIRES", at="1") for number in crowd),
    ]
    return build_index(
        pl.LazyFrame(units, schema=registry.UNIT_SCHEMA),
        pl.LazyFrame(sites, schema=SCHEMA),
        tmp_path_factory.mktemp("addresses"),
    )


def found(index: Index, **lead: str) -> set[str]:
    spellings = prepare(registry.leads(dict(lead))).spellings
    pairs = candidates.find(spellings, index)
    names = index.scan("names").select("name_id", "siren").collect()
    return set(pairs.join(names, on="name_id")["siren"])


def test_the_unit_at_the_address_is_a_candidate_whatever_the_name(index: Index) -> None:
    lead = {"company_name": "Gâteaux Zzyzx", "postcode": "35380"}
    assert found(index, **lead, address="12, rue des Lilas") == {registry.siren(1)}
    assert found(index, **lead, address="14, rue des Lilas") == set()


def test_a_business_centre_says_nothing(index: Index) -> None:
    lead = {"company_name": "Zzyzx", "postcode": "35380", "address": "1 place des Affaires"}
    assert found(index, **lead) == set()


@pytest.mark.parametrize(("address", "nic"), [("3 rue des Genêts", 2), ("12 rue des Lilas", 1)])
def test_the_establishment_at_the_address_is_meant(index: Index, address: str, nic: int) -> None:
    leads = registry.leads(
        {"company_name": "Biscuiterie de Broceliande", "postcode": "35380", "address": address}
    )
    row = match_leads(leads, index, matched_at=date(2026, 1, 1), registry_version="x").row(
        0, named=True
    )
    assert row["siret"] == registry.siret(registry.siren(1), nic)
    assert "address:equal" in row["reasons"]


def test_a_registry_without_streets_has_no_addresses(small: Index, tmp_path: Path) -> None:
    assert small.meta["keys"]["addresses"] == 0
