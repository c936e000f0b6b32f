"""What the record says, taken together, and what follows for leads and tables."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads.model import SCHEMA
from leads.privacy.facts import Facts, phone
from leads.privacy.screen import Screen
from leads.privacy.suppressions import Suppressions, facts_of, union
from sirene.diffusion import Shape

KEY = b"k" * 32
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
TODAY = dt.date(2026, 11, 23)
MAY, JUNE = dt.date(2026, 5, 1), dt.date(2026, 6, 1)


@pytest.fixture
def record(tmp_path: Path) -> Suppressions:
    return Suppressions(tmp_path / "privacy", lambda: (KEY,))


def lead(**fields: str) -> pl.DataFrame:
    row = {"account_id": "acme", "lead_id": "1", **fields}
    return pl.DataFrame([row], schema=SCHEMA)


def test_without_a_record_nobody_is_concerned_and_no_key_is_made(tmp_path: Path) -> None:
    def never() -> tuple[bytes, ...]:
        raise AssertionError("no key is needed")

    record = Suppressions(tmp_path / "privacy", never)
    assert not record.facts()
    assert record.pending() == ()
    assert list(tmp_path.iterdir()) == []


def test_a_request_stands_until_done_and_its_block_until_lifted(record: Suppressions) -> None:
    tag = record.keys().lead("acme", "1")
    request = record.request("erase", "lead", tag, asked_on=TODAY, at=NOW)
    assert record.request("erase", "lead", tag, asked_on=TODAY, at=NOW) == request
    assert record.pending() == (request,)
    assert record.unsettled().leads == {tag}
    record.done(request, NOW)
    assert record.pending() == ()
    assert not record.unsettled()
    assert record.facts().leads == {tag}
    assert record.lift("lead", tag, NOW) == 1
    assert record.lift("lead", tag, NOW) == 0
    assert not record.facts()


def test_a_restriction_blocks_no_intake(record: Suppressions) -> None:
    tag = record.keys().account("acme")
    record.request("restrict", "account", tag, asked_on=TODAY, at=NOW)
    assert not record.facts()
    assert record.restricted().accounts == {tag}


def test_the_latest_publication_that_hides_somebody_counts(record: Suppressions) -> None:
    assert record.hide({"natural": [5]}, MAY, NOW)
    assert record.hide({"natural": [5]}, MAY, NOW) is None
    entry = record.hide({"natural": [5, 6]}, JUNE, NOW)
    assert entry is not None
    assert record.facts().natural == {5: JUNE, 6: JUNE}
    assert record.facts_of_entry(entry).natural == {5: JUNE, 6: JUNE}
    for one in record.open_entries():
        record.hidden(one, NOW)
    assert not record.unsettled()
    assert record.facts().natural == {5: JUNE, 6: JUNE}


@pytest.mark.parametrize(
    ("kind", "typed", "row"),
    [
        ("lead", "1", {}),
        ("email", "Ann@Exemple.fr ", {"contact_email": "ann@exemple.FR"}),
        ("email", "ann@exemple.fr", {"contact_email": "Ann B <ann@exemple.fr>"}),
        ("phone", "+33 6 12 34 56 78", {"phone": "06.12.34.56.78"}),
        ("phone", "0612345678", {"phone": "0033612345678"}),
        ("person", "552032534", {"siren": "552 032 534"}),
        ("person", "552032534", {"siret": "55203253400646"}),
        ("person", "552032534", {"vat": "FR27 552032534"}),
    ],
)
def test_a_lead_is_found_however_it_is_written(
    record: Suppressions, kind: str, typed: str, row: dict[str, str]
) -> None:
    keys = record.keys()
    tags = {
        "lead": lambda: keys.lead("acme", typed),
        "email": lambda: keys.email(typed),
        "phone": lambda: keys.phone(typed),
        "person": lambda: f"{keys.unit(typed):016x}",
    }
    facts = facts_of(kind, [tags[kind]()])
    assert keys.concerned(lead(**row), facts).to_list() == [True]
    others = {
        "contact_email": "bob@exemple.fr",
        "phone": "0612345679",
        "siren": "005410949",
        "siret": "00541094900011",
        "vat": "FR00005410949",
    }
    elsewhere = lead(**{"lead_id": "2", **{name: others[name] for name in row}})
    assert keys.concerned(elsewhere, facts).to_list() == [False]


@given(st.from_regex(r"0[1-9]\d{8}", fullmatch=True))
def test_a_french_number_is_one_number_however_it_begins(number: str) -> None:
    spaced = " ".join(number[at : at + 2] for at in range(0, 10, 2))
    rest = number[1:]
    written = [number, spaced, f"+33{rest}", f"0033 {rest}", f"+33 (0){rest}"]
    assert {phone(one) for one in written} == {number}


# -- tables --------------------------------------------------------------------------------

REGISTER = Shape(("siren",), ("siret",), ("enseigne", "code_postal", "denomination"), True)
EVENTS = Shape(("buyer_siren", "seller_siren"), (), (), False)
ROWS = pl.DataFrame(
    {
        "siren": ["552032534", "005410949"],
        "siret": ["55203253400646", "00541094900011"],
        "statut_diffusion": ["O", "O"],
        "enseigne": ["A", "B"],
        "code_postal": ["75001", "75002"],
        "denomination": ["AA", "BB"],
        "code_commune": ["75101", "75102"],
    }
)
SALES = pl.DataFrame({"buyer_siren": ["552032534", "1"], "seller_siren": [None, "005410949"]})


def screen(record: Suppressions, facts: Facts) -> Screen:
    shapes = {"register": REGISTER, "sales": EVENTS}
    return Screen(lambda: shapes, record.keys, lambda: facts, lambda: Facts())


def applied(record: Suppressions, facts: Facts, table: str, rows: pl.DataFrame) -> pl.DataFrame:
    return screen(record, facts).arriving(table, MAY, rows.lazy()).collect()


def test_a_natural_person_keeps_number_and_commune_in_the_register_alone(
    record: Suppressions,
) -> None:
    facts = Facts(natural={record.keys().unit("552032534"): JUNE})
    row = applied(record, facts, "register", ROWS).row(0, named=True)
    assert row == {
        "siren": "552032534",
        "siret": "55203253400646",
        "statut_diffusion": "P",
        "enseigne": "[ND]",
        "code_postal": "[ND]",
        "denomination": "[ND]",
        "code_commune": "75101",
    }
    assert applied(record, facts, "register", ROWS)[1].equals(ROWS[1])
    assert applied(record, facts, "sales", SALES).rows() == [("1", "005410949")]


def test_a_legal_person_keeps_its_registered_name_and_its_events(record: Suppressions) -> None:
    facts = Facts(legal={record.keys().unit("552032534"): JUNE})
    row = applied(record, facts, "register", ROWS).row(0, named=True)
    assert (row["denomination"], row["enseigne"], row["statut_diffusion"]) == ("AA", "[ND]", "P")
    assert applied(record, facts, "sales", SALES).equals(SALES)


def test_an_establishment_may_be_hidden_alone(record: Suppressions) -> None:
    hashed = pl.select(record.keys().sites(pl.lit("55203253400646"))).item()
    row = applied(record, Facts(natural_sites={hashed: JUNE}), "register", ROWS).row(0, named=True)
    assert row["code_postal"] == "[ND]"


def test_only_an_earlier_publication_is_masked_and_whoever_was_erased_never_comes_back(
    record: Suppressions,
) -> None:
    tag = record.keys().unit("552032534")
    hidden = screen(record, Facts(natural={tag: MAY})).arriving("register", MAY, ROWS.lazy())
    assert hidden.collect().equals(ROWS), "the source alone shows somebody again"
    erased = screen(record, Facts(persons=frozenset({tag})))
    for table, rows in (("register", ROWS), ("sales", SALES)):
        for day in (MAY, dt.date(2030, 1, 1)):
            assert erased.arriving(table, day, rows.lazy()).collect().height == 1


def test_a_table_that_names_nobody_is_left_alone(record: Suppressions) -> None:
    facts = Facts(persons=frozenset({record.keys().unit("552032534")}))
    rows = pl.DataFrame({"code": ["552032534"]})
    assert applied(record, facts, "labels", rows).equals(rows)


def test_what_is_masked_already_is_not_written_again(record: Suppressions) -> None:
    facts = Facts(natural={record.keys().unit("552032534"): JUNE})
    one = screen(record, facts)
    touched = one.touched(facts, "register", MAY, ROWS.schema)
    assert touched is not None
    assert ROWS.select(touched.sum()).item() == 1
    masked = applied(record, facts, "register", ROWS)
    assert masked.select(touched.sum()).item() == 0


def test_facts_add_up() -> None:
    one, other = Facts(persons=frozenset({1}), natural={7: MAY}), Facts(natural={7: JUNE, 8: MAY})
    both = union([one, other])
    assert both.persons == {1}
    assert both.natural == {7: JUNE, 8: MAY}
    assert not union([])
