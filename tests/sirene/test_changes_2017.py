"""Detected changes against INSEE's own event codes, on the bundled vintages of 2017.

INSEE stopped publishing event codes in 2018: those of its daily files of January and April
2017 are the only ground truth there is. The vintages show states only; the codes are in
``data/sample/expected/sirene_events_2017.csv`` and are read by nothing but this test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from sirene_files import SAMPLE, vintage

from sirene.changes import compare
from sirene.policy import policy
from sirene.registry import Registry

VINTAGES = ("2017-01-01", "2017-02-01", "2017-05-01")

#: Change → the number it is about, INSEE's codes (VMAJ, EVE), least precision and recall.
#: Recall is of all codes, also of those that the rules leave out on purpose: see REASONS.
CODES: dict[str, tuple[str, tuple[tuple[str, str], ...], float, float]] = {
    "unit_created": ("siren", (("C", "CS"),), 0.99, 0.88),
    "unit_closed": ("siren", (("E", "SU"), ("E", "SS")), 0.98, 0.99),
    "unit_reactivated": ("siren", (("C", "RS"),), 0.93, 0.93),
    "hq_moved": ("siret", (("C", "CTS"), ("F", "MTAS")), 0.995, 0.985),
    "establishment_moved": ("siret", (("C", "CTE"), ("F", "MTAE")), 0.96, 0.81),
    "establishment_opened": ("siret", (("C", "CE"),), 0.96, 0.73),
    "establishment_closed": ("siret", (("E", "SE"),), 0.99, 0.85),
    "establishment_reopened": ("siret", (("C", "RE"),), 0.99, 0.95),
}


@dataclass(frozen=True)
class Outcome:
    """One comparison: the two states, what was found, what INSEE says."""

    before: Registry
    after: Registry
    observed_at: date
    found: pl.DataFrame
    said: pl.DataFrame

    def by_code(self, change: str) -> pl.DataFrame:
        codes = CODES[change][1]
        matches = [(pl.col("vmaj") == vmaj) & (pl.col("eve") == eve) for vmaj, eve in codes]
        return self.said.filter(pl.any_horizontal(matches))

    def of(self, change: str) -> pl.DataFrame:
        return self.found.filter(pl.col("change") == change)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    work: Path = tmp_path_factory.mktemp("sirene")
    states = {day: vintage(day, work) for day in VINTAGES}
    events = pl.read_csv(SAMPLE / "expected" / "sirene_events_2017.csv", infer_schema=False)
    found = []
    for earlier, later in pairwise(VINTAGES):
        day = date.fromisoformat(later)
        rows = compare(states[earlier], states[later], observed_at=day).collect()
        said = events.filter(pl.col("vintage") == later).with_columns(
            pl.col("other_siret").fill_null("")
        )
        found.append(Outcome(states[earlier], states[later], day, rows, said))
    return found


def numbers(outcomes: list[Outcome], change: str) -> tuple[set[str], set[str]]:
    key = CODES[change][0]
    found = {f"{o.observed_at} {n}" for o in outcomes for n in o.of(change)[key]}
    said = {f"{o.observed_at} {n}" for o in outcomes for n in o.by_code(change)[key]}
    return found, said


@pytest.mark.parametrize("change", CODES)
def test_precision_and_recall_by_kind(outcomes: list[Outcome], change: str) -> None:
    found, said = numbers(outcomes, change)
    right = len(found & said)
    precision, recall = right / len(found), right / len(said)
    figures = f"{change}: {len(said)} said, {len(found)} found, {right} right"
    assert precision >= CODES[change][2], figures
    assert recall >= CODES[change][3], figures


def test_take_overs_are_the_links_across_companies(outcomes: list[Outcome]) -> None:
    said, found = set(), set()
    for outcome in outcomes:
        across = outcome.said.filter(
            pl.col("other_siret") != "",
            pl.col("other_siret").str.slice(0, 9) != pl.col("siren"),
        )
        said |= set(across.select("other_siret", "siret").rows())
        found |= set(outcome.of("establishment_taken_over").select("other_siret", "siret").rows())
    assert found <= said, "no take-over that INSEE does not link"
    assert len(found) / len(said) >= 0.94, (len(found), len(said))


def test_new_numbers_are_openings_one_time_in_three_at_most(outcomes: list[Outcome]) -> None:
    """The trap this module exists for: a new SIRET of a known company is mostly a move."""
    naive = right = 0
    for outcome in outcomes:
        known = outcome.before.establishments.select("siret").collect()["siret"]
        units = outcome.before.legal_units.select("siren").collect()["siren"]
        new = outcome.after.establishments.filter(
            ~pl.col("siret").is_in(known.implode()),
            pl.col("siren").is_in(units.implode()),
            pl.col("etat_administratif") == "A",
        ).collect()
        naive += new.height
        right += len(set(new["siret"]) & set(outcome.by_code("establishment_opened")["siret"]))
    assert right / naive < 0.4, "the naive rule has become right: this test says nothing"
    found, said = numbers(outcomes, "establishment_opened")
    assert len(found & said) / len(found) > 0.95


def missed(outcome: Outcome, change: str) -> Iterator[dict[str, object]]:
    """Yield what INSEE codes and the comparison does not tell, with the later state."""
    key = CODES[change][0]
    later = outcome.after.establishments.select(
        "siret", "date_creation", "date_debut", pl.col("etat_administratif").alias("etat")
    ).collect()
    ended = outcome.after.legal_units.select(
        "siren", pl.col("etat_administratif").alias("unit")
    ).collect()
    known = outcome.before.establishments.select("siret", pl.lit(True).alias("known")).collect()
    rows = (
        outcome.by_code(change)
        .filter(~pl.col(key).is_in(outcome.of(change)[key].drop_nulls().implode()))
        .join(later, on="siret", how="left")
        .join(ended, on="siren", how="left")
        .join(known, on="siret", how="left")
    )
    yield from rows.iter_rows(named=True)


def told_as_part_of_a_pair(outcome: Outcome) -> set[str]:
    links = outcome.after.successions.collect()
    ends = [outcome.found["siret"], outcome.found["other_siret"].rename("siret")]
    ends += [links["siret_successeur"].rename("siret"), links["siret_predecesseur"].rename("siret")]
    return set(pl.concat(ends).drop_nulls())


def test_every_opening_missed_is_late_gone_or_part_of_something_larger(
    outcomes: list[Outcome],
) -> None:
    window = timedelta(days=policy().limits.site_opened_days)
    for outcome in outcomes:
        paired = told_as_part_of_a_pair(outcome)
        units = set(outcome.before.legal_units.select("siren").collect()["siren"])
        for row in missed(outcome, "establishment_opened"):
            born = row["date_creation"]
            late = not isinstance(born, date) or born < outcome.observed_at - window
            gone = row["etat"] != "A" or row["unit"] != "A"
            part = row["siret"] in paired or row["siren"] not in units
            assert late or gone or part or row["known"], row


def test_every_closing_missed_is_a_mistake_undone_or_part_of_something_larger(
    outcomes: list[Outcome],
) -> None:
    for outcome in outcomes:
        paired = told_as_part_of_a_pair(outcome)
        for row in missed(outcome, "establishment_closed"):
            undone = row["date_debut"] == row["date_creation"]
            part = row["unit"] != "A" or row["siret"] in paired
            assert undone or part or row["etat"] == "A" or not row["known"], row


def test_every_creation_missed_is_late_or_already_gone(outcomes: list[Outcome]) -> None:
    window = timedelta(days=policy().limits.unit_created_days)
    for outcome in outcomes:
        units = outcome.after.legal_units.select("siren", "date_creation").collect()
        born = dict(units.rows())
        known = set(outcome.before.legal_units.select("siren").collect()["siren"])
        for row in missed(outcome, "unit_created"):
            siren = str(row["siren"])
            late = born.get(siren) is None or born[siren] < outcome.observed_at - window
            assert late or row["unit"] != "A" or siren in known, row
