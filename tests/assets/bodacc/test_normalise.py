"""The tables of BODACC as a whole: roles, identity, corrections, protection of persons."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from opendata.contract import read_resource
from opendata.typing_rules import DTYPES

from .notices import (
    DATASET,
    OPENING,
    REAL,
    RESOURCE,
    SALE_BY_COMPANY,
    SALE_BY_PERSON,
    Read,
    Record,
    Tables,
    block,
    changed,
    of,
    row,
)

# --- the tables as a whole -------------------------------------------------------------


@pytest.mark.parametrize("name", DATASET.tables)
def test_tables_are_as_described(real: Tables, name: str) -> None:
    described = {column.name: DTYPES[column.type] for column in DATASET.described_columns(name)}
    # The engine adds its own column last.
    assert [*real[name].schema.items(), ("source_id", pl.String)] == list(described.items())
    key = list(DATASET.tables[name].key)
    assert (
        real[name]
        .select(
            pl.struct(key).is_unique().all() & pl.all_horizontal(pl.col(key).is_not_null().all())
        )
        .item()
    )


def test_every_real_notice_is_kept_and_counted(real: Tables) -> None:
    assert {name: table.height for name, table in real.items()} == {
        "bodacc__notices": len(REAL),
        "bodacc__sales": 28,
        "bodacc__disposals": 0,
        "bodacc__insolvencies": 532,
        "bodacc__registrations": 477,
        "bodacc__leases": 1,
        # The bundled issues are of bulletin A.
        "bodacc__accounts": 0,
        "bodacc__modifications": 0,
        "bodacc__strike_offs": 0,
    }


def test_only_what_is_read_is_asked_for() -> None:
    asked = RESOURCE.query["select"].split(",")
    assert asked == [column.header for column in RESOURCE.columns]
    assert not {"commercant", "divers"} & set(asked)


# --- sales: roles and prices ------------------------------------------------------------


def test_golden_sale_by_a_natural_person(real: Tables) -> None:
    sale = row(real["bodacc__sales"], SALE_BY_PERSON)
    assert sale == {
        "notice_id": "A202100051",
        "date_parution": date(2021, 1, 8),
        "type_avis": "annonce",
        "buyer_siren": "892606575",
        "buyer_name": "BELLEVUE",
        "seller_siren": None,
        "seller_name": None,
        "seller_is_person": True,
        "category": "Achat d'un établissement principal par une personne morale lors de "
        "l'immatriculation",
        "provisional": False,
        "price_eur": 192691.0,
        "date_effet": date(2020, 12, 16),
        "activite": "Coiffure, Onglerie et vente de produits annexes.",
        "code_postal": "02100",
        "ville": "Saint-Quentin",
        "previous_notice_id": None,
        "url": REAL[SALE_BY_PERSON]["url_complete"],
        "record_key": "A202100051",
        "publication_date": date(2021, 1, 8),
    }


def test_golden_sales_by_one_company_to_three(real: Tables) -> None:
    sold = real["bodacc__sales"].filter(pl.col("seller_siren") == "447861741")
    assert sold.select("buyer_siren", "buyer_name", "seller_name", "price_eur").rows() == [
        ("382456051", "CACHE-CACHE", "TENORD", 10000.0),
        ("443061304", "MAGELLAN", "TENORD", 8000.0),
        ("410146468", "PAULINE", "TENORD", 5000.0),
    ]


def test_all_real_sales_have_a_price_and_a_seller(real: Tables) -> None:
    sales = real["bodacc__sales"]
    assert sales["price_eur"].null_count() == 0
    assert sales["price_eur"].sum() == 3_081_691.0
    assert sales["seller_is_person"].value_counts(sort=True).rows() == [(False, 16), (True, 12)]
    assert sales["provisional"].sum() == 6


def test_effect_is_never_guessed_from_the_start_of_activity(real: Tables) -> None:
    """A business run under lease since 1987 was not sold in 1987."""
    assert block("A20210005515", "acte")["dateCommencementActivite"] == "1987-07-01"
    assert row(real["bodacc__sales"], "A20210005515")["date_effet"] is None


def test_roles_never_come_from_registre(read: Read) -> None:
    poisoned = changed(SALE_BY_COMPANY, registre=["447 861 741", "356 000 000", "382 456 051"])
    assert_frame_equal(
        read(poisoned)["bodacc__sales"], read(REAL[SALE_BY_COMPANY])["bodacc__sales"]
    )
    numberless = changed(
        SALE_BY_COMPANY,
        {"listepersonnes": {"personne": {"typePersonne": "pm", "denomination": "CACHE-CACHE"}}},
        registre=["447 861 741", "447861741"],
    )
    assert read(numberless)["bodacc__sales"].height == 0


def test_one_person_alone_or_in_a_list_is_the_same(read: Read) -> None:
    lists = {
        name: {"personne": [block(SALE_BY_COMPANY, name)["personne"]]}
        for name in ("listepersonnes", "listeprecedentproprietaire")
    }
    shops = {
        "listeetablissements": {
            "etablissement": [block(SALE_BY_COMPANY, "listeetablissements")["etablissement"]]
        }
    }
    listed, alone = read(changed(SALE_BY_COMPANY, lists | shops)), read(REAL[SALE_BY_COMPANY])
    assert alone["bodacc__sales"].height == 1
    for name, table in alone.items():
        assert_frame_equal(listed[name], table)


#: *Synthetic*: the real sale of 447861741, were its buyer a natural person.
PERSON = {
    "typePersonne": "pp",
    "nom": "SYNTHETIQUE",
    "prenom": "Personne",
    "numeroImmatriculation": {"numeroIdentification": "732 829 320"},
}


def test_sale_to_a_natural_person_keeps_the_company_that_sells(read: Read) -> None:
    sold = read(changed(SALE_BY_COMPANY, {"listepersonnes": {"personne": PERSON}}))
    assert sold["bodacc__sales"].height == 0
    told = sold["bodacc__disposals"].row(0, named=True)
    assert (told["seller_siren"], told["buyer_is_person"]) == ("447861741", True)
    assert told["price_eur"] == read(REAL[SALE_BY_COMPANY])["bodacc__sales"]["price_eur"][0]
    for table in sold.values():
        written = table.write_json()
        assert "SYNTHETIQUE" not in written
        assert "732829320" not in written


def test_sale_to_a_company_without_number_is_no_sale_to_a_person(read: Read) -> None:
    buyer = {"typePersonne": "pm", "denomination": "CACHE-CACHE"}
    sold = read(changed(SALE_BY_COMPANY, {"listepersonnes": {"personne": buyer}}))
    assert sold["bodacc__disposals"]["buyer_is_person"].to_list() == [False]


def test_sale_between_persons_or_to_a_company_is_no_disposal(read: Read) -> None:
    assert read(REAL[SALE_BY_COMPANY])["bodacc__disposals"].height == 0
    between = changed(SALE_BY_PERSON, {"listepersonnes": {"personne": PERSON}})
    assert read(between)["bodacc__disposals"].height == 0


def test_each_of_several_buyers_has_a_row(read: Read) -> None:
    buyers = [
        block(notice, "listepersonnes")["personne"] for notice in (SALE_BY_COMPANY, SALE_BY_PERSON)
    ]
    sales = read(changed(SALE_BY_COMPANY, {"listepersonnes": {"personne": buyers}}))[
        "bodacc__sales"
    ]
    assert sales.select("buyer_siren", "seller_siren").rows() == [
        ("382456051", "447861741"),
        ("892606575", "447861741"),
    ]


def _person(kind: str, number: str | None = None, **more: str) -> Record:
    known = {"numeroImmatriculation": {"numeroIdentification": number}} if number else {}
    return {"typePersonne": kind, **known, **more}


TENORD = _person("pm", "447 861 741", denomination="TENORD")
BUYER = _person("pm", "382 456 051", denomination="CACHE-CACHE")
SOMEONE = _person("pp", "732 829 320", nom="X", prenom="Y", denomination="X Y")


@pytest.mark.parametrize(
    ("owners", "operators", "seller"),
    [
        ([TENORD], [], ("447861741", "TENORD", False)),
        ([], [TENORD], ("447861741", "TENORD", False)),
        ([SOMEONE, TENORD], [], ("447861741", "TENORD", False)),
        # The tenant of a business that a person owns has sold nothing.
        ([SOMEONE], [TENORD], (None, None, True)),
        # A company is not its own seller.
        ([BUYER], [], (None, None, None)),
        ([BUYER, TENORD], [], ("447861741", "TENORD", False)),
        # A wrong check digit names nobody, the name remains.
        ([_person("pm", "447 861 742", denomination="TENORD")], [], (None, "TENORD", False)),
        ([], [], (None, None, None)),
    ],
)
def test_seller(
    read: Read,
    owners: list[Record],
    operators: list[Record],
    seller: tuple[str | None, str | None, bool | None],
) -> None:
    sale = read(
        changed(
            SALE_BY_COMPANY,
            {
                "listeprecedentproprietaire": {"personne": owners},
                "listeprecedentexploitant": {"personne": operators},
            },
        )
    )["bodacc__sales"].row(0, named=True)
    assert (sale["seller_siren"], sale["seller_name"], sale["seller_is_person"]) == seller


def test_provisional_and_definitive_notices_both_stay(read: Read) -> None:
    wording = "Achat d'un fonds par une personne morale (insertion provisoire)"
    first = changed(
        SALE_BY_COMPANY,
        {"acte": {"vente": {"categorieVente": wording}}},
        id="A202100041",
        numeroannonce=1,
    )
    sales = read(first, REAL[SALE_BY_COMPANY])["bodacc__sales"]
    assert sales.select("notice_id", "provisional").rows() == [
        ("A202100041", True),
        (SALE_BY_COMPANY, False),
    ]


# --- registrations ----------------------------------------------------------------------


def test_golden_registrations(real: Tables) -> None:
    table = real["bodacc__registrations"]
    assert table.group_by("kind").len().sort("kind").rows() == [
        ("creation", 432),
        ("immatriculation", 45),
    ]
    moved = pl.col("category").str.contains("suite à transfert de son siège social")
    assert table.filter(moved)["kind"].value_counts().rows() == [("immatriculation", 43)]
    created = row(table, "A202100055")
    assert (created["siren"], created["company_name"], created["capital_eur"]) == (
        "892137381",
        "DÉMÉNAGEMENT MASSEZ",
        14000.0,
    )
    assert (created["date_immatriculation"], created["date_commencement"]) == (
        date(2020, 12, 30),
        date(2020, 12, 1),
    )


# --- notices: identity, corrections, companies ------------------------------------------


def test_issue_is_a_number_and_not_a_date(real: Tables) -> None:
    notice = row(real["bodacc__notices"], SALE_BY_PERSON)
    assert (notice["parution"], notice["date_parution"]) == ("20210005", date(2021, 1, 8))


def test_corrections_name_the_notice_they_replace(real: Tables) -> None:
    notices = real["bodacc__notices"].filter(pl.col("type_avis") != "annonce")
    assert notices.height == 36
    assert row(real["bodacc__sales"], "A20210005188")["previous_notice_id"] == "A20200253682"
    # In 2008, notices corrected those of 2007 by an issue number without its year.
    old = notices.filter(pl.col("previous_notice_id").str.starts_with("A20070234"))
    assert old.height > 0
    assert notices["previous_notice_id"].str.contains(r"^[ABC]20\d{6}\d+$").all()


def test_real_cancellation_is_a_row_that_says_so(real: Tables) -> None:
    """AUVERNAUX MOTOCULTURE: the opening published on 20 April 2008 never took place."""
    for name in ("bodacc__notices", "bodacc__insolvencies"):
        notice = row(real[name], "A200800913437")
        assert (notice["type_avis"], notice["siren"]) == ("annulation", "342171022")
        assert notice["previous_notice_id"] == "A200800683153"
    assert row(real["bodacc__insolvencies"], "A200800913437")["jugement_date"] is None


def test_cancellation_without_parties_is_kept(read: Read) -> None:
    tables = read(changed(OPENING, listepersonnes=None, registre=None, typeavis="annulation"))
    assert tables["bodacc__notices"].select("notice_id", "siren").rows() == [(OPENING, None)]


def test_company_without_a_right_siren_is_in_notices_only(read: Read) -> None:
    wrong = _person("pm", "487 443 161", denomination="GIRAUD-BORRELLY")
    tables = read(changed(OPENING, {"listepersonnes": {"personne": wrong}}, registre=["487443161"]))
    assert tables["bodacc__notices"].select("notice_id", "siren").rows() == [(OPENING, None)]
    assert tables["bodacc__insolvencies"].height == 0


@pytest.mark.parametrize("registre", [["487 443 160", "487443160"], "487443160,487 443 160"])
def test_registre_names_the_only_company_of_a_notice(read: Read, registre: list[str] | str) -> None:
    only = {"listepersonnes": {"personne": {"typePersonne": "pm"}}}
    tables = read(changed(OPENING, only, registre=json.dumps(registre)))
    assert tables["bodacc__insolvencies"]["siren"].to_list() == ["487443160"]
    assert tables["bodacc__notices"]["siren"].to_list() == ["487443160"]


def test_registre_with_several_companies_names_none(read: Read) -> None:
    only = {"listepersonnes": {"personne": {"typePersonne": "pm"}}}
    tables = read(changed(OPENING, only, registre=["487 443 160", "382 456 051"]))
    assert tables["bodacc__insolvencies"].height == 0
    assert tables["bodacc__notices"]["siren"].to_list() == [None]


def test_every_company_of_a_judgment_has_a_row_and_the_notice_none(read: Read) -> None:
    both = [block(OPENING, "listepersonnes")["personne"], BUYER, BUYER]
    tables = read(changed(OPENING, {"listepersonnes": {"personne": both}}))
    assert tables["bodacc__insolvencies"]["siren"].to_list() == ["382456051", "487443160"]
    assert tables["bodacc__notices"]["siren"].to_list() == [None]


def test_notices_of_natural_persons_are_left_out(read: Read) -> None:
    someone = changed(OPENING, {"listepersonnes": {"personne": SOMEONE}})
    assert {name: table.height for name, table in read(someone).items()} == dict.fromkeys(
        DATASET.tables, 0
    )


def test_nothing_about_persons_reaches_a_table(read: Read) -> None:
    hidden = "Dupont-Témoin"
    company = block(SALE_BY_COMPANY, "listepersonnes")["personne"]
    person = SOMEONE | {"nom": hidden, "denomination": hidden, "nomUsage": hidden}
    notice = changed(
        SALE_BY_COMPANY,
        {
            "listepersonnes": {
                "personne": [company | {"administration": f"Gérant : {hidden}"}, person]
            },
            "listeprecedentproprietaire": {"personne": person},
            "acte": block(SALE_BY_COMPANY, "acte") | {"descriptif": f"Vendeur : {hidden}"},
        },
        commercant=hidden,
    )
    tables = read(notice)
    assert tables["bodacc__sales"].height == 1
    written = "".join(table.write_ndjson() for table in tables.values())
    assert "CACHE-CACHE" in written
    assert hidden not in written
    assert "732829320" not in written


@pytest.mark.parametrize(
    ("family", "table"),
    [
        ("radiation", "bodacc__strike_offs"),
        ("modification", "bodacc__modifications"),
        ("dpc", "bodacc__accounts"),
        ("divers", None),
    ],
)
def test_each_other_family_has_its_table_or_none(
    read: Read, family: str, table: str | None
) -> None:
    tables = read(changed(OPENING, familleavis=family, jugement=None))
    assert tables.pop("bodacc__notices").select("famille_avis", "siren").rows() == [
        (family, "487443160")
    ]
    assert [name for name, rows in tables.items() if rows.height] == ([table] if table else [])


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"familleavis": "procédure collective"}, "famille_avis:one_of"),
        ({"typeavis": "creation"}, "type_avis:one_of"),
        ({"listepersonnes": '{"personne": '}, "listepersonnes:json"),
        ({"id": "20080009618"}, "notice_id:pattern"),
        ({"dateparution": "20080009"}, "date_parution:date"),
    ],
)
def test_what_is_not_a_notice_goes_to_quarantine(tmp_path: Path, fields: Record, rule: str) -> None:
    path = tmp_path / "notices.jsonl"
    lines = [changed(OPENING, **fields), REAL[SALE_BY_PERSON]]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    result = read_resource(RESOURCE, [path], work=tmp_path / "work")
    assert (result.rules, result.accepted) == ({rule: 1}, 1)


# --- order and repetition ----------------------------------------------------------------


@pytest.fixture(scope="session")
def mixed(typed: pl.DataFrame) -> tuple[pl.DataFrame, Tables]:
    """Return notices of each table, some of them edited in place, and their tables."""
    some = pl.concat(part.head(6) for part in typed.partition_by("famille_avis", "type_avis"))
    rows = pl.concat([some, some.sample(4, seed=1).with_columns(ville=pl.lit("Ailleurs"))])
    tables = of(rows)
    assert tables["bodacc__notices"].height == some.height
    filled = {name for name, table in tables.items() if table.height}
    assert filled >= {f"bodacc__{name}" for name in ("sales", "insolvencies", "registrations")}
    return rows, tables


@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_order_and_repetition_change_nothing(
    mixed: tuple[pl.DataFrame, Tables], data: st.DataObject
) -> None:
    rows, tables = mixed
    order = data.draw(st.permutations(range(rows.height)))
    again = data.draw(st.lists(st.sampled_from(range(rows.height)), max_size=20))
    for name, table in of(rows[[*order, *again]]).items():
        assert_frame_equal(table, tables[name])


def test_no_notice_at_all_gives_empty_tables(typed: pl.DataFrame, real: Tables) -> None:
    for name, table in of(typed.clear()).items():
        assert table.height == 0
        assert table.schema == real[name].schema
