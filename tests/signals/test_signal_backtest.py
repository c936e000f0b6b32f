"""A backtest counts each event once, on the day it was published, and writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
import pytest
from event_worlds import World, rows
from signal_tables import OPENING

from opendata.errors import StateError
from signals.backtest import Backtest, backtest
from signals.registry import registry

TABLE = "bodacc__insolvencies"
SIRENS = ("382456051", "552100554", "892552506")


def notice(number: int, day: date, siren: str = SIRENS[0], **values: Any) -> dict[str, Any]:
    """Return the real opening of the fixtures as another notice, published on ``day``."""
    key = f"A{number}"
    days = dict.fromkeys(("publication_date", "date_parution", "jugement_date"), day)
    return {**OPENING, **days, "notice_id": key, "record_key": key, "siren": siren, **values}


def world(*given: dict[str, Any]) -> World:
    columns = set(rows(TABLE).columns)
    kept = [{name: one[name] for name in one if name in columns} for one in given]
    return World(date(2021, 3, 31), {TABLE: rows(TABLE, *kept)})


def replayed(*given: dict[str, Any], code: str = "insolvency_opened") -> Backtest:
    period = (date(2021, 1, 1), date(2021, 3, 31))
    return backtest(registry()[code], world(*given), *period)


BASELINE = notice(1, date(2020, 12, 1))


def test_events_are_counted_on_the_day_of_their_publication() -> None:
    found = replayed(
        BASELINE,
        notice(2, date(2021, 1, 10), SIRENS[1]),
        notice(3, date(2021, 1, 10), SIRENS[2]),
        notice(4, date(2021, 2, 1), SIRENS[0]),
    )
    assert found.rows.rows() == [(date(2021, 1, 10), 2, 2), (date(2021, 2, 1), 1, 1)]
    assert (found.first, found.last) == (date(2021, 1, 1), date(2021, 2, 1))
    assert (found.total, found.days, found.looks) == (3, 32, 2)


def test_an_event_published_twice_counts_once() -> None:
    first = notice(2, date(2021, 1, 10))
    again = notice(3, date(2021, 1, 20), jugement_date=date(2021, 1, 10))
    assert replayed(BASELINE, first, again).rows.rows() == [(date(2021, 1, 10), 1, 1)]


def test_what_was_there_first_is_silent_and_the_window_holds() -> None:
    assert replayed(notice(1, date(2021, 1, 5)), notice(2, date(2021, 1, 6))).total == 1
    old = notice(2, date(2021, 2, 1), jugement_date=date(2015, 1, 1))
    assert replayed(BASELINE, old).total == 0


def test_nothing_of_later_days_is_seen() -> None:
    seen: list[date] = []
    detector = registry()["insolvency_opened"]

    def spy(frames: Any) -> pl.LazyFrame:
        last = frames.current(TABLE).select(pl.col("publication_date").max()).collect().item()
        seen.append(last)
        assert last <= frames.today
        return detector.detect(frames)

    watched = type(detector)(detector.signal, spy)
    days = [date(2021, 1, 10), date(2021, 2, 1)]
    given = world(BASELINE, *(notice(at, day) for at, day in enumerate(days, 2)))
    backtest(watched, given, date(2021, 1, 1), date(2021, 3, 31))
    assert seen == days


def test_a_list_published_whole_has_no_history() -> None:
    with pytest.raises(StateError, match="no dated history"):
        replayed(BASELINE)
    with pytest.raises(StateError, match="rge_lost has no dated history"):
        replayed(BASELINE, code="rge_lost")


ORGANIC = "agence_bio__operators"
#: *Synthetic*: one operator of the lists to come and to go.
OPERATOR: dict[str, Any] = {
    "numero_bio": "1", "siret": "38245605100011", "siren": SIRENS[0], "certifie": True,
    "date_premier_engagement": date(2021, 1, 5),
}  # fmt: skip
STAYS = {**OPERATOR, "numero_bio": "2", "siret": "55210055400013", "siren": SIRENS[1]}


@dataclass(frozen=True)
class Kept(World):
    """A world with the lists that are kept; the last one stands."""

    kept: tuple[tuple[date, tuple[dict[str, Any], ...]], ...] = ()

    def lists(self, table: str) -> list[tuple[date, pl.LazyFrame]]:
        return [(day, listed(day, *given)) for day, given in self.kept]


def listed(day: date, *given: dict[str, Any]) -> pl.LazyFrame:
    dated = [{**one, "publication_date": day, "source_id": f"agence_bio@{day}"} for one in given]
    return rows(ORGANIC, *dated).lazy()


def lists_of(code: str, *kept: tuple[date, tuple[dict[str, Any], ...]]) -> Backtest:
    last, given = kept[-1]
    units = [{"siren": siren, "personne_morale": True, "statut_diffusion": "O"} for siren in SIRENS]
    known = rows("sirene__legal_units", *units)
    now = {ORGANIC: listed(last, *given).collect(), "sirene__legal_units": known}
    world = Kept(date(2021, 3, 31), now, kept=kept)
    return backtest(registry()[code], world, date(2021, 1, 1), date(2021, 3, 31))


def test_the_lists_that_are_kept_are_replayed_one_after_the_other() -> None:
    days = [date(2021, 1, day) for day in (6, 13, 20, 27)]
    both, one = (STAYS, OPERATOR), (STAYS,)
    gained = lists_of("organic_gained", *zip(days, (one, both, both, both), strict=True))
    assert gained.rows.rows() == [(days[1], 1, 1)]
    assert (gained.first, gained.last, gained.looks) == (date(2021, 1, 7), days[3], 3)
    assert gained.lists == ()
    # The first list is the baseline; lost is who is in none of two lists in a row.
    lost = lists_of("organic_lost", *zip(days, (both, both, one, one), strict=True))
    assert lost.rows.rows() == [(days[3], 1, 1)]
    for lists in ((both, both, one, both), (both, both, both, one)):
        assert lists_of("organic_lost", *zip(days, lists, strict=True)).total == 0
    left_out = (both, one, both, both)
    assert lists_of("organic_gained", *zip(days, left_out, strict=True)).total == 0


def test_of_a_single_list_nothing_is_replayed() -> None:
    with pytest.raises(StateError, match="no dated history"):
        lists_of("organic_gained", (date(2021, 1, 6), (STAYS, OPERATOR)))


def test_a_rule_that_compares_lists_says_so() -> None:
    table = "rge__qualifications"
    given = [
        {"siret": "38245605100011", "siren": SIRENS[0], "code_qualification": code,
         "publication_date": day}
        for code, day in (("a", date(2021, 1, 1)), ("b", date(2021, 2, 1)))
    ]  # fmt: skip
    lists = World(date(2021, 3, 31), {table: rows(table, *given)})
    with pytest.raises(StateError, match="compares lists"):
        backtest(registry()["rge_lost"], lists, date(2021, 1, 1), date(2021, 3, 31))
