from __future__ import annotations

from pathlib import Path

import lead_registry as registry
import polars as pl
import pytest

from leads import candidates
from leads.index import Index, build_index
from leads.queries import prepare

TOWN_HALLS = 400


@pytest.fixture(scope="module")
def town_halls(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """A registry where one name is borne by hundreds of units, each in a place of its own."""
    numbers = range(1000, 1000 + TOWN_HALLS)
    units = [registry.unit(number, f"COMMUNE NUMERO{number}") for number in numbers]
    sites = [
        registry.site(number, f"{10 + number % 80}{number % 1000:03d}", f"BOURG {number}",
                      enseigne_1="MAIRIE")
        for number in numbers
    ]  # fmt: skip
    return build_index(
        pl.LazyFrame(units, schema=registry.UNIT_SCHEMA),
        pl.LazyFrame(sites, schema=registry.ESTABLISHMENT_SCHEMA),
        tmp_path_factory.mktemp("halls"),
    )


def found(index: Index, **lead: str | None) -> tuple[set[str], int]:
    spellings = prepare(registry.leads(lead)).spellings
    pairs = candidates.find(spellings, index)
    names = pairs.join(index.scan("names").select("name_id", "siren").collect(), on="name_id")
    return set(names["siren"]), pairs.height


def test_a_frequent_name_is_capped_without_a_place(town_halls: Index) -> None:
    _, pairs = found(town_halls, company_name="Mairie")
    assert 1 < pairs <= 2 * candidates.CAP


@pytest.mark.parametrize("number", [1000, 1234, 1399])
def test_a_frequent_name_is_found_in_its_place(town_halls: Index, number: int) -> None:
    postcode = f"{10 + number % 80}{number % 1000:03d}"
    units, pairs = found(town_halls, company_name="Mairie", postcode=postcode)
    assert registry.siren(number) in units
    assert pairs <= 4 * candidates.CAP


@pytest.mark.parametrize(
    "lead",
    [
        {"company_name": "Broceliande"},
        {"company_name": "Galettes artisanales Viviane"},
        {"company_name": "BISCUITERIEDEBROCELIANDE"},
        {"company_name": "Biscuiteries Broseliande", "department": "35"},
        {"company_name": "Autre chose (Biscuiterie de Brocéliande)"},
    ],
)
def test_each_generator_finds_the_unit(small: Index, lead: dict[str, str | None]) -> None:
    units, _ = found(small, **lead)
    assert registry.siren(registry.BROCELIANDE) in units


@pytest.mark.parametrize(
    "lead",
    [
        {"company_name": "CBX"},
        {"company_name": "CB", "postcode": "44000"},
        {"company_name": "Menuiserie nantaise", "website": "https://www.crea-bois.fr/accueil"},
        {"company_name": "Menuiserie nantaise", "email_domain": "creabois.fr"},
    ],
)
def test_acronym_sign_and_domain_find_the_unit(small: Index, lead: dict[str, str | None]) -> None:
    units, _ = found(small, **lead)
    assert registry.siren(registry.CREABOIS) in units


def test_a_webmail_domain_finds_nothing(small: Index, tmp_path: Path) -> None:
    units, _ = found(small, company_name="Zorglub", email_domain="gmail.com")
    assert units == set()
