"""Mass operations told from busy days."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from sirene.mass import is_mass_operation
from sirene.policy import MassOperation, policy

RULE = MassOperation(
    floor=50,
    factor=20,
    peak_days=("12-31",),
    peak_factor=100,
    peak_changes=("unit_closed",),
)
START = date(2026, 3, 2)


def rows(change: str, counts: dict[date | None, int]) -> pl.DataFrame:
    days = [day for day, count in counts.items() for _ in range(count)]
    return pl.DataFrame({"occurred_at": days}, schema={"occurred_at": pl.Date}).with_columns(
        pl.lit(change).alias("change")
    )


def flagged(change: str, counts: dict[date | None, int]) -> set[date | None]:
    frame = rows(change, counts)
    return set(frame.filter(is_mass_operation(frame, RULE))["occurred_at"])


def ordinary(count: int) -> dict[date | None, int]:
    return {START + timedelta(days=n): count for n in range(9)}


def test_one_day_far_above_the_others_is_a_mass_operation() -> None:
    day = date(2026, 4, 1)
    assert flagged("unit_activity_changed", ordinary(3) | {day: 61}) == {day}
    assert flagged("unit_activity_changed", ordinary(3) | {day: 60}) == set()


def test_a_small_comparison_has_none() -> None:
    assert flagged("unit_activity_changed", ordinary(1) | {date(2026, 4, 1): 50}) == set()


def test_a_day_companies_choose_needs_more() -> None:
    day = date(2026, 12, 31)
    assert flagged("unit_closed", ordinary(3) | {day: 300}) == set()
    assert flagged("unit_closed", ordinary(3) | {day: 301}) == {day}
    assert flagged("unit_activity_changed", ordinary(3) | {day: 61}) == {day}


def test_undated_rows_count_as_one_day_and_kinds_apart() -> None:
    assert flagged("unit_renamed", ordinary(3) | {None: 61}) == {None}
    busy = rows("unit_created", {START: 1000})
    quiet = rows("unit_renamed", ordinary(3) | {date(2026, 4, 1): 61})
    both = pl.concat([busy, quiet])
    found = both.filter(is_mass_operation(both, RULE))
    assert found.select("change", "occurred_at").unique().rows() == [
        ("unit_renamed", date(2026, 4, 1))
    ]


def test_the_thresholds_in_force() -> None:
    rule = policy().mass_operation
    assert (rule.floor, rule.factor) == (500, 20)
