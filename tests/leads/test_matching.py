"""Matching on a hand-made registry: each rule, each kind of bad input, order, threads."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import lead_registry as registry
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from leads.index import Index
from leads.matching import MATCH_SCHEMA, match_leads
from leads.queries import prepare
from leads.scoring import load_model
from leads.verdicts import VERDICTS

DAY = date(2026, 11, 23)


def match(index: Index | None, *rows: dict[str, str | None]) -> list[dict[str, object]]:
    frame = registry.leads(*rows)
    return match_leads(frame, index, matched_at=DAY, registry_version="r1").to_dicts()


def one(index: Index | None, **lead: str | None) -> dict[str, object]:
    return match(index, lead)[0]


def reasons(answer: dict[str, object]) -> list[str]:
    found = answer["reasons"]
    assert isinstance(found, list)
    return found


def test_a_rare_name_is_confirmed_with_its_reasons(small: Index) -> None:
    answer = one(small, company_name="SAS Biscuiterie de Brocéliande", postcode="35380")
    assert answer["verdict"] == "confirmed"
    assert answer["siren"] == registry.siren(registry.BROCELIANDE)
    assert answer["tier"] == "name+postcode"
    assert answer["matched_name"] == "BISCUITERIE DE BROCELIANDE"
    assert {"name:exact_core", "postcode:equal", "kind:denomination"} <= set(reasons(answer))
    assert answer["registry_version"] == "r1"
    assert answer["model_version"] == load_model().version


def test_missing_words_are_named_with_their_rarity(small: Index) -> None:
    answer = one(small, company_name="Brocéliande Biscuiterie Artisanale", department="35")
    assert answer["siren"] == registry.siren(registry.BROCELIANDE)
    assert "rare_words:BISCUITERIE(1)+BROCELIANDE(1)" in reasons(answer)


def test_the_establishment_is_the_one_in_the_leads_place(small: Index) -> None:
    unit = registry.siren(registry.BROCELIANDE)
    here = one(small, company_name="Biscuiterie de Brocéliande", postcode="35000")
    there = one(small, company_name="Biscuiterie de Brocéliande", city="Paimpont")
    assert here["siret"] == registry.siret(unit, 2)
    assert there["siret"] == registry.siret(unit, 1)


def test_a_sign_leads_to_its_establishment(small: Index) -> None:
    answer = one(small, company_name="Les galettes de Viviane", city="Rennes")
    assert answer["siret"] == registry.siret(registry.siren(registry.BROCELIANDE), 2)
    assert answer["matched_kind"] == "enseigne"


def test_homonyms_without_a_place_are_a_question(small: Index) -> None:
    answer = one(small, company_name="Alpha Conseil")
    assert answer["verdict"] == "ambiguous"
    assert answer["siren"] is None
    named = [row["siren"] for row in answer["alternatives"]]  # type: ignore[attr-defined]
    assert named == [registry.siren(registry.ALPHA_PARIS), registry.siren(registry.ALPHA_LYON)]
    assert answer["question"] == "In which place is it: PARIS (75), LYON (69)?"


def test_a_place_chooses_between_homonyms(small: Index) -> None:
    answer = one(small, company_name="Alpha Conseil", postcode="69003", city="Lyon")
    assert answer["siren"] == registry.siren(registry.ALPHA_LYON)


@pytest.mark.parametrize("name", ["CBX", "Pizza Veloce", "Alpha Conseil"])
def test_acronym_franchise_and_homonym_need_a_second_field(small: Index, name: str) -> None:
    answer = one(small, company_name=name)
    assert answer["verdict"] in {"probable", "ambiguous"}
    assert any(reason.startswith("not_confirmed:") for reason in reasons(answer))


def test_another_family_of_legal_form_is_never_confirmed(small: Index) -> None:
    civil = one(small, company_name="SCI Créa Bois", city="Nantes")
    company = one(small, company_name="SARL Créa Bois", city="Nantes")
    assert company["siren"] == registry.siren(registry.CREABOIS)
    assert "not_confirmed:form_conflicts" not in reasons(company)
    assert civil["verdict"] != "confirmed"
    assert "not_confirmed:form_conflicts" in reasons(civil)


def test_numbers_are_identity(small: Index) -> None:
    eight = one(small, company_name="Salad & Co 8", postcode="13002")
    roman = one(small, company_name="Salad & Co VIII", postcode="13002")
    assert eight["siren"] == roman["siren"] == registry.siren(registry.SALAD_8)
    assert eight["verdict"] == roman["verdict"]
    for number in ("9", "IX"):
        nine = one(small, company_name=f"Salad & Co {number}", postcode="13002")
        assert nine["verdict"] != "confirmed"
        assert nine["siren"] is None or "not_confirmed:numbers_differ" in reasons(nine)


def test_a_glued_name_finds_the_unit(small: Index) -> None:
    glued = one(small, company_name="CréaBois", department="44")
    assert glued["siren"] == registry.siren(registry.CREABOIS)


def test_a_closed_establishment_is_followed_to_its_successor(small: Index) -> None:
    answer = one(small, company_name="Fonderie Kervella", city="Brest")
    closed = registry.siret(registry.siren(registry.CLOSED))
    assert answer["siret"] == registry.siret(registry.siren(registry.HEIR))
    assert answer["siren"] == registry.siren(registry.HEIR)
    assert answer["verdict"] == "probable"
    assert f"siret:succeeds({closed})" in reasons(answer)


def test_an_opposed_unit_is_only_said_to_be_so(small: Index) -> None:
    by_name = one(small, company_name="Tranquille Discrétion", department="29")
    by_number = one(small, siren=registry.siren(registry.OPPOSED), company_name="Zorglub")
    for answer in (by_name, by_number):
        assert answer["verdict"] == "not_diffusible"
        assert answer["matched_name"] is None
        assert "unit:not_diffusible" in reasons(answer)


def test_a_given_number_and_its_name_confirm_each_other(small: Index) -> None:
    number = registry.siren(registry.BROCELIANDE)
    alone = one(small, siren=number)
    both = one(small, siren=number, company_name="Biscuiterie de Brocéliande")
    assert alone["verdict"] == both["verdict"] == "confirmed"
    assert alone["probability"] == load_model().identifier["given"]
    assert both["probability"] > alone["probability"]  # type: ignore[operator]
    assert both["tier"] == "identifier"


def test_a_name_against_the_number_is_a_question(small: Index) -> None:
    wrong = registry.siren(registry.ALPHA_PARIS)
    answer = one(small, siren=wrong, company_name="Biscuiterie de Brocéliande", postcode="35380")
    assert answer["verdict"] == "ambiguous"
    assert answer["siren"] is None
    assert "conflict:siren_against_name" in reasons(answer)
    named = {row["siren"] for row in answer["alternatives"]}  # type: ignore[attr-defined]
    assert {wrong, registry.siren(registry.BROCELIANDE)} <= named
    assert wrong in str(answer["question"])


def unknown(small: Index, **options: bool) -> dict[str, object]:
    rows = registry.leads(
        {"siren": registry.siren(77777777), "company_name": "Inconnue au bataillon"}
    )
    found = match_leads(rows, small, matched_at=DAY, registry_version="v", **options)
    return found.row(0, named=True)


def test_a_number_that_the_registry_of_france_does_not_know(small: Index) -> None:
    answer = unknown(registry.of_france(small))
    assert (answer["verdict"], answer["siren"]) == ("no_match", None)
    assert "siren_given_not_in_registry" in reasons(answer)
    assert unknown(small, whole=True)["verdict"] == "no_match"


def test_a_number_that_a_part_of_the_registry_does_not_know_is_probable(small: Index) -> None:
    answer = unknown(small)
    assert (answer["verdict"], answer["siren"]) == ("probable", registry.siren(77777777))
    assert "siren_given_not_in_registry" in reasons(answer)


def test_a_number_the_registry_does_not_know_casts_doubt_on_the_name(small: Index) -> None:
    place = {"company_name": "Biscuiterie de Brocéliande", "postcode": "35380"}
    sure = one(small, **place)
    doubted = one(registry.of_france(small), siren=registry.siren(77777777), **place)
    assert (sure["verdict"], doubted["verdict"]) == ("confirmed", "probable")
    assert doubted["siren"] == sure["siren"]
    assert "siren_given_not_in_registry" in reasons(doubted)


def test_a_name_of_another_branch_is_not_confirmed_without_a_place(small: Index) -> None:
    whole = one(small, company_name="Biscuiterie de Brocéliande")
    branch = one(small, company_name="Biscuiterie de Brocéliande Picardie")
    assert whole["verdict"] == "confirmed"
    assert branch["verdict"] != "confirmed"
    assert branch["siren"] in (None, whole["siren"])


def test_siret_and_vat_give_the_unit(small: Index) -> None:
    unit = registry.siren(registry.BROCELIANDE)
    key = (12 + 3 * (int(unit) % 97)) % 97
    by_siret = one(small, siret=registry.siret(unit, 2))
    by_vat = one(small, vat=f"FR {key:02d} {unit}")
    assert by_siret["siret"] == registry.siret(unit, 2)
    assert by_vat["siren"] == unit


BAD = [
    ({"company_name": None}, "name:missing"),
    ({"company_name": "   "}, "name:unusable"),
    ({"company_name": "test"}, "name:unusable"),
    ({"company_name": "N/A"}, "name:unusable"),
    ({"company_name": "SARL"}, "name:unusable"),
    ({"company_name": "S.A"}, "name:unusable"),
    ({"company_name": "S. A. R. L."}, "name:unusable"),
    ({"company_name": "xxxxx"}, "name:unusable"),
    ({"company_name": "A" * 10_000}, "name:unusable"),
    ({"company_name": "Q" + "uaternions " * 1000}, "candidates:none"),
    ({"company_name": "🎉🚀"}, "name:unusable"),
    ({"company_name": "شركة المراعي"}, "name:unusable"),
    ({"company_name": "'; DROP TABLE leads; --"}, "candidates:none"),
    ({"company_name": '=HYPERLINK("http://evil","x")'}, "candidates:none"),
    ({"company_name": "Grünwald Maschinenbau GmbH", "country": "DE"}, "country:foreign"),
    ({"company_name": "Jean Dupont"}, "candidates:none"),
    ({"siren": "100000018"}, "siren:wrong_check_digit"),
    ({"siren": "5520"}, "siren:wrong_length"),
    ({"siret": "10000001700011"}, "siret:wrong_check_digit"),
    ({"vat": "FR99100000017"}, "vat:wrong_key"),
]


@pytest.fixture(scope="module")
def bad_answers(small: Index) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    rows = [{"company_name": None} | lead for lead, _ in BAD]
    return match(small, *rows), match(None, *rows)


@pytest.mark.parametrize("place", range(len(BAD)), ids=[reason for _, reason in BAD])
def test_bad_input_matches_nothing_and_says_why(
    bad_answers: tuple[list[dict[str, object]], list[dict[str, object]]], place: int
) -> None:
    with_registry, without = bad_answers[0][place], bad_answers[1][place]
    for answer in (with_registry, without):
        assert answer["verdict"] == "no_match"
        assert answer["siren"] is answer["siret"] is answer["probability"] is None
        assert reasons(answer)
    assert BAD[place][1] in reasons(with_registry)


def test_contradicting_identifiers_decide_nothing(small: Index) -> None:
    answer = one(
        small,
        siren=registry.siren(registry.ALPHA_PARIS),
        siret=registry.siret(registry.siren(registry.CREABOIS)),
    )
    assert answer["verdict"] == "no_match"
    assert "identifiers:disagree" in reasons(answer)


def test_without_a_registry_only_numbers_answer() -> None:
    number = registry.siren(registry.BROCELIANDE)
    known, name_only = match(None, {"siren": number}, {"company_name": "Alpha Conseil"})
    assert (known["verdict"], known["siren"]) == ("confirmed", number)
    assert name_only["verdict"] == "no_match"
    assert "registry:not_loaded" in reasons(known)


def test_no_lead_gives_no_match(small: Index) -> None:
    empty = pl.DataFrame(schema={"lead_id": pl.String, "account_id": pl.String})
    for index in (small, None):
        answer = match_leads(empty, index, matched_at=DAY, registry_version="r1")
        assert answer.schema == MATCH_SCHEMA
        assert answer.height == 0


def test_the_same_lead_many_times_gets_the_same_answer(small: Index) -> None:
    rows = [{"company_name": "Alpha Conseil", "postcode": "75011"}] * 500
    frame = pl.DataFrame(match(small, *rows)).drop("match_id", "lead_id")
    assert frame.n_unique() == 1


def test_a_million_identical_leads_are_one_question() -> None:
    lead = registry.leads({"company_name": "Alpha Conseil", "postcode": "75011"})
    many = lead.select(pl.all().repeat_by(1_000_000).explode())
    queries = prepare(many)
    assert (queries.asked.height, queries.spellings.height) == (1, 1)
    assert queries.leads.height == many.height


def test_ids_carry_no_lead_id_and_stay_the_same(small: Index) -> None:
    first = one(small, company_name="Alpha Conseil", lead_id="crm-42")
    again = one(None, company_name="Other", lead_id="crm-42")
    other = one(None, company_name="Other", lead_id="crm-42", account_id="globex")
    assert first["match_id"] == again["match_id"] != other["match_id"]
    assert "crm" not in str(first["match_id"])


WORDS = st.sampled_from(
    ["ALPHA", "CONSEIL", "SCI", "SARL", "Brocéliande", "Biscuiterie", "8", "Salad", "&", "Pizza",
     "Veloce", "GARAGE", "Fictive", "CBX", "=1+1", "🎉", "", "L'", "(Atelier)", "Golfe", "SA"]
)  # fmt: skip
LEADS = st.fixed_dictionaries(
    {
        "company_name": st.one_of(
            st.none(), st.lists(WORDS, max_size=5).map(" ".join), st.text(max_size=30)
        ),
        "postcode": st.sampled_from([None, "75011", "13000", "44000", "abc", "1300"]),
        "city": st.sampled_from([None, "Paris", "LYON 3", "Nantes Cedex 2"]),
        "siren": st.sampled_from([None, registry.siren(2), registry.siren(10), "123456789", "x"]),
        "country": st.sampled_from([None, "FR", "Belgique"]),
    }
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(LEADS, min_size=2, max_size=6), order=st.randoms())
def test_an_answer_depends_on_its_lead_alone(
    small: Index, rows: list[dict[str, str | None]], order: object
) -> None:
    frame = registry.leads(*rows)
    whole = match_leads(frame, small, matched_at=DAY, registry_version="r1")
    shuffled = list(range(len(rows)))
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    again = match_leads(frame[shuffled], small, matched_at=DAY, registry_version="r1")
    alone = match_leads(frame[:1], small, matched_at=DAY, registry_version="r1")
    assert_frame_equal(whole[shuffled], again)
    assert_frame_equal(whole[:1], alone)
    assert set(whole["verdict"]) <= set(VERDICTS)
    given_or_found = whole.filter(pl.col("siren").is_not_null())
    assert given_or_found["probability"].is_between(0, 1).all()
    undecided = whole.filter(pl.col("verdict").is_in(["ambiguous", "no_match"]))
    assert undecided["siren"].is_null().all()
    assert (whole["reasons"].list.len() > 0).all()


def test_the_answer_does_not_depend_on_threads(small: Index, tmp_path: Path) -> None:
    script = (
        "import sys; from datetime import date; from pathlib import Path; import polars as pl\n"
        "from leads.index import Index; from leads.matching import match_leads\n"
        "rows = pl.read_parquet(sys.argv[2])\n"
        "answer = match_leads(rows, Index.open(Path(sys.argv[1])),"
        " matched_at=date(2026, 11, 23), registry_version='r1')\n"
        "answer.write_parquet(sys.argv[3])"
    )
    names = ["Alpha Conseil", "Pizza Veloce", "Fictive Garage", "Salad Co", "Brocéliande"]
    registry.leads(*({"company_name": name} for name in names * 8)).write_parquet(
        tmp_path / "in.parquet"
    )
    answers = []
    for threads in ("1", "4"):
        out = tmp_path / f"{threads}.parquet"
        subprocess.run(
            [
                sys.executable,
                "-c",
                script,
                str(small.folder),
                str(tmp_path / "in.parquet"),
                str(out),
            ],
            check=True,
            env={**os.environ, "POLARS_MAX_THREADS": threads},
            cwd=Path(__file__).parents[2],
        )
        answers.append(pl.read_parquet(out))
    assert_frame_equal(*answers)
