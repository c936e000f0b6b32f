"""Whatever a portal sends: it serves exactly, or nothing published changes and it is told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from loopback import Loopback, Reply, loopback
from offers import (
    CUT,
    GOOD,
    LOST_ZEROS,
    PLAIN,
    REFUSED,
    TAKEN,
    WHERE,
    WHOLE,
    Refused,
    Taken,
    replies,
)
from world import (
    DATASET,
    FIRST,
    HEADER,
    NAME,
    OCTOBER,
    PORTAL,
    SECOND,
    SEPTEMBER,
    Variant,
    World,
    csv,
    october,
    september,
    siren,
)

from opendata import outcome
from opendata.clock import Clock
from opendata.errors import (
    ContractError,
    OpenDataError,
    QualityError,
)
from opendata.http import UnavailableError
from opendata.source_status import last_attempt


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with loopback() as running:
        yield running


@pytest.fixture
def world_of(
    server: Loopback, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Variant], World]:
    """Return a world of a variant in which September serves and October is to come."""

    def made(variant: Variant) -> World:
        if (server, variant) not in _TEMPLATES:
            folder = tmp_path_factory.mktemp("september")
            _TEMPLATES[server, variant] = september(folder, server, variant)
        return october(_TEMPLATES[server, variant], tmp_path / "data")

    return made


_TEMPLATES: dict[tuple[Loopback, Variant], World] = {}


def fails(world: World) -> OpenDataError:
    with pytest.raises(OpenDataError) as caught:
        world.run()
    return caught.value


@cache
def documented() -> list[re.Pattern[str]]:
    """Return the messages that the page for operators explains."""
    page = Path(__file__).parents[2] / "docs" / "operations" / "failures.md"
    rows = [line.split("|")[2] for line in page.read_text("utf-8").splitlines() if line[:1] == "|"]
    texts = re.findall(r"`([^`]+)`", " ".join(rows))
    return [re.compile(".*".join(map(re.escape, text.split("…")))) for text in texts]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_bad_offer_changes_nothing_and_is_told(
    case: Refused, world_of: Callable[[Variant], World]
):
    world = world_of(case.variant)
    before = world.published()
    case.offer(world)
    world.limits = case.limits
    for _asked_again in range(2):
        error = fails(world)
        message = str(error)
        assert type(error) is case.error
        assert re.search(case.says, message)
        assert any(known.match(error.what) for known in documented())
        for part in (f"dataset {NAME}", *case.place, ". What to do: "):
            assert part in message
        assert world.published() == before
        status = world.status()
        assert (status["state"], status["message"]) == ("GAP", message)
        assert (status["publication_date"], status["last_checked"]) == (date(2026, 9, 1), FIRST)
        attempt = last_attempt(world.folder, NAME)
        assert attempt is not None
        assert attempt.attempted_at == Clock.at(SECOND).now()
    world.limits = None
    world.publish(GOOD)
    assert world.run().status == "published"
    assert world.rows() == OCTOBER
    assert (world.status()["state"], world.status()["last_checked"]) == ("OK", SECOND)
    assert world.run().status == "unchanged"


@pytest.mark.parametrize("case", TAKEN, ids=lambda case: case.name)
def test_an_unusual_offer_is_read_exactly(case: Taken, world_of: Callable[[Variant], World]):
    world = world_of(case.variant)
    asked = len(world.server.asked(world.path))
    case.offer(world)
    done = world.run()
    assert done.status == "published"
    assert world.rows() == case.rows
    assert dict(done.version.rules) == dict(case.rules)
    assert len(world.server.asked(world.path)) - asked == case.requests
    assert world.status()["state"] == "OK"


def test_a_resumed_transfer_asks_for_the_rest_only(world_of: Callable[[Variant], World]):
    world = world_of(PLAIN)
    replies(CUT, WHOLE)(world)
    world.run()
    resumed = world.server.asked(world.path)[-1].headers
    assert resumed["if-range"] == '"october"'
    assert 0 < int(resumed["range"].removeprefix("bytes=").rstrip("-")) <= len(GOOD) * 3 // 10


def test_a_mass_change_is_held_then_released(world_of: Callable[[Variant], World]):
    world = world_of(PLAIN)
    before = world.published()
    changed = [(*row[:3], 1) for row in SEPTEMBER]
    world.publish(csv(changed))
    for _asked_again in range(2):
        assert world.run().status == "held"
        assert world.rows() == SEPTEMBER
        status = world.status()
        assert status["state"] == "GAP"
        assert status["message"].startswith("held: 10 of 10 keys differ")
        assert "company-signals release essai" in status["message"]
    after = world.published()
    state = f"state/{NAME}.json"
    assert {k: v for k, v in before.items() if k != state}.items() <= after.items()
    assert json.loads(after[state])["current"] == json.loads(before[state])["current"]
    outcome.release(world.store, NAME, world.clock)
    assert world.rows() == changed
    assert world.status()["state"] == "OK"
    assert world.run().status == "unchanged"


def test_a_run_killed_while_holding_is_told_by_the_next(world_of: Callable[[Variant], World]):
    world = world_of(PLAIN)
    world.publish(csv([(*row[:3], 1) for row in SEPTEMBER]))
    note = world.folder / "state" / "attempts" / f"{NAME}.json"
    before = note.read_bytes()
    world.run()
    note.write_bytes(before)  # as if killed between the state and the note
    assert world.run().status == "held"
    assert world.status()["state"] == "GAP"


def test_an_older_publication_waits_for_a_person(world_of: Callable[[Variant], World]):
    world = world_of(PLAIN)
    world.describe(GOOD, {"stock": "01 août 2026"})
    world.send(Reply(200, GOOD))
    done = world.run()
    assert done.status == "held"
    assert "2026-08-01 is older than the one that serves (2026-09-01)" in str(done.version.reason)
    assert world.rows() == SEPTEMBER


def test_the_former_publication_again_is_not_unchanged(world_of: Callable[[Variant], World]):
    world = world_of(PLAIN)
    world.publish(GOOD)
    world.run()
    before = world.published()
    world.describe(csv(SEPTEMBER), {"stock": "01 septembre 2026"})
    world.send(Reply(200, csv(SEPTEMBER)))
    error = fails(world)
    assert type(error) is QualityError
    assert "company-signals rollback essai" in str(error)
    assert world.published() == before
    assert world.status()["state"] == "GAP"
    world.store.rollback(NAME)
    assert world.run().status == "unchanged"
    assert world.rows() == SEPTEMBER


def test_a_version_rolled_back_stays_away_and_the_status_says_what_serves(
    world_of: Callable[[Variant], World],
):
    world = world_of(PLAIN)
    world.publish(GOOD)
    world.run()
    world.store.rollback(NAME)
    assert world.run().status == "unchanged"
    assert world.rows() == SEPTEMBER
    assert world.status()["publication_date"] == date(2026, 9, 1)


def test_what_was_refused_can_be_looked_at(world_of: Callable[[Variant], World]):
    world = world_of(PLAIN)
    world.publish(LOST_ZEROS)
    fails(world)
    (kept,) = (world.folder / "quarantine" / NAME).glob("*.parquet")
    found = pl.read_parquet(kept).select("resource", "line", "column", "rule", "value").rows()
    assert found == [
        ("stock", 2, "siren", "pattern", siren(55_213).lstrip("0")),
        ("stock", 3, "siren", "pattern", siren(5_520_135).lstrip("0")),
    ]
    world.publish(GOOD)
    world.run()
    assert not list((world.folder / "quarantine" / NAME).glob("*"))


def test_a_table_that_is_new_in_the_description_is_taken_up(world_of: Callable[[Variant], World]):
    world = world_of(PLAIN)
    world.publish(GOOD)
    described = world.source.dataset
    tables = {**described.tables, "essai__noms": described.tables["essai__units"]}
    world.source = replace(
        world.source,
        dataset=described.model_copy(update={"tables": tables}),
        normalise=lambda raw: dict.fromkeys(tables, _one(raw)),
    )
    assert world.run().status == "published"
    assert world.store.scan("essai__noms").select(HEADER).collect().rows() == OCTOBER


def _one(raw: Any) -> pl.LazyFrame:
    return raw["stock"].select(*HEADER, publication_date=pl.lit(None, dtype=pl.Date))


def test_rows_that_do_not_become_tables_are_refused_without_quoting_them(
    world_of: Callable[[Variant], World],
):
    world = world_of(PLAIN)
    before = world.published()
    world.publish(GOOD)
    world.source = replace(
        world.source,
        normalise=lambda raw: {
            "essai__units": _one(raw).with_columns(pl.col("nom").cast(pl.Int64).cast(pl.String))
        },
    )
    error = fails(world)
    assert type(error) is ContractError
    assert "InvalidOperationError" in str(error)
    assert "SOCIÉTÉ" not in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert all(part in str(error) for part in (f"dataset {NAME}", *WHERE))
    assert world.published() == before


def test_a_damaged_note_does_not_hide_the_failure(world_of: Callable[[Variant], World]):
    world = world_of(PLAIN)
    (world.folder / "state" / "attempts" / f"{NAME}.json").write_text("{")
    world.server.script(DATASET, Reply(500))
    assert type(fails(world)) is UnavailableError
    assert world.status()["state"] == "GAP"


def test_consumers_are_told_of_the_gap_and_keep_their_signals(
    world_of: Callable[[Variant], World],
):
    world = world_of(PLAIN)
    exports = world.folder / "exports" / "company"
    signals = (exports / "signals_current.parquet").read_bytes()
    world.server.script(DATASET, Reply(500))
    error = fails(world)
    world.export()
    told = pl.read_parquet(exports / "source_status.parquet").row(0, named=True)
    assert (told["state"], told["message"]) == ("GAP", str(error))
    assert (exports / "signals_current.parquet").read_bytes() == signals
    assert PORTAL in told["message"]
