"""The company log: gapless, idempotent, the same whatever came first, and kill-proof."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from signal_tables import CREATION, SALE, change
from signal_world import (
    BUYER,
    OTHER_SALE,
    SELLER,
    at,
    candidates,
    killed_at,
    points,
    sales,
    tell,
    tree,
)

from opendata.errors import StateError
from signals.contract import SIGNAL_SCHEMA, SignalRow
from signals.log import SignalLog

AGAIN = {**SALE, "notice_id": "A20210009001", "date_parution": date(2021, 1, 14)}
CREATED = change(
    "unit_created", siren=CREATION["siren"], siret=None, nom_complet="DEMENAGEMENT MASSEZ",
    occurred_at=date(2020, 12, 1), observed_at=date(2021, 1, 4),
)  # fmt: skip


def numbers(log: SignalLog) -> list[int]:
    return log.rows()["sequence"].cast(pl.Int64).to_list()


def last(log: SignalLog, siren: str) -> dict[str, Any]:
    (row,) = log.current().filter(pl.col("siren") == siren).iter_rows(named=True)
    return row


def test_rows_keep_to_the_contract_and_are_numbered(tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    tell(log, sales(SALE, OTHER_SALE))
    rows = log.rows()
    assert rows.schema == SIGNAL_SCHEMA
    assert numbers(log) == [1, 2, 3, 4]
    assert rows["sequence"].str.len_chars().unique().to_list() == [20]
    for row in rows.iter_rows(named=True):
        SignalRow.model_validate(row)


def test_same_candidates_again_add_nothing(tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    tell(log, sales(SALE, OTHER_SALE))
    before = tree(tmp_path)
    assert tell(log, sales(OTHER_SALE, SALE)).rows.is_empty()
    assert tree(tmp_path) == before


def test_same_events_on_a_later_day_add_nothing_but_move_the_cursor(tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    tell(log, sales(SALE))
    later = {**SALE, "source_id": "bodacc@v2"}
    assert tell(log, sales(later, day=date(2021, 1, 20)), "v2").rows.is_empty()
    assert log.cursor("bodacc") == "v2"
    assert log.cited() == {"bodacc@v1"}


def test_no_candidate_moves_the_cursor(tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    tell(log, sales(), "baseline")
    assert (log.cursor("bodacc"), numbers(log)) == ("baseline", [])


def test_second_source_corroborates(tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    tell(log, candidates(bodacc__registrations=[CREATION]))
    alone = last(log, CREATION["siren"])["confidence"]
    added = tell(log, candidates(sirene_changes=[CREATED]))
    assert added.counts == {"AMEND": 1}
    row = last(log, CREATION["siren"])
    assert row["reason"] == "corroborated"
    assert row["confidence"] > alone
    assert [one["dataset_id"] for one in row["evidence"]] == ["sirene_changes", "bodacc"]
    assert row["company_name"] == "DEMENAGEMENT MASSEZ"
    assert row["supersedes"] == row["signalid"] != row["id"]


def test_state_does_not_depend_on_which_source_came_first(tmp_path: Path) -> None:
    runs = [{"sirene_changes": [CREATED]}, {"bodacc__registrations": [CREATION]}]
    states = []
    for name, order in {
        "sirene": [runs[0], runs[1]],
        "bodacc": [runs[1], runs[0]],
        "both": [{**runs[0], **runs[1]}],
    }.items():
        log = SignalLog(tmp_path / name)
        for run in order:
            tell(log, candidates(**run))
        place = ["id", "op", "reason", "sequence", "supersedes"]
        states.append(log.current().drop(place))
    assert states[0].height == 1
    assert states[0].equals(states[1])
    assert states[0].equals(states[2])


def test_rectified_record_of_the_same_source_corrects(tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    tell(log, sales(SALE))
    tell(log, sales({**SALE, "ville": "Pont-Audemer Cedex"}))
    assert log.rows().filter(pl.col("op") == "AMEND")["reason"].unique().to_list() == [
        "source_correction"
    ]
    assert "Cedex" in last(log, BUYER)["after"]


def test_older_version_of_a_record_changes_nothing(tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    tell(log, sales(AGAIN, day=date(2021, 1, 20)))
    late = {**AGAIN, "ville": "Ailleurs", "publication_date": date(2021, 1, 8)}
    assert tell(log, sales(late, day=date(2021, 1, 20))).rows.is_empty()


def test_second_notice_of_one_event_is_evidence(tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    tell(log, sales(SALE))
    tell(log, sales(AGAIN, day=date(2021, 1, 15)))
    keys = [one["record_key"] for one in last(log, BUYER)["evidence"]]
    assert keys == ["A20210009001", "A2021000546"]


def test_correction_of_an_unknown_record_is_not_announced(tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    only = sales(SALE).with_columns(amends_only=pl.lit(True))
    assert tell(log, only).rows.is_empty()
    tell(log, sales(SALE))
    corrected = sales({**SALE, "ville": "Ailleurs"}).with_columns(amends_only=pl.lit(True))
    assert tell(log, corrected).counts == {"AMEND": 2}


def test_retracted_event_returns_only_with_a_new_record(tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    tell(log, sales(SALE))
    ids = log.current()["signalid"].to_list()
    done = log.retract(ids, reason="annulation", recorded=at(), run_id="run-2")
    assert done.counts == {"RETRACT": 2}
    assert log.retract(ids, reason="annulation", recorded=at(), run_id="run-2").rows.is_empty()
    assert tell(log, sales(SALE)).rows.is_empty()
    assert tell(log, sales({**SALE, "ville": "Ailleurs"})).rows.is_empty()
    back = tell(log, sales(AGAIN, day=date(2021, 1, 15)))
    assert back.counts == {"ASSERT": 2}
    assert back.rows["reason"].unique().to_list() == ["rectificatif"]
    assert log.rows()["id"].n_unique() == 6


def test_ids_never_repeat_when_values_go_back_and_forth(tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    for town in ("A", "B", "A", "B", "A"):
        tell(log, sales({**SALE, "ville": town}))
    ids = log.rows()["id"]
    assert ids.len() == 10
    assert ids.n_unique() == 10


def test_erased_company_leaves_every_file(tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    tell(log, sales(SALE))
    tell(log, sales(OTHER_SALE))
    untouched = log.state().segments[1]
    log.erase([SELLER], reason="opposition", recorded=at(), run_id="run-3")
    assert numbers(log) == [1, 2, 3, 4, 5, 6]
    assert untouched in log.state().segments
    for path in tmp_path.rglob("*.parquet"):
        cells = pl.read_parquet(path, glob=False).to_dicts()
        assert SELLER not in str(cells)
        assert "CACHE-CACHE" not in str(cells)
    erased = log.rows().filter(pl.col("op") == "ERASE")
    assert erased["sequence"].cast(pl.Int64).to_list() == [1, 2, 5, 6]
    assert tell(log, sales(SALE)).rows.is_empty()


def test_candidates_of_another_shape_are_refused(tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    with pytest.raises(StateError, match="CANDIDATE_SCHEMA"):
        log.append(sales(SALE).drop("after"), {})
    with pytest.raises(StateError, match="one row per signal"):
        log.append(pl.concat([sales(SALE), sales(SALE)]), {})


def test_damaged_log_is_an_error_not_an_empty_log(tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    tell(log, sales(SALE))
    segment = tmp_path / log.state().segments[0].path
    segment.unlink()
    with pytest.raises(StateError, match="missing"):
        log.rows()
    (tmp_path / "log.json").write_text("{}")
    with pytest.raises(StateError, match="cannot be read"):
        log.append(sales(SALE), {})


def _history(log: SignalLog) -> None:
    """Three runs: assert, amend and assert, erase."""
    tell(log, sales(SALE), "v1")
    tell(log, sales(AGAIN, OTHER_SALE, day=date(2021, 1, 15)), "v2")
    log.erase([OTHER_SALE["buyer_siren"]], reason="opposition", recorded=at(), run_id="run-3")


def test_killed_anywhere_and_run_again_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tmp_path / "whole"
    reached = points(lambda: _history(SignalLog(whole)), monkeypatch)
    assert {"log-segment:before-write", "log-scrub:after-rename", "log:after-rename"} <= set(
        reached
    )
    expected = tree(whole)
    for number in range(len(reached)):
        folder = tmp_path / str(number)
        killed_at(number, lambda at=folder: _history(SignalLog(at)), monkeypatch)
        log = SignalLog(folder)
        seen = numbers(log)
        assert seen == list(range(1, len(seen) + 1))
        _history(SignalLog(folder))
        assert tree(folder) == expected, reached[number]
        shutil.rmtree(folder)


def test_what_a_kill_leaves_is_gone_after_the_next_run_even_without_news(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(folder: Path) -> None:
        tell(SignalLog(folder), sales(SALE, AGAIN, day=date(2021, 1, 15)))

    before, after = tmp_path / "before", tmp_path / "after"
    tell(SignalLog(before), sales(SALE))
    shutil.copytree(before, after)
    reached = points(lambda: run(after), monkeypatch)
    for number in range(len(reached)):
        folder = tmp_path / str(number)
        shutil.copytree(before, folder)
        killed_at(number, lambda at=folder: run(at), monkeypatch)
        run(folder)
        assert tree(folder) == tree(after), reached[number]


RECORDS = [
    {"bodacc__sales": [SALE]},
    {"bodacc__sales": [AGAIN]},
    {"bodacc__sales": [OTHER_SALE]},
    {"bodacc__registrations": [CREATION]},
    {"sirene_changes": [CREATED]},
    {"sirene_changes": [change("establishment_opened", occurred_at=date(2021, 1, 2))]},
]


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(runs=st.lists(st.sampled_from(RECORDS), max_size=7))
def test_any_order_any_repetition_one_state(
    tmp_path_factory: pytest.TempPathFactory, runs: list[dict[str, Any]]
) -> None:
    day = date(2021, 1, 20)
    log = SignalLog(tmp_path_factory.mktemp("log"))
    for run in runs:
        tell(log, candidates(day, **run))
    total = numbers(log)
    assert total == list(range(1, len(total) + 1))
    assert log.rows()["id"].is_duplicated().any() is False
    for run in runs:
        assert tell(log, candidates(day, **run)).rows.is_empty()

    at_once = SignalLog(tmp_path_factory.mktemp("once"))
    together: dict[str, list[Any]] = {}
    for run in runs:
        for name, rows in run.items():
            together.setdefault(name, []).extend(rows)
    tell(at_once, candidates(day, **together))
    shown = [*SIGNAL_SCHEMA.names()]
    for name in ("id", "sequence", "op", "supersedes", "reason"):
        shown.remove(name)
    order = ["signalid"]
    assert (
        log.current().sort(order).select(shown).equals(at_once.current().sort(order).select(shown))
    )


def test_what_stands_about_a_company_that_objected_is_closed_to_prospecting(
    tmp_path: Path,
) -> None:
    log = SignalLog(tmp_path)
    tell(log, candidates(bodacc__sales=[SALE]))
    open_before = log.current().filter(pl.col("prospecting_allowed"))
    assert open_before.height
    sirens = open_before["siren"].unique().to_list()
    closed = log.close_to_prospecting(sirens, recorded=at(), run_id="run-2").rows
    assert set(closed["op"]) == {"AMEND"}
    assert set(closed["reason"]) == {"opposition"}
    assert closed["company_name"].to_list() == open_before["company_name"].to_list()
    assert not log.current()["prospecting_allowed"].any()
    again = log.close_to_prospecting(sirens, recorded=at(), run_id="run-3").rows
    assert again.is_empty()
