"""Whatever is done in whatever order, a consumer ends with what stands; nothing is lost."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from signal_tables import SALE
from signal_world import (
    BUYER,
    DAY,
    LIQUIDATION,
    OTHER_SALE,
    SELLER,
    Killed,
    account,
    at,
    candidates,
    current,
    match,
    publish,
    sales,
    stream,
    tell,
    tree,
)

from opendata import files
from signals.log import SignalLog

SIRENS = (BUYER, SELLER, OTHER_SALE["buyer_siren"], OTHER_SALE["seller_siren"])
LEADS = st.dictionaries(
    st.integers(0, 3),
    st.tuples(st.sampled_from(SIRENS), st.sampled_from(["confirmed", "probable", "ambiguous"])),
    max_size=4,
)
STREAMS = ("company", "accounts/acme")
WINDOW = timedelta(days=30)


def rows_of(leads: dict[int, tuple[str, str]]) -> list[dict[str, Any]]:
    return [
        match(f"lead-{number}", siren, verdict=verdict)
        for number, (siren, verdict) in sorted(leads.items())
    ]


class Consumer:
    """What the page "Consume the feed" asks of a consumer, and no more."""

    def __init__(self) -> None:
        self.cursor = "0" * 20
        self.held: dict[str, dict[str, Any]] = {}
        self.loaded: list[str] = []
        self.bytes = 0

    def read(self, folder: Path, *, dies: bool) -> None:
        said = json.loads((folder / "manifest.json").read_bytes())
        start, held = self.cursor, dict(self.held)
        if int(start) + 1 < int(said["min_sequence"]) or start > said["max_sequence"]:
            held = {row["signalid"]: row for row in self.load(folder, said["snapshot"])}
            start = said["snapshot"]["as_of_sequence"]
        for part in said["segments"]:
            if part["last_sequence"] > start:
                for row in self.load(folder, part):
                    if row["sequence"] > start:
                        held[row["signalid"]] = row
        self.held = held
        if not dies:  # rows are stored before the cursor: what comes after is read twice
            self.cursor = said["max_sequence"]

    def load(self, folder: Path, part: dict[str, Any]) -> list[dict[str, Any]]:
        body = (folder / part["path"]).read_bytes()
        self.loaded.append(part["path"])
        self.bytes += len(body)
        assert part["hash"] == f"sha256:{hashlib.sha256(body).hexdigest()}"
        return pl.read_parquet(body).to_dicts()

    def standing(self, now: datetime) -> dict[str, dict[str, Any]]:
        return {
            name: row
            for name, row in self.held.items()
            if row["op"] in ("ASSERT", "AMEND") and row["expirytime"] > now
        }


class Feed(RuleBasedStateMachine):
    """A log, its exports and a consumer of each stream, under whatever may happen."""

    def __init__(self) -> None:
        super().__init__()
        self.base = Path(tempfile.mkdtemp())
        self.log, self.out = SignalLog(self.base / "signals"), self.base / "exports"
        self.day = DAY
        self.leads: dict[int, tuple[str, str]] = {}
        self.consumers = {name: Consumer() for name in STREAMS}
        self.given: dict[str, dict[str, str]] = {name: {} for name in STREAMS}
        self.whole = False

    def teardown(self) -> None:
        shutil.rmtree(self.base)

    @initialize(leads=LEADS)
    def begin(self, leads: dict[int, tuple[str, str]]) -> None:
        self.leads = leads
        tell(self.log, sales(SALE, OTHER_SALE))

    @rule(town=st.sampled_from(["Ici", "Ailleurs"]), which=st.sampled_from([SALE, OTHER_SALE]))
    def correct(self, town: str, which: dict[str, Any]) -> None:
        tell(self.log, sales({**which, "ville": town}, day=self.day))

    @rule()
    def liquidate(self) -> None:
        tell(self.log, candidates(self.day, bodacc__insolvencies=[LIQUIDATION]))

    @rule(number=st.integers(0, 5))
    def annul(self, number: int) -> None:
        ids = sorted(self.log.current()["signalid"])
        named = ids[number % len(ids) :][:1]
        self.log.retract(named, reason="annulation", recorded=at(self.day), run_id="run-2")

    @rule(siren=st.sampled_from(SIRENS))
    def erase(self, siren: str) -> None:
        self.log.erase([siren], reason="opposition", recorded=at(self.day), run_id="run-3")

    @rule(leads=LEADS)
    def take_leads(self, leads: dict[int, tuple[str, str]]) -> None:
        self.leads = leads

    @rule(which=st.sampled_from([SALE, OTHER_SALE]))
    def happen(self, which: dict[str, Any]) -> None:
        dates = {"date_parution": self.day, "date_effet": self.day, "publication_date": self.day}
        sale = {**which, **dates, "notice_id": f"A{self.day:%Y%m%d}"}
        tell(self.log, sales(sale, day=self.day))

    @rule(days=st.sampled_from([1, 25, 40]))
    def wait(self, days: int) -> None:
        self.day += timedelta(days=days)

    @rule(days=st.sampled_from([25, 40]))
    def compact(self, days: int) -> None:
        self.happen(OTHER_SALE)
        self._publish(WINDOW)
        self.sequence_has_no_gap_and_no_duplicate()
        self.day += timedelta(days=days)
        self.publish_whole(WINDOW)

    def _publish(self, window: timedelta | None) -> Any:
        return publish(self.log, self.out, *rows_of(self.leads), day=self.day, window=window)

    @rule(window=st.sampled_from([None, WINDOW]))
    def publish_whole(self, window: timedelta | None) -> None:
        self._publish(window)
        self.whole = True

    @rule(window=st.sampled_from([None, WINDOW]), number=st.integers(1, 120))
    def publish_killed(self, window: timedelta | None, number: int) -> None:
        left = number

        def stop(_name: str) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise Killed

        files.on_point = stop
        try:
            self._publish(window)
            self.whole = True
        except Killed:
            self.whole = False
        finally:
            files.on_point = lambda _name: None

    @precondition(lambda self: self.whole)
    @rule()
    def publish_again(self) -> None:
        self._publish(None)
        before = tree(self.out)
        assert not self._publish(None).published
        assert tree(self.out) == before

    @rule(dies=st.booleans(), name=st.sampled_from(STREAMS))
    def consume(self, dies: bool, name: str) -> None:
        folder = self.out / name
        if not (folder / "manifest.json").exists():
            return
        self.consumers[name].read(folder, dies=dies)
        said = json.loads((folder / "manifest.json").read_bytes())
        path = folder / str(said["snapshot"]["path"])
        expected = {row["signalid"]: row for row in pl.read_parquet(path).to_dicts()}
        now = datetime.fromisoformat(said["created"])
        assert self.consumers[name].standing(now) == expected

    @invariant()
    def sequence_has_no_gap_and_no_duplicate(self) -> None:
        for name in STREAMS:
            if not (self.out / name / "manifest.json").exists():
                continue
            said = json.loads((self.out / name / "manifest.json").read_bytes())
            rows = stream(self.out / name)
            first, last = int(said["min_sequence"]), int(said["max_sequence"])
            assert rows["sequence"].cast(pl.Int64).to_list() == list(range(first, last + 1))
            known = self.given[name]
            for sequence, identity in rows.select("sequence", "id").iter_rows():
                # An erasure keeps the names of rows: what had one never gets another.
                assert known.setdefault(sequence, identity) == identity
            assert len(known) == last
            assert len(set(known.values())) == last


#: Walks without a kill in `make test-full`; `make soak` asks for more.
WALKS = int(os.environ.get("SOAK_KILLS", "30"))


@pytest.mark.parametrize(
    ("examples", "steps"),
    [(8, 20), pytest.param(WALKS, 30, marks=pytest.mark.full)],
    ids=["a few", "many"],
)
def test_any_interleaving_leaves_the_consumer_with_what_stands(examples: int, steps: int) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Feed,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            # To shrink a failure takes minutes: the steps that led to it are shown as they were.
            phases=[Phase.generate],
        ),
    )


def test_a_cursor_in_the_window_needs_the_new_segments_alone(log: SignalLog, out: Path) -> None:
    consumer, folder = Consumer(), out / "company"
    for number in range(3):
        tell(log, sales({**SALE, "ville": f"Ville {number}"}))
        publish(log, out)
        consumer.read(folder, dies=False)
    tell(log, sales({**SALE, "ville": "Ailleurs"}))
    publish(log, out)
    said = json.loads((folder / "manifest.json").read_bytes())
    consumer.loaded, consumer.bytes = [], 0
    consumer.read(folder, dies=False)
    assert consumer.loaded == [said["segments"][-1]["path"]]
    assert consumer.bytes == said["segments"][-1]["bytes"]
    assert len(said["segments"]) == 4
    consumer.read(folder, dies=False)
    assert len(consumer.loaded) == 1  # nothing new, nothing read


EXPORTED = ("confirmed", "probable")


def expected_rows(
    before: dict[int, tuple[str, str]], after: dict[int, tuple[str, str]]
) -> set[tuple[str, str, str, str]]:
    """Return what a change of leads must add: op, reason, lead, company."""
    rows: set[tuple[str, str, str, str]] = set()
    for number in before.keys() | after.keys():
        was, now = before.get(number), after.get(number)
        held = was[0] if was and was[1] in EXPORTED else None
        wanted = now[0] if now and now[1] in EXPORTED else None
        lead = f"lead-{number}"
        if held and held != wanted:
            rows.add(("RETRACT", "match_changed" if now else "lead_removed", lead, held))
        if wanted and held != wanted:
            rows.add(("ASSERT", "match_changed" if was else "lead_added", lead, wanted))
        if held and held == wanted and was and now and was[1] != now[1]:
            rows.add(("AMEND", "match_changed", lead, held))
    return rows


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=st.lists(LEADS, min_size=2, max_size=4))
def test_leads_that_come_go_and_change_are_told_once_and_why(
    tmp_path_factory: pytest.TempPathFactory, history: list[dict[int, tuple[str, str]]]
) -> None:
    base = tmp_path_factory.mktemp("lives")
    log, out = SignalLog(base / "signals"), base / "exports"
    tell(log, sales(SALE, OTHER_SALE))
    # Another account keeps the company's stream going while this one has no lead yet.
    other = match("other", BUYER, "beta")
    publish(log, out, other)
    # The account was unknown until now: whatever it is told is late for its leads.
    before: dict[int, tuple[str, str]] = {}
    told = 0
    for number, leads in enumerate(history):
        day = date(2021, 1, 12 + number)
        publish(log, out, *rows_of(leads), other, day=day)
        if not account(out).exists():
            assert not leads
            continue
        rows = stream(account(out))
        new = rows.slice(told).select("op", "reason", "lead_id", "siren").rows()
        assert sorted(new, key=str) == sorted(expected_rows(before, leads), key=str)
        standing = current(account(out)).select("lead_id", "siren", "match_status").rows()
        assert set(standing) == {
            (f"lead-{lead}", siren, verdict)
            for lead, (siren, verdict) in leads.items()
            if verdict in EXPORTED
        }
        told, before = rows.height, leads
