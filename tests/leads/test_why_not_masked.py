"""What is said of units that opposed, of duplicates and of closed ones, names withheld."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import lead_registry as registry
import polars as pl
from lead_registry import ALPHA_PARIS, CLOSED, OPPOSED, leads, siren

from leads.index import Index, build_index
from leads.matching import match_leads
from leads.scoring import load_model
from leads.why_not import WhyNot, why_not


def explained(index: Index | None, expected: int | None, **fields: str | None) -> WhyNot:
    lead = leads(fields)
    match = match_leads(lead, index, matched_at=date(2026, 11, 23), registry_version="v")
    wanted = siren(expected) if expected else None
    return why_not(lead, match.row(0, named=True), index, load_model(), siren=wanted)


def test_an_opposed_unit_is_said_to_be_so_and_not_named(small: Index) -> None:
    found = explained(small, OPPOSED, company_name="Zzyzx Quuxly")
    assert found.stop == "masked"
    assert "TRANQUILLE" not in "\n".join((found.sentence, *found.lines))
    given = explained(small, None, company_name="Tranquille Discrétion", siren=siren(OPPOSED))
    assert given.stop == "masked"


def test_homonyms_are_named_with_the_question(small: Index) -> None:
    found = explained(small, ALPHA_PARIS, company_name="Alpha Conseil")
    assert found.stop == "ambiguous"
    assert found.sentence.count("ALPHA CONSEIL") >= 2
    assert "?" in found.sentence


def test_a_closed_unit_is_told_to_be_closed(small: Index) -> None:
    found = explained(small, CLOSED, company_name="Alpha Conseil")
    assert found.stop == "no_candidate"
    assert any("closed; names: FONDERIE KERVELLA" in line for line in found.lines)


def test_without_an_index_the_source_is_the_gap() -> None:
    assert explained(None, ALPHA_PARIS, company_name="Alpha Conseil").stop == "source_gap"


def test_a_number_that_the_register_does_not_know_is_said_to_be_so(small: Index) -> None:
    lead = {"company_name": "Zzyzx Quuxly", "siren": siren(77777777)}
    found = explained(registry.of_france(small), None, **lead)
    assert found.stop == "out_of_registry"
    assert "number given" in found.sentence


def test_a_unit_of_low_rank_is_told_from_one_that_nothing_leads_to(tmp_path: Path) -> None:
    garages = range(1, 61)
    index = build_index(
        pl.LazyFrame(
            [
                *(registry.unit(n, f"GARAGE MODERNE {'ABCDEFGHIJ'[n % 10] * n}") for n in garages),
                registry.unit(99, "FLEURS COUPEES"),
            ],
            schema=registry.UNIT_SCHEMA,
        ),
        pl.LazyFrame(
            [registry.site(n, "63000", "CLERMONT-FERRAND") for n in (*garages, 99)],
            schema=registry.ESTABLISHMENT_SCHEMA,
        ),
        tmp_path,
    )
    lead = {"company_name": "Garage Moderne", "postcode": "63000"}
    told = [explained(index, number, **lead) for number in garages]
    assert Counter(one.stop for one in told).keys() <= {"ambiguous", "below_threshold"}
    assert any("only the first" in one.sentence for one in told)
    assert sum("is likelier" in one.sentence for one in told) > 1
    assert explained(index, 99, **lead).stop == "no_candidate"
