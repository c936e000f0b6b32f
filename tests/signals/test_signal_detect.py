"""From tables to candidates: names, merging, privacy, and rules that cannot fail silently."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signal_tables import AWARD, CREATION, SALE, Tables, change
from signal_world import OTHER_SALE, at, candidates, sales

from opendata.errors import ContractError
from signals.contract import CANDIDATE_SCHEMA
from signals.detect import detect_all
from signals.registry import Detector, registry

TODAY = date(2025, 1, 10)
UNIT = {"siren": AWARD["titulaire_siren"], "statut_diffusion": "O", "personne_morale": True}


def found(**tables: Any) -> pl.DataFrame:
    return candidates(TODAY, **tables)


def test_no_table_no_candidate() -> None:
    nothing = candidates()
    assert nothing.is_empty()
    assert nothing.schema == CANDIDATE_SCHEMA


def test_silent_baseline_has_no_candidate() -> None:
    frames = Tables(date(2021, 1, 8), {"bodacc__sales": []}, {"bodacc__sales": [SALE]})
    assert detect_all(frames, recorded=at(), run_id="r").is_empty()


def test_candidate_is_complete() -> None:
    (row,) = sales({**SALE, "seller_siren": None, "seller_is_person": True}).to_dicts()
    assert row["type"] == "fr.company_signals.transaction.business_acquired.v1"
    assert row["subject"] == "siren:382456051"
    assert row["time"] == date(2020, 12, 1)
    # Signalled for 90 days: until the end of 1 March in Paris, which is 23:00 UTC.
    assert row["expirytime"] == datetime(2021, 3, 1, 23, tzinfo=UTC)
    assert row["nature"] == "fact"
    assert row["is_baseline"] is False
    parts = json.loads(row["score_breakdown"])
    product = parts["base"] * parts["confidence"] * parts["freshness"]
    assert row["score"] == pytest.approx(product, abs=0.06)
    assert parts["age_days"] == 38


def test_id_is_of_the_event_not_of_the_record_run_or_clock() -> None:
    first = sales(SALE)["id"].to_list()
    other = {**SALE, "notice_id": "A2021000999", "source_id": "bodacc@v9",
             "date_parution": date(2021, 1, 14)}  # fmt: skip
    assert candidates(date(2021, 1, 15), "run-9", bodacc__sales=[other])["id"].to_list() == first
    # Said again in plain Python: a change here is a change of every id ever published.
    name = "\x1f".join(
        [
            "fr.company_signals.transaction.business_acquired.v1",
            "siren:382456051",
            "447861741|price 10000",
        ]
    )
    assert hashlib.sha256(name.encode()).hexdigest()[:32] in first


@settings(max_examples=20, deadline=None)
@given(order=st.permutations([SALE, OTHER_SALE, {**SALE, "notice_id": "A2021000999"}]))
def test_order_of_rows_does_not_matter(order: list[dict[str, Any]]) -> None:
    assert sales(*order).equals(sales(SALE, OTHER_SALE, {**SALE, "notice_id": "A2021000999"}))


def test_two_sources_in_one_run_are_one_candidate() -> None:
    created = change(
        "unit_created", siren=CREATION["siren"], siret=None, nom_complet="MASSEZ",
        occurred_at=date(2020, 12, 1), observed_at=date(2021, 1, 4),
    )  # fmt: skip
    (row,) = candidates(sirene_changes=[created], bodacc__registrations=[CREATION]).to_dicts()
    assert [one["dataset_id"] for one in row["evidence"]] == ["sirene_changes", "bodacc"]
    assert row["company_name"] == "MASSEZ"
    assert row["confidence"] == pytest.approx(1 - 0.05 * 0.05)


def test_two_records_of_one_source_are_not_two_opinions() -> None:
    (first, _) = sales(SALE).to_dicts()
    (both, _) = sales(SALE, {**SALE, "notice_id": "A2021000999"}).to_dicts()
    assert len(both["evidence"]) == 2
    assert both["confidence"] == first["confidence"]


def test_winner_is_named_only_if_proven_a_legal_person() -> None:
    assert found(decp__awards=[AWARD]).is_empty()
    assert found(decp__awards=[AWARD], sirene__legal_units=[UNIT]).height == 1
    person = {**UNIT, "personne_morale": False}
    assert found(decp__awards=[AWARD], sirene__legal_units=[person]).is_empty()
    declared = {"siren": UNIT["siren"], "annee": 2019, "structure": "Entreprise",
                "publication_date": date(2020, 3, 1)}  # fmt: skip
    assert found(decp__awards=[AWARD], egapro__declarations=[declared]).height == 1
    # Sirene knows better than a table that should hold companies only.
    both = {"sirene__legal_units": [person], "egapro__declarations": [declared]}
    assert found(decp__awards=[AWARD], **both).is_empty()


def test_natural_person_is_left_out_or_unnamed_and_never_prospected_if_masked() -> None:
    person = change("unit_closed", personne_morale=False, nom_complet="JEAN DUPONT")
    frames = Tables(date(2017, 4, 11), {"sirene_changes": [person]})
    when = datetime(2017, 4, 11, 10, tzinfo=UTC)
    left_out: dict[str, int] = {}
    assert detect_all(frames, recorded=when, run_id="r", left_out=left_out).is_empty()
    assert left_out == {"company_closed": 1}
    (row,) = detect_all(frames, recorded=when, run_id="r", sole_traders=True).to_dicts()
    assert row["dataclassification"] == "sole_trader"
    assert row["prospecting_allowed"] is True
    assert "DUPONT" not in str(row)
    unit = {"siren": person["siren"], "statut_diffusion": "P", "personne_morale": False}
    masked = Tables(frames.today, {"sirene_changes": [person], "sirene__legal_units": [unit]})
    assert detect_all(masked, recorded=when, run_id="r", sole_traders=True).is_empty()


def test_company_under_partial_diffusion_is_told_and_closed_to_prospecting() -> None:
    unit = {**UNIT, "statut_diffusion": "P"}
    (row,) = found(decp__awards=[AWARD], sirene__legal_units=[unit]).to_dicts()
    assert row["prospecting_allowed"] is False
    assert row["dataclassification"] == "company"


def test_rule_that_cannot_read_its_table_stops_the_run_by_name() -> None:
    class Renamed(Tables):
        def delta(self, name: str) -> pl.LazyFrame:
            return super().delta(name).rename({"buyer_siren": "siren_acheteur"})

    with pytest.raises(ContractError, match="business_acquired"):
        detect_all(Renamed(date(2021, 1, 8), {"bodacc__sales": [SALE]}), recorded=at(), run_id="r")


def test_rule_that_returns_other_columns_stops_the_run() -> None:
    signal = registry()["site_opened"].signal
    broken = Detector(signal, lambda frames: frames.delta("sirene_changes").select("siren"))
    frames = Tables(date(2017, 4, 11), {"sirene_changes": [change("establishment_opened")]})
    with pytest.raises(ContractError, match="other columns"):
        detect_all(frames, recorded=at(), run_id="r", detectors={"site_opened": broken})
