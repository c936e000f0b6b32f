"""States of insolvency at a date: one trap at a time.

REAL are the judgments of two companies in the bundled issues of 2008. EUROTEKNIK is a real company
too; its judgments here are specification fixtures (*synthetic*), in the registries' words.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from signal_tables import OPENING, table

from signals.insolvency import PLAN_YEARS, SCHEMA, SEVERITY, as_of, periods, standing_on

DAY = date(2020, 3, 2)
LIQUIDATION, RECOVERY, SAFEGUARD = "liquidation_judiciaire", "redressement_judiciaire", "sauvegarde"
APPEAL = "Arrêt de la cour d'appel infirmant une décision soumise à publicité"


#: *Real*: SOCIETE D'APPLICATION DU PLEXIGLAS, then ALLIANCE IMMOBILIER.
REAL: list[dict[str, Any]] = [
    {
        "notice_id": "A200800091187",
        "siren": "709500441",
        "date_parution": date(2008, 1, 15),
        "jugement_date": date(2007, 12, 11),
        "jugement_nature": "Jugement modifiant le plan de continuation",
        "stage": "plan",
    },
    {
        "notice_id": "A200800853682",
        "siren": "709500441",
        "date_parution": date(2008, 5, 21),
        "jugement_date": date(2008, 4, 22),
        "jugement_nature": "Jugement prononçant la résolution du plan de redressement et la "
        "liquidation judiciaire",
        "procedure": "liquidation_judiciaire",
        "stage": "conversion",
    },
    {
        "notice_id": "A20080010723",
        "siren": "411504368",
        "date_parution": date(2008, 1, 16),
        "jugement_date": date(2007, 11, 14),
        "jugement_nature": "Jugement d'ouverture d'une procédure de redressement judiciaire",
        "procedure": "redressement_judiciaire",
        "stage": "opening",
    },
    {
        "notice_id": "A200800853531",
        "siren": "411504368",
        "date_parution": date(2008, 5, 21),
        "jugement_date": date(2008, 4, 23),
        "jugement_nature": "Jugement de conversion en liquidation judiciaire",
        "procedure": "liquidation_judiciaire",
        "stage": "conversion",
    },
]


def judged(months: int, stage: str, nature: str = "", **values: Any) -> dict[str, Any]:
    """Return the judgment given so many months after the first, published ten days later."""
    day = DAY + timedelta(days=30 * months)
    usual = {
        "notice_id": f"A2020{months:04d}{stage}",
        "date_parution": day + timedelta(days=10),
        "jugement_date": day,
        "jugement_nature": nature,
        "jugement_famille": None,
        "procedure": None,
        "stage": stage,
    }
    return {**OPENING, **usual, **values}


def opened(months: int, procedure: str, **values: Any) -> dict[str, Any]:
    return judged(months, "opening", "Jugement d'ouverture", procedure=procedure, **values)


def states(*rows: dict[str, Any], **asked: Any) -> pl.DataFrame:
    found = periods(table("bodacc__insolvencies", rows).drop("_op").lazy(), **asked).collect()
    assert found.schema == SCHEMA
    return found


def held(months: float, *rows: dict[str, Any], **asked: Any) -> str | None:
    day = DAY + timedelta(days=round(30 * months))
    found = as_of(states(*rows, **asked).lazy(), day).collect()
    assert found.height <= 1
    return None if found.is_empty() else str(found["state"][0])


PLAN = judged(6, "plan", "Jugement de plan de redressement")
SALE = judged(6, "cession", "Jugement arrêtant un plan de cession")


def test_golden_states_of_two_companies_in_2008() -> None:
    rows = [{**row, "type_avis": "annonce"} for row in REAL]
    found = states(*rows).select("siren", "state", "since", "until").rows()
    assert found == [
        ("411504368", RECOVERY, date(2007, 11, 14), date(2008, 4, 23)),
        ("411504368", LIQUIDATION, date(2008, 4, 23), None),
        ("709500441", "plan", date(2007, 12, 11), date(2008, 4, 22)),
        ("709500441", LIQUIDATION, date(2008, 4, 22), None),
    ]
    # On 1 May the liquidations were pronounced, and not yet published.
    known = states(*rows, known_on=date(2008, 5, 1))
    assert as_of(known.lazy(), date(2008, 5, 1)).collect()["state"].to_list() == [RECOVERY, "plan"]


def test_each_judgment_holds_from_its_day_until_the_next() -> None:
    rows = [opened(0, SAFEGUARD), opened(3, RECOVERY), PLAN]
    seen = [held(month, *rows) for month in (-0.1, 0, 2.9, 3, 5.9, 6)]
    assert seen == [None, SAFEGUARD, SAFEGUARD, RECOVERY, RECOVERY, "plan"]
    assert states(*rows)["severity"].to_list() == [1, 2, 1]


def test_a_plan_ends_by_time_without_a_notice() -> None:
    (plan,) = states(PLAN).iter_rows(named=True)
    assert plan["until"] == plan["since"].replace(year=plan["since"].year + PLAN_YEARS)
    assert as_of(states(PLAN).lazy(), plan["until"] - timedelta(days=1)).collect().height == 1
    assert as_of(states(PLAN).lazy(), plan["until"]).collect().is_empty()


def test_a_resolved_plan_is_over_and_says_so() -> None:
    rows = [PLAN, judged(20, "other", "Jugement prononçant la résolution du plan de sauvegarde")]
    assert held(21, *rows) == "plan_resolved"
    conversion = judged(
        20, "conversion", procedure=LIQUIDATION,
        nature="Jugement prononçant la résolution du plan de redressement et la liquidation",
    )  # fmt: skip
    assert held(21, PLAN, conversion) == LIQUIDATION


def test_a_milder_judgment_within_a_liquidation_does_not_end_it() -> None:
    rows = [opened(0, LIQUIDATION), opened(2, RECOVERY), SALE]
    assert held(7, *rows) == LIQUIDATION
    (first, second) = states(*rows).iter_rows(named=True)
    assert (first["sale_plan"], second["sale_plan"], second["silences"]) == (False, True, True)


def test_what_comes_after_a_closing_is_another_procedure() -> None:
    rows = [
        opened(0, LIQUIDATION),
        judged(9, "closure", "Jugement de clôture pour extinction du passif"),
        opened(30, SAFEGUARD),
    ]
    assert [held(month, *rows) for month in (8, 9, 31)] == [
        LIQUIDATION, "liabilities_cleared", SAFEGUARD,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("nature", "state", "silent"),
    [
        ("Jugement de clôture pour insuffisance d'actif", "insufficient_assets", True),
        ("Jugement de clôture pour extinction du passif", "liabilities_cleared", False),
        ("Jugement mettant fin à la procédure de redressement judiciaire", "closed", False),
    ],
)
def test_how_it_closes(nature: str, state: str, silent: bool) -> None:
    last = states(opened(0, LIQUIDATION), judged(9, "closure", nature)).row(-1, named=True)
    assert (last["state"], last["silences"], last["until"]) == (state, silent, None)


def test_an_appeal_gives_back_what_was_before() -> None:
    converted = judged(4, "conversion", procedure=LIQUIDATION)
    rows = [opened(0, RECOVERY), converted, judged(6, "other", APPEAL)]
    assert held(5, opened(0, RECOVERY), converted) == LIQUIDATION
    assert held(7, *rows) == RECOVERY


def test_an_appeal_that_cites_a_notice_cancels_that_one_only() -> None:
    first = opened(0, RECOVERY)
    appeal = judged(6, "other", APPEAL, previous_notice_id=first["notice_id"])
    assert held(7, first, PLAN | {"jugement_date": DAY + timedelta(days=120)}, appeal) == "plan"
    assert held(7, first, appeal) is None


def test_a_retraction_takes_back_the_judgment_it_cites() -> None:
    first = opened(0, LIQUIDATION)
    undone = judged(
        2, "other", "Rétractation de prononcé de liquidation judiciaire sur tierce opposition",
        jugement_famille="Jugement de rétractation", previous_notice_id=first["notice_id"],
    )  # fmt: skip
    assert held(3, first, undone) is None
    assert held(3, opened(-5, SAFEGUARD), first, undone) == SAFEGUARD


def test_annulled_and_rectified_notices_say_nothing() -> None:
    annulled = judged(
        1, "other", type_avis="annulation", previous_notice_id=opened(0, LIQUIDATION)["notice_id"]
    )
    assert held(3, opened(0, LIQUIDATION), annulled) is None
    notice = table(
        "bodacc__notices",
        [{"notice_id": "A1", "date_parution": DAY, "type_avis": "annulation",
          "previous_notice_id": opened(0, LIQUIDATION)["notice_id"]}],
    ).lazy()  # fmt: skip
    assert held(3, opened(0, LIQUIDATION), notices=notice) is None


def test_a_notice_published_again_is_the_same_judgment() -> None:
    again = opened(0, LIQUIDATION, notice_id="A20209999", date_parution=DAY + timedelta(days=60))
    assert states(opened(0, LIQUIDATION), again).equals(states(opened(0, LIQUIDATION)))


def test_what_was_published_later_was_not_known() -> None:
    rows = [opened(0, RECOVERY), judged(4, "conversion", procedure=LIQUIDATION)]
    known = DAY + timedelta(days=30 * 4 + 9)
    assert held(5, *rows, known_on=known) == RECOVERY
    assert held(5, *rows, known_on=known + timedelta(days=1)) == LIQUIDATION


def test_lists_deposits_and_appointments_change_nothing() -> None:
    idle = judged(2, "other", "Dépôt de l'état des créances")
    assert held(3, opened(0, RECOVERY), idle) == RECOVERY
    assert states(idle).is_empty()


@pytest.mark.parametrize(
    ("months", "rows", "silences"),
    [
        (-1, [opened(0, LIQUIDATION)], None),
        (0, [opened(0, LIQUIDATION)], True),
        (5, [opened(0, LIQUIDATION), PLAN], True),
        (5, [opened(0, RECOVERY)], False),
        (7, [PLAN], False),
        (10, [opened(0, LIQUIDATION), judged(9, "closure", "insuffisance d'actif")], True),
        (10, [opened(0, LIQUIDATION), judged(9, "closure", "extinction du passif")], False),
        (8, [opened(0, LIQUIDATION), judged(9, "closure", "extinction du passif")], True),
        (7, [opened(0, RECOVERY), judged(4, "conversion", procedure=LIQUIDATION),
             judged(6, "other", APPEAL)], False),
        (200, [PLAN], False),
    ],
    ids=["before", "on the day", "then milder", "recovery", "plan", "no assets", "cleared",
         "not yet cleared", "appeal", "plan over"],
)  # fmt: skip
def test_whether_the_last_state_silences_the_company(
    months: int, rows: list[dict[str, Any]], silences: bool | None
) -> None:
    day = DAY + timedelta(days=30 * months)
    found = standing_on(states(*rows).lazy(), day).collect()
    assert found["silences"].to_list() == ([] if silences is None else [silences])


def test_a_real_liquidation_without_an_end_is_forgotten_after_ten_years() -> None:
    found = states(*({**row, "type_avis": "annonce"} for row in REAL)).lazy()
    plexiglas = pl.col("siren") == "709500441"
    for day, silences in ((date(2018, 4, 21), True), (date(2018, 4, 22), False)):
        (last,) = standing_on(found, day).filter(plexiglas).collect().iter_rows(named=True)
        assert (last["state"], last["silences"]) == (LIQUIDATION, silences)


def test_order_and_repetition_of_rows_change_nothing() -> None:
    rows = [opened(0, SAFEGUARD), opened(3, RECOVERY), PLAN, judged(9, "other", APPEAL)]
    assert states(*rows[::-1], rows[1]).equals(states(*rows))


def test_every_state_has_a_severity_and_silent_are_the_gravest() -> None:
    rows = [opened(0, one) for one in (LIQUIDATION, RECOVERY, SAFEGUARD)]
    for row in rows:
        (state,) = states(row).iter_rows(named=True)
        assert state["severity"] == SEVERITY[row["procedure"]]
        assert state["silences"] == (state["severity"] == 3)
