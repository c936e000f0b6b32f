"""Scores: each factor counts as said, risk is taken off, a dead company has no opportunity."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from signal_tables import table

from opendata.errors import SettingsError
from signals.contract import SIGNAL_SCHEMA
from signals.insolvency import periods, standing_on
from signals.lead_scores import lead_scores
from signals.registry import registry, signal_types
from signals.scoring import actionable, scored
from signals.weights import PATH, load_weights

TODAY = date(2021, 1, 31)
NOW = datetime(2021, 1, 31, 11, tzinfo=UTC)
TYPES = signal_types(registry().values())


def score(**values: Any) -> dict[str, Any]:
    row = {"base_score": 80, "confidence": 1.0, "time": TODAY, "half_life_days": 30,
           "match_probability": None, **values}  # fmt: skip
    frame = pl.DataFrame([row], schema_overrides={"match_probability": pl.Float64})
    return scored(frame, TODAY).to_dicts()[0]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, 80.0),
        ({"confidence": 0.5}, 40.0),
        ({"match_probability": 0.25}, 20.0),
        ({"time": date(2021, 1, 1)}, 40.0),
        ({"time": date(2020, 12, 2)}, 20.0),
        ({"time": date(2021, 3, 1)}, 80.0),
        ({"base_score": 0}, 0.0),
    ],
    ids=["whole", "doubted", "unsure match", "one half-life", "two", "never above", "nothing"],
)
def test_factors(values: dict[str, Any], expected: float) -> None:
    assert score(**values)["score"] == expected


def test_breakdown_multiplies_to_the_score() -> None:
    row = score(confidence=0.9, match_probability=0.8, time=date(2021, 1, 16))
    parts = json.loads(row["score_breakdown"])
    product = parts["base"] * parts["confidence"] * parts["freshness"] * parts["match"]
    assert row["score"] == pytest.approx(product, abs=0.06)
    said = {"base", "confidence", "freshness", "match", "age_days", "contradicted_by"}
    assert set(parts) == said


def signal(code: str, **values: Any) -> dict[str, Any]:
    kind = registry()[code].signal
    return {
        **dict.fromkeys(SIGNAL_SCHEMA),
        "signalid": f"s-{code}",
        "type": kind.type,
        "op": "ASSERT",
        "time": date(2021, 1, 20),
        "confidence": 1.0,
        "half_life_days": 10_000_000,
        "score_breakdown": json.dumps({"base": kind.base_score}),
        "expirytime": NOW.replace(year=2022),
        "siren": "382456051",
        "lead_id": "l1",
        "account_id": "acme",
        "match_status": "confirmed",
        "is_baseline": False,
        "is_mass_operation": False,
        "prospecting_allowed": True,
        "evidence": [],
        **values,
    }


def stand(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    return lead_scores(pl.DataFrame(list(rows), schema=SIGNAL_SCHEMA), TYPES, NOW).to_dicts()


def test_each_next_signal_counts_half_of_the_one_before() -> None:
    (lead,) = stand(signal("site_opened"), signal("hq_moved"), signal("contract_won"))
    assert lead["opportunity"] == 100  # 75 + 70 / 2 + 60 / 4 is more than the maximum
    (lead,) = stand(signal("renamed"), signal("contract_won"))
    assert lead["opportunity"] == 60 + 45 / 2
    assert lead["signalids"] == ["s-contract_won", "s-renamed"]


def test_risk_is_taken_off_by_half() -> None:
    (lead,) = stand(signal("contract_won"), signal("site_closed"))
    assert (lead["opportunity"], lead["risk"], lead["score"]) == (60.0, 30.0, 45.0)
    (lead,) = stand(signal("site_closed"))
    assert lead["score"] == 0


LIQUIDATION = signal(
    "insolvency_opened", after='{"procedure":"liquidation_judiciaire"}', time=date(2020, 6, 1)
)


def closed(outcome: str, day: date) -> dict[str, Any]:
    return signal("insolvency_closed", after=json.dumps({"outcome": outcome}), time=day)


@pytest.mark.parametrize(
    ("others", "silenced_by"),
    [
        ([LIQUIDATION], "s-insolvency_opened"),
        ([{**LIQUIDATION, "after": '{"procedure":"sauvegarde"}'}], None),
        ([LIQUIDATION, closed("liabilities_cleared", date(2020, 9, 1))], None),
        ([LIQUIDATION, closed("liabilities_cleared", date(2020, 5, 1))], "s-insolvency_opened"),
        ([LIQUIDATION, closed("other", date(2020, 9, 1))], "s-insolvency_opened"),
        ([closed("insufficient_assets", date(2020, 9, 1))], "s-insolvency_closed"),
        ([signal("company_closed")], "s-company_closed"),
        ([signal("company_closed"), signal("company_reactivated", time=TODAY)], None),
    ],
    ids=[
        "liquidation",
        "milder",
        "lifted",
        "lifted before",
        "not lifted",
        "dead",
        "ceased",
        "back",
    ],
)
def test_what_silences_a_company(others: list[dict[str, Any]], silenced_by: str | None) -> None:
    (lead,) = stand(signal("hq_moved"), *others)
    assert lead["suppressed_by"] == silenced_by
    assert (lead["score"] == 0) == (silenced_by is not None)


#: *Real* judgments of two companies (issues of 2008): a plan that was resolved into a
#: liquidation, a recovery that was converted.
JUDGED = [
    ("A200800091187", "709500441", date(2007, 12, 11), "plan", None,
     "Jugement modifiant le plan de continuation"),
    ("A200800853682", "709500441", date(2008, 4, 22), "conversion", "liquidation_judiciaire",
     "Jugement prononçant la résolution du plan de redressement et la liquidation judiciaire"),
    ("A20080010723", "411504368", date(2007, 11, 14), "opening", "redressement_judiciaire",
     "Jugement d'ouverture d'une procédure de redressement judiciaire"),
    ("A200800853531", "411504368", date(2008, 4, 23), "conversion", "liquidation_judiciaire",
     "Jugement de conversion en liquidation judiciaire"),
]  # fmt: skip


def judged_on(day: date, *more: tuple[str, str, date, str, str | None, str]) -> pl.DataFrame:
    rows = [
        {"notice_id": notice, "siren": siren, "jugement_date": when, "stage": stage,
         "procedure": procedure, "jugement_nature": nature, "type_avis": "annonce"}
        for notice, siren, when, stage, procedure, nature in (*JUDGED, *more)
    ]  # fmt: skip
    known = table("bodacc__insolvencies", rows).drop("_op").lazy()
    return standing_on(periods(known), day).collect()


def lead_on(day: date, siren: str, states: pl.DataFrame, *rows: dict[str, Any]) -> dict[str, Any]:
    now = datetime(day.year, day.month, day.day, 11, tzinfo=UTC)
    usual = {"siren": siren, "time": day, "expirytime": now + timedelta(days=1)}
    frame = pl.DataFrame([{**one, **usual} for one in rows], schema=SIGNAL_SCHEMA)
    (lead,) = lead_scores(frame, TYPES, now, insolvency=states).to_dicts()
    return dict(lead)


@pytest.mark.parametrize(
    ("siren", "day", "suppressed_by", "state"),
    [
        ("709500441", date(2008, 4, 21), None, "plan"),
        ("709500441", date(2008, 4, 22), "bodacc:A200800853682", "liquidation_judiciaire"),
        ("411504368", date(2008, 4, 22), None, "redressement_judiciaire"),
        ("411504368", date(2008, 5, 1), "bodacc:A200800853531", "liquidation_judiciaire"),
        ("382456051", date(2008, 5, 1), None, None),
    ],
    ids=["plan", "liquidation", "recovery", "converted", "never judged"],
)
def test_the_state_on_the_day_silences_without_any_signal(
    siren: str, day: date, suppressed_by: str | None, state: str | None
) -> None:
    lead = lead_on(day, siren, judged_on(day), signal("hq_moved"))
    assert lead["suppressed_by"] == suppressed_by
    assert lead["score"] == (75.0 if suppressed_by is None else 0.0)
    said = json.loads(lead["score_breakdown"])["insolvency"]
    assert (said and said["state"]) == state


def test_the_state_on_the_day_overrules_the_signals_that_speak_of_it() -> None:
    day, siren = date(2008, 12, 1), "709500441"
    cleared = ("A1", siren, date(2008, 11, 4), "closure", None, "Clôture pour extinction du passif")
    rows = (signal("hq_moved"), LIQUIDATION)
    assert lead_on(day, siren, judged_on(day), *rows)["suppressed_by"] == "s-insolvency_opened"
    # Its closing was not told as a signal, the state knows it (closing: specification fixture).
    free = lead_on(day, siren, judged_on(day, cleared), *rows)
    assert free["suppressed_by"] is None
    assert free["score"] > 0
    # What silences for another reason still does.
    gone = lead_on(day, siren, judged_on(day, cleared), *rows, signal("company_closed"))
    assert gone["suppressed_by"] == "s-company_closed"


@pytest.mark.parametrize(
    "values",
    [
        {"is_baseline": True},
        {"is_mass_operation": True},
        {"prospecting_allowed": False},
        {"match_status": "ambiguous"},
        {"match_status": "rejected"},
        {"op": "RETRACT"},
        {"op": "ERASE"},
        {"expirytime": NOW},
    ],
)
def test_what_is_not_actionable_does_not_count(values: dict[str, Any]) -> None:
    assert stand({**signal("hq_moved"), **values}) == []
    frame = pl.DataFrame([{**signal("hq_moved"), **values}], schema=SIGNAL_SCHEMA)
    assert frame.select(actionable(NOW)).item() is False


def test_leads_and_accounts_do_not_mix() -> None:
    leads = stand(
        signal("hq_moved"),
        signal("renamed", lead_id="l2"),
        {**LIQUIDATION, "lead_id": "l2"},
        signal("renamed", account_id="other"),
    )
    shown = [(lead["account_id"], lead["lead_id"], lead["score"]) for lead in leads]
    assert shown == [("acme", "l1", 75.0), ("other", "l1", 45.0), ("acme", "l2", 0.0)]


def test_weights_can_be_tuned_and_mistakes_are_refused(tmp_path: Path) -> None:
    text = PATH.read_text(encoding="utf-8")
    tuned = tmp_path / "weights.yml"
    tuned.write_text(text.replace("diminishing: 0.5", "diminishing: 0.1"), encoding="utf-8")
    rows = pl.DataFrame([signal("renamed"), signal("contract_won")], schema=SIGNAL_SCHEMA)
    assert lead_scores(rows, TYPES, NOW, load_weights(tuned))["opportunity"].to_list() == [64.5]
    for wrong in ("diminishing: 1.5", "diminish: 0.5"):
        tuned.write_text(text.replace("diminishing: 0.5", wrong), encoding="utf-8")
        with pytest.raises(SettingsError, match="weights"):
            load_weights(tuned)


def test_weights_name_signals_that_exist() -> None:
    used = load_weights()
    named = [rule.signal for rule in used.suppressors]
    named += [lift.signal for rule in used.suppressors for lift in rule.lifted_by]
    assert {*named, *used.base_score} <= set(registry())
    datasets = {name for one in registry().values() for name in one.signal.datasets}
    assert datasets == set(used.source_precedence)
