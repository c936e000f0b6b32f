"""Real layouts and real accidents of lead files."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leads.headers import HEADERS, comparable, recognise
from leads.intake import Intake, read_leads
from leads.model import SCHEMA
from opendata.errors import ContractError


def read(tmp_path: Path, content: str | bytes, name: str = "leads.csv") -> Intake:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_leads(path, default_account="acme")


@pytest.mark.parametrize(
    ("header", "fields"),
    [
        # HubSpot, companies
        (["Record ID", "Company name", "Company Domain Name", "City", "Country/Region",
          "Phone Number"],
         ["lead_id", "company_name", "website", "city", "country", "phone"]),
        # Salesforce, accounts report
        (["Account ID", "Account Name", "Billing Street", "Billing City",
          "Billing Zip/Postal Code", "Billing Country"],
         ["lead_id", "company_name", "address", "city", "postcode", "country"]),
        # Pipedrive, organizations
        (["Organization - ID", "Organization - Name", "Organization - Address"],
         ["lead_id", "company_name", "address"]),
        # Dropcontact
        (["email", "company", "website", "siren", "siret", "siret_address", "siret_zip",
          "siret_city", "vat", "linkedin"],
         ["contact_email", "company_name", "website", "siren", "siret", "address", "postcode",
          "city", "vat", "linkedin_url"]),
        # LinkedIn Sales Navigator, as exported
        (["First Name", "Last Name", "Full Name", "Profile Url", "Company", "Company Domain"],
         [None, None, "contact_name", "linkedin_url", "company_name", "website"]),
        # French
        (["N° SIREN", "Raison sociale", "Code postal", "Ville", "Département", "Courriel"],
         ["siren", "company_name", "postcode", "city", "department", "contact_email"]),
        (["Prénom", "Nom", "Société"], [None, None, "company_name"]),
        (["account_id", "lead_id", "Nom"], ["account_id", "lead_id", "company_name"]),
    ],
)  # fmt: skip
def test_headers_of_usual_exports(header: list[str], fields: list[str | None]) -> None:
    found = {name: field for field, names in recognise(header).items() for name in names}
    assert [found.get(name) for name in header] == fields


def test_no_header_means_two_things() -> None:
    every = [header for headers in HEADERS.values() for header in headers]
    assert len(every) == len(set(every))
    assert comparable(every) == every


def test_each_row_is_a_lead_or_a_reason(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "lead_id;Société;CP;Note\n"
        "A1;Danone;75009;=cmd()\n"
        "marie@exemple.fr;Foo;;\n"
        "A2;Bar;6000;x;trop\n"
        "A3;;;\n"
        "\n"
        'A4;"Deux\nlignes";;\n'
        "A1;Danone SA;75009;\n",
    )
    assert found.read == 6
    assert found.accepted["lead_id"].to_list() == ["A4", "A1"]
    assert found.accepted["company_name"].to_list() == ["Deux lignes", "Danone SA"]
    assert found.rejected.select("line", "column", "rule").rows() == [
        (2, "lead_id", "duplicate_lead_id"),
        (3, "lead_id", "lead_id_is_an_email"),
        (4, None, "wrong_number_of_cells"),
        (5, "company_name", "nothing_identifies_a_company"),
    ]
    assert "marie" not in found.rejected.write_csv()


def test_unknown_columns_are_kept_aside(tmp_path: Path) -> None:
    found = read(tmp_path, "id,name,score,note\n1,Danone,7,\n")
    assert found.accepted.schema == SCHEMA
    assert json.loads(found.accepted["extra"][0]) == {"score": "7", "note": None}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "windows-1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encodings_and_delimiters(tmp_path: Path, encoding: str, delimiter: str) -> None:
    text = f"id{delimiter}Société\n1{delimiter}Crédit œuvre\n"
    found = read(tmp_path, text.encode(encoding))
    assert found.accepted["company_name"].to_list() == ["Crédit œuvre"]


def test_excels_own_separator_line(tmp_path: Path) -> None:
    found = read(tmp_path, "sep=;\r\nid;name\r\n1;Danone\r\nx y;B\r\n")
    assert found.accepted["company_name"].to_list() == ["Danone"]
    assert found.rejected["line"].to_list() == [4]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("552032534", "552032534"),
        ("552 032 534", "552032534"),
        ("552\u00a0032\u00a0534", "552032534"),
        ("552032534.0", "552032534"),
        ("'552032534", "552032534"),
        ("5,52032534E+08", "552032534"),
        ("55203253", "055203253"),
        ("5.52E+08", "5.52E+08"),
        ("FR123", "FR123"),
    ],
)
def test_what_spreadsheets_do_to_a_siren(tmp_path: Path, typed: str, kept: str) -> None:
    found = read(tmp_path, f'id;name;siren\n1;X;"{typed}"\n')
    assert found.accepted["siren"].to_list() == [kept]


@pytest.mark.parametrize(
    ("country", "typed", "kept"),
    [("FR", "6000", "06000"), ("", "6000.0", "06000"), ("Belgique", "1000", "1000")],
)
def test_postcodes_get_their_zero_back_in_france(
    tmp_path: Path, country: str, typed: str, kept: str
) -> None:
    found = read(tmp_path, f"id,name,cp,pays\n1,X,{typed},{country}\n")
    assert found.accepted["postcode"].to_list() == [kept]


def test_the_domain_of_an_address_is_derived(tmp_path: Path) -> None:
    found = read(tmp_path, "id,name,email\n1,X,Marie <m.d@Exemple.FR>\n2,Y,none\n")
    assert found.accepted["email_domain"].to_list() == ["exemple.fr", None]


def test_a_lead_without_id_gets_one_from_its_company_only(tmp_path: Path) -> None:
    first = read(tmp_path, "company,city,email\nDanone,Paris,a@b.fr\n").accepted["lead_id"][0]
    again = read(tmp_path, "company,city,email\nDanone,Paris,z@z.fr\n").accepted["lead_id"][0]
    other = read(tmp_path, "company,city,email\nDanone,Lyon,a@b.fr\n").accepted["lead_id"][0]
    assert first == again != other
    assert first.startswith("d-")


@pytest.mark.parametrize("kind", ["xlsx", "parquet", "jsonl"])
def test_other_formats(tmp_path: Path, kind: str) -> None:
    frame = pl.DataFrame(
        {
            "lead_id": ["1", "a@b.fr"],
            "Raison sociale": ["Crédit œuvre", "B"],
            "siren": [552032534, 1],
        }
    )
    path = tmp_path / f"leads.{kind}"
    if kind == "xlsx":
        frame.write_excel(path)
    elif kind == "parquet":
        frame.write_parquet(path)
    else:
        frame.write_ndjson(path)
    found = read_leads(path, default_account="acme")
    assert found.accepted.select("lead_id", "company_name", "siren").rows() == [
        ("1", "Crédit œuvre", "552032534")
    ]
    assert found.rejected["rule"].to_list() == ["lead_id_is_an_email"]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"", "empty.csv"),
        (b"\n\n", "blank.csv"),
        (b"colour,size\nred,1\n", "other.csv"),
        (b"PK\x03\x04not really", "broken.xlsx"),
        (b"PAR1 nor this", "broken.parquet"),
        (b'{"a": ', "broken.jsonl"),
    ],
)
def test_files_that_are_no_lead_file(tmp_path: Path, content: bytes, name: str) -> None:
    with pytest.raises(ContractError) as caught:
        read(tmp_path, content, name)
    assert caught.value.next_step
    assert name.split(".")[0] not in str(caught.value)


def test_a_quote_left_open_loses_no_other_row_silently(tmp_path: Path) -> None:
    rows = "".join(f"{n},Company {n}\n" for n in range(300))
    found = read(tmp_path, f'id,name\nA,Good\nB,"Open\n{rows}')
    assert found.accepted["lead_id"].to_list() == ["A"]
    assert found.rejected["rule"].to_list() == ["quote_not_closed"]


CELLS = st.text(
    alphabet=st.sampled_from('aé1 ;,"@\n\t=+é.0🎉\u00a0') , max_size=12
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=8))
def test_read_is_accepted_plus_rejected(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]]
) -> None:
    path = tmp_path_factory.mktemp("any") / "leads.csv"
    pl.DataFrame(rows, schema=["id", "name", "siren"], orient="row").write_csv(path)
    found = read_leads(path, default_account="acme")
    assert found.read == found.accepted.height + found.rejected.height
    assert found.accepted.select("account_id", "lead_id").is_duplicated().sum() == 0
    assert not found.accepted["lead_id"].str.contains("@").any()
