"""What is said of units that opposed, of duplicates and of closed ones, names withheld."""

from __future__ import annotations

from datetime import date

from lead_registry import ALPHA_PARIS, CLOSED, OPPOSED, leads, siren

from leads.index import Index
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
