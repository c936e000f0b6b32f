"""Whole exports of sales tools, one file per tool (``tests/data/lead_exports``)."""

from __future__ import annotations

from pathlib import Path

import pytest

from leads.intake import Intake, read_leads
from leads.model import data_classes

EXPORTS = Path(__file__).parents[1] / "data" / "lead_exports"


def read(name: str) -> Intake:
    return read_leads(EXPORTS / name, default_account="acme")


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("hubspot_companies.csv",
         {"lead_id": "8123456701", "company_name": "Danone", "website": "danone.com",
          "address": "17 Boulevard Haussmann", "postcode": "75009", "country": "France",
          "phone": "+33 1 00 00 00 00"}),
        ("hubspot_fr.csv",
         {"lead_id": "8123456701", "company_name": "Danone", "website": "danone.com",
          "postcode": "75009", "city": "Paris", "country": "France"}),
        ("salesforce_report.csv",
         {"lead_id": "001AA00000AbCdE", "company_name": "CRÉDIT AGRICOLE S.A.",
          "address": "12 place des États-Unis Bâtiment A", "postcode": "92120",
          "account_id": "acme"}),
        ("salesforce_data_loader.csv",
         {"lead_id": "001AA00000AbCdE", "company_name": "Danone", "postcode": "75009",
          "city": "Paris", "website": "https://www.danone.com"}),
        ("pipedrive_organizations.csv",
         {"lead_id": "41", "company_name": "Danone", "postcode": "75009", "city": "Paris"}),
        ("pipedrive_address_parts.csv",
         {"company_name": "Danone", "postcode": "75009", "city": "Paris", "country": "France"}),
        ("sales_navigator.csv",
         {"lead_id": "4567", "company_name": "Danone", "contact_name": "Prénom Un",
          "linkedin_url": "https://www.linkedin.com/sales/lead/SYNTHETIC1"}),
        ("dropcontact.csv",
         {"company_name": "DANONE", "siren": "552032534", "siret": "55203253400646",
          "vat": "FR27552032534", "postcode": "75009", "email_domain": "danone.example"}),
    ],
)  # fmt: skip
def test_each_tools_columns_are_understood(name: str, first: dict[str, str]) -> None:
    row = read(name).accepted.row(0, named=True)
    assert {field: row[field] for field in first} == first


def test_identifiers_that_a_spreadsheet_broke_or_a_person_misplaced() -> None:
    rows = read("french_excel.csv").accepted
    assert rows.select("siren", "siret", "vat", "postcode").rows() == [
        ("054806542", None, None, "01000"),
        ("552032534", None, None, "75009"),
        (None, "55203253400646", None, "75009"),
        (None, None, "FR 27 552032534", "75009"),
        ("5,52E+08", None, None, None),
    ]


def test_rows_of_one_company_are_one_lead_and_the_others_are_said() -> None:
    found = read("dropcontact.csv")
    assert (found.read, found.accepted.height) == (2, 1)
    assert found.rejected.select("line", "rule").rows() == [(2, "same_company_again")]
    assert found.accepted["lead_id"].item() == "d-a8c661d0b2d4cf5670287224"


def test_a_bad_row_does_not_keep_the_others_out() -> None:
    found = read("hubspot_companies.csv")
    assert found.accepted["lead_id"].to_list() == ["8123456701", "8123456702"]
    assert found.rejected.select("line", "rule").rows() == [(4, "nothing_identifies_a_company")]
    assert found.refused_ids.rows() == [("acme", "8123456703")]
    assert found.uncut == 0


def test_what_may_name_a_person_is_classed_so() -> None:
    contact = {name for name, kind in data_classes().items() if kind == "contact"}
    assert contact == {"phone", "linkedin_url", "contact_name", "contact_email", "extra"}
