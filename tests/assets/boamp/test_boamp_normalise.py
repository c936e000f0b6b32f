"""BOAMP, on the four real notices of the sample; awards in the European form are *synthetic*."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.boamp.normalise import normalise
from opendata.catalogue import load_dataset
from opendata.contract import read_resource
from opendata.typing_rules import DTYPES

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "data/sample/boamp").glob("*.jsonl"))
DATASET = load_dataset(ROOT / "assets/boamp/dataset.yml")
RESOURCE = DATASET.resource("boamp")
Record = dict[str, Any]
Tables = dict[str, pl.DataFrame]
Read = Callable[..., Tables]
REAL: dict[str, Record] = {
    record["idweb"]: record
    for path in FILES
    for record in map(json.loads, path.read_text(encoding="utf-8").splitlines())
}
CALL, CANCELLED, NO_SIRET = "25-123573", "25-127510", "25-123631"


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def tables(*given: Record) -> Tables:
        path = tmp_path / "boamp.jsonl"
        path.write_text("".join(json.dumps(one) + "\n" for one in given), encoding="utf-8")
        result = read_resource(RESOURCE, [path], work=tmp_path / "w")
        assert result.rejected_rows == 0, result.rules
        made = normalise({"boamp": pl.scan_parquet(result.path)})
        return {name: table.collect() for name, table in made.items()}

    return tables


def test_the_real_notices(read: Read) -> None:
    tables = read(*REAL.values())
    for name, table in tables.items():
        described = DATASET.described_columns(name)[:-1]
        assert dict(table.schema) == {one.name: DTYPES[one.type] for one in described}
    notices = tables["boamp__notices"]
    assert notices.select("idweb", "acheteur_siret", "cancels").rows() == [
        ("25-123130", "21920062300011", None),
        (CALL, "21950598900018", None),
        # Its organisations have internal identifiers (GUID), and no SIRET.
        (NO_SIRET, None, None),
        (CANCELLED, "21950598900018", CALL),
    ]
    assert notices.row(1, named=True)["date_limite"] == date(2025, 12, 15)
    assert notices["code_cpv"].to_list() == ["90910000", "71351810", "71351810", "71351810"]
    assert tables["boamp__awards"].is_empty()


def test_the_buyer_is_not_the_court_nor_the_platform(read: Read) -> None:
    """Four organisations stand in the notice; the buyer is the one that is named as such."""
    record = copy.deepcopy(REAL[CALL])
    form = json.loads(record["donnees"])
    party = form["EFORMS"]["ContractNotice"]["cac:ContractingParty"]["cac:Party"]
    party["cac:PartyIdentification"]["cbc:ID"] = "ORG-0002"
    record["donnees"] = json.dumps(form)
    (notice,) = read(record)["boamp__notices"].to_dicts()
    assert notice["acheteur_siret"] == "17950702500015"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("2025-12-15T12:00:00+01:00", date(2025, 12, 15)),
        ("7017-07-24T12:00:00+00:00", None),
        ("2025-11-01T12:00:00+00:00", None),
        ("bientôt", None),
        (None, None),
    ],
)
def test_absurd_deadlines_are_unknown(read: Read, written: str | None, kept: date | None) -> None:
    (notice,) = read({**REAL[CALL], "datelimitereponse": written})["boamp__notices"].to_dicts()
    assert notice["date_limite"] == kept


@pytest.mark.parametrize(
    ("fields", "cancels"),
    [
        ({"etat": "RECTIFICATIF", "annonce_lie": "25-123573"}, "25-123573"),
        ({"etat": "ANNULATION", "annonce_lie": '["25-123573"]'}, "25-123573"),
        ({"etat": "INITIAL", "annonce_lie": "25-123573"}, None),
        ({"etat": "ANNULATION", "annonce_lie": CANCELLED}, None),
        ({"etat": "ANNULATION", "annonce_lie": None}, None),
    ],
)
def test_what_a_notice_takes_the_place_of(read: Read, fields: Record, cancels: str | None) -> None:
    (notice,) = read({**REAL[CANCELLED], **fields})["boamp__notices"].to_dicts()
    assert notice["cancels"] == cancels


def organisation(number: int, siret: str | Record) -> Record:
    return {
        "efac:Company": {
            "cac:PartyIdentification": {
                "cbc:ID": {"@schemeName": "organization", "#text": f"ORG-{number:04}"}
            },
            "cac:PartyLegalEntity": {"cbc:CompanyID": siret},
            "cac:Contact": {"cbc:ElectronicMail": "x@exemple.test"},
        }
    }


def money(amount: str, currency: str = "EUR") -> Record:
    return {
        "cac:LegalMonetaryTotal": {"cbc:PayableAmount": {"@currencyID": currency, "#text": amount}}
    }


def award(*, alone: bool = False, currency: str = "EUR") -> Record:
    """Return an award of two contracts, or of one alone, after the schema of the eForms."""
    parties = [
        {"cbc:ID": "TPA-1", "efac:Tenderer": {"cbc:ID": "ORG-0002"}},
        {
            "cbc:ID": "TPA-2",
            "efac:Tenderer": [{"cbc:ID": "ORG-0002"}, {"cbc:ID": "ORG-0003"}],
        },
    ]
    tenders = [
        {
            "cbc:ID": "TEN-1",
            "efac:TenderingParty": {"cbc:ID": "TPA-1"},
            **money("153900", currency),
        },
        {"cbc:ID": "TEN-2", "efac:TenderingParty": {"cbc:ID": "TPA-2"}, **money("20000.50")},
        {"cbc:ID": "TEN-3", "efac:TenderingParty": {"cbc:ID": "TPA-1"}, **money("99")},
    ]
    contracts = [
        {
            "cbc:ID": {"@schemeName": "contract", "#text": "CON-1"},
            "cbc:IssueDate": "2025-11-03+01:00",
            "efac:ContractReference": {"cbc:ID": "2025-17"},
            "efac:LotTender": {"cbc:ID": "TEN-1"},
        },
        {"cbc:ID": "CON-2", "efac:LotTender": [{"cbc:ID": "TEN-2"}]},
    ]
    result = {
        "efac:SettledContract": contracts[0] if alone else contracts,
        "efac:LotTender": tenders[0] if alone else tenders,
        "efac:TenderingParty": parties[0] if alone else parties,
    }
    known = [
        organisation(1, "21950598900018"),
        organisation(2, "85480074501125"),
        organisation(3, {"@schemeName": "eu", "#text": "74500C7B-9F94-9D69-C3BDA98F0F5BB0B6"}),
    ]
    content = {
        "efac:Organizations": {"efac:Organization": known},
        "efac:NoticeResult": result,
    }
    form = {
        "ext:UBLExtensions": {
            "ext:UBLExtension": {"ext:ExtensionContent": {"efext:EformsExtension": content}}
        },
        "cac:ContractingParty": {
            "cac:Party": {"cac:PartyIdentification": {"cbc:ID": {"#text": "ORG-0001"}}}
        },
    }
    donnees = json.dumps({"EFORMS": {"ContractAwardNotice": form}})
    return {**REAL[CALL], "nature": "ATTRIBUTION", "donnees": donnees}


def test_winners_of_an_award(read: Read) -> None:
    """*Synthetic*: a losing tender, a member without SIRET, an amount with its attributes."""
    awards = read(award())["boamp__awards"]
    assert awards.select(
        "contrat", "titulaire_siret", "montant_eur", "date_contrat", "reference_contrat"
    ).rows() == [
        ("CON-1", "85480074501125", 153900.0, date(2025, 11, 3), "2025-17"),
        ("CON-2", "85480074501125", 20000.5, None, None),
    ]
    assert awards["acheteur_siren"].unique().to_list() == ["219505989"]
    assert awards["record_key"][0] == f"{CALL}/CON-1/85480074501125"


def test_one_of_each_is_an_object_and_not_a_list(read: Read) -> None:
    assert read(award(alone=True))["boamp__awards"]["contrat"].to_list() == ["CON-1"]


def test_another_currency_is_no_amount_in_euros(read: Read) -> None:
    assert read(award(alone=True, currency="CHF"))["boamp__awards"]["montant_eur"].to_list() == [
        None
    ]


def test_the_older_forms_give_no_winner(read: Read) -> None:
    """*Synthetic*: before the European forms a winner has a name and nothing else."""
    old = {"OBJET": {"TITRE": "x"}, "ATTRIBUTION": {"TITULAIRE": {"DENOMINATION": "SARL X"}}}
    record = {**REAL[CALL], "nature": "ATTRIBUTION", "donnees": json.dumps(old)}
    tables = read(record)
    assert tables["boamp__awards"].is_empty()
    assert tables["boamp__notices"]["acheteur_siret"].to_list() == [None]


def test_nothing_of_the_content_but_identifiers_is_tabled(read: Read) -> None:
    for table in read(award()).values():
        assert "exemple.test" not in table.write_ndjson()
    assert "objet" not in {column.header for column in RESOURCE.columns}
