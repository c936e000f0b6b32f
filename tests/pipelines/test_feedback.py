"""The way back: what a platform says is kept with the lead, taught to matching, forgotten."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from interrupted import Killed, killed_reaching
from object_store import KEYS, object_server
from operating import copied
from replaying import Replayed
from typer.testing import CliRunner

from assets import feed
from assets.feedback import Taken, feedback_folders, least_read, take_feedback
from assets.workspace import Workspace, as_resource
from leads.feedback import by_type, holding
from leads.model import SCHEMA
from leads.privacy.suppressions import facts_of
from opendata import files
from opendata.clock import Clock
from opendata.sample_portal import SamplePortal
from pipelines.cli import app
from pipelines.explain import print_explanation
from pipelines.feedback import take
from pipelines.main_job import run_matching
from pipelines.personal_copies import about_lead, of_account
from pipelines.places import all_places
from pipelines.privacy import Subject, carry_out
from signals.feed.fixtures import ACCOUNT, World
from signals.reader import Feed, ReaderError, Said, State, acknowledge, catch_up, report_cursor

LEADS = 4
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path / "data")
    world.tell(range(LEADS))
    world.publish(LEADS)
    return world


@pytest.fixture
def workspace(world: World, tmp_path: Path) -> Workspace:
    (tmp_path / "inbox").mkdir()
    found = Workspace(world.folder, Clock.at(date(2026, 1, 6)), feedback_from=tmp_path / "inbox")
    rows = [
        {"account_id": ACCOUNT, "lead_id": f"essai-lead-{n}", "company_name": f"ESSAI {n}"}
        for n in range(LEADS)
    ]
    found.lead_store.upsert(pl.DataFrame(rows, schema=SCHEMA))
    return found


@pytest.fixture
def state(world: World, tmp_path: Path) -> Iterator[State]:
    with State(tmp_path / "state.db") as opened:
        catch_up(Feed.at(world.stream), opened)
        yield opened


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    return tmp_path / "inbox" / "accounts" / ACCOUNT


def signal(state: State, lead: int) -> dict[str, Any]:
    return next(row for row in state.standing() if row["lead_id"] == f"essai-lead-{lead}")


def kept(workspace: Workspace) -> list[tuple[str, str, str | None]]:
    rows = workspace.lead_store.feedback().sort("at", "lead_id")
    return rows.select("lead_id", "status", "reason").rows()


def everything(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".duckdb"
    }


def test_what_a_reader_says_comes_back_once(
    workspace: Workspace, state: State, inbox: Path
) -> None:
    one, other = signal(state, 0)["signalid"], signal(state, 1)["signalid"]
    said = [Said(one, "handled"), Said(other, "ignored", "bad_time")]
    acknowledge(inbox, state, said, now=NOW)
    taken = take_feedback(workspace)
    assert (taken.files, taken.rows, dict(taken.refused)) == (1, 2, {})
    assert kept(workspace) == [
        ("essai-lead-0", "handled", None), ("essai-lead-1", "ignored", "bad_time"),
    ]  # fmt: skip
    # The same again, also under another name, is nothing.
    before = everything(workspace.data_dir)
    assert take_feedback(workspace).files == 0
    assert everything(workspace.data_dir) == before
    (file,) = inbox.iterdir()
    (inbox / "feedback-copy.jsonl").write_bytes(file.read_bytes())
    assert take_feedback(workspace).rows == 0
    assert len(kept(workspace)) == 2


def test_the_latest_holds_in_whatever_order_files_come(
    workspace: Workspace, state: State, inbox: Path
) -> None:
    one = signal(state, 0)["signalid"]
    acknowledge(inbox, state, [Said(one, "handled")], now=NOW)
    take_feedback(workspace)
    acknowledge(inbox, state, [Said(one, "wrong", "outdated")], now=NOW - timedelta(hours=1))
    take_feedback(workspace)
    rows = workspace.lead_store.feedback()
    assert rows.height == 2  # what was said before stays
    assert holding(rows)["status"].to_list() == ["handled"]
    (count,) = by_type(rows).rows(named=True)
    assert (count["judged"], count["handled"], count["wrong"], count["wrong_rate"]) == (1, 1, 0, 0)
    # Of one instant the graver holds.
    acknowledge(inbox, state, [Said(one, "wrong", "duplicate")], now=NOW)
    take_feedback(workspace)
    (count,) = by_type(workspace.lead_store.feedback()).rows(named=True)
    assert (count["wrong"], count["wrong_rate"]) == (1, 1.0)


def test_bad_rows_are_counted_and_named_by_line_and_files_never_stop_a_run(
    workspace: Workspace, state: State, inbox: Path
) -> None:
    file = acknowledge(inbox, state, [Said(signal(state, 0)["signalid"], "handled")], now=NOW)
    good = file.read_text()
    strange = json.dumps({**json.loads(good), "signal_id": "0" * 32})
    file.write_text(f"{good}{strange}\nMs Doe called\n")
    (inbox / "feedback-torn.parquet").write_bytes(b"PAR1")
    # A file that may not be read, whoever runs the test.
    (inbox / "feedback-closed.jsonl").symlink_to("/proc/self/mem")
    (inbox.parent / "nobody").mkdir()
    (inbox.parent / "nobody" / "feedback-1.jsonl").write_text(good)
    taken = take_feedback(workspace)
    assert dict(taken.refused) == {
        "unknown_signal": 1, "not_a_json_object": 1, "file_unreadable": 2, "no_such_stream": 1,
    }  # fmt: skip
    assert taken.rows == 1
    (noted,) = (workspace.data_dir / "feedback" / "accounts" / ACCOUNT / "refused").iterdir()
    assert [json.loads(line) for line in noted.read_text().splitlines()] == [
        {"line": 2, "rule": "unknown_signal"}, {"line": 3, "rule": "not_a_json_object"},
    ]  # fmt: skip
    assert b"Doe" not in b"".join(everything(workspace.data_dir).values())


def test_killed_at_any_point_and_taken_again_it_ends_the_same(
    workspace: Workspace, state: State, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = acknowledge(inbox, state, [Said(signal(state, 0)["signalid"], "handled")], now=NOW)
    with file.open("a") as more:
        more.write("nothing\n")
    report_cursor(inbox, state, "crm", now=NOW)
    met: list[str] = []
    die_at: list[int] = []

    def reached(name: str) -> None:
        met.append(name)
        if die_at and len(met) == die_at[0]:
            raise KeyboardInterrupt

    monkeypatch.setattr(files, "on_point", reached)
    notes = workspace.data_dir / "feedback"
    assert take_feedback(workspace).rows == 1
    whole, count = everything(notes), len(met)
    assert count == 2 * 3  # what was refused, and what was read: written, renamed
    for number in range(1, count + 1):
        shutil.rmtree(notes)
        met.clear()
        die_at[:] = [number]
        with pytest.raises(KeyboardInterrupt):
            take_feedback(workspace)
        die_at.clear()
        take_feedback(workspace)
        assert everything(notes) == whole
        assert len(kept(workspace)) == 1


def test_from_a_store_and_through_the_resource(
    workspace: Workspace, state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    file = acknowledge(tmp_path / "made", state, [Said(signal(state, 0)["signalid"], "handled")],
                       now=NOW)  # fmt: skip
    with object_server() as server:
        store = server.store("back")
        store.create(f"accounts/{ACCOUNT}/{file.name}", file.read_bytes(), point="test")
        remote = replace(workspace, feedback_from=store.address)
        opened = as_resource(remote).open()
        assert opened.feedback_from == replace(store.address, attempts=opened.patience.attempts)
        assert take_feedback(remote).rows == 1
        server.asked.clear()
        assert take_feedback(remote).files == 0
        assert not any(path.endswith(".jsonl") for _, path, _ in server.asked)
    # The server is gone: what platforms say can wait, the run does not.
    hasty = replace(remote, feedback_from=replace(store.address, attempts=1))
    assert take_feedback(hasty).refused == {"store_unreachable": 1}


def test_unread_segments_wait_for_their_consumer_up_to_the_ceiling(
    world: World, workspace: Workspace, state: State, inbox: Path
) -> None:
    report_cursor(inbox, state, "crm", now=NOW)
    assert take_feedback(workspace).offsets == 1
    source, first = str(state.source), state.cursor
    assert least_read(workspace) == {source: first}
    world.tell(range(LEADS), amount=2)
    world.publish(LEADS)
    window = timedelta(days=30)

    def least(days: int, read: dict[str, str]) -> int:
        world.day = date(2026, 1, 7) + timedelta(days=days)
        said = json.loads((world.publish(LEADS, window, read) / "manifest.json").read_bytes())
        return int(said["min_sequence"])

    read = least_read(workspace)
    # What it has read goes; what it has not stays, until twice the window.
    assert least(35, read) == int(first) + 1
    assert least(50, read) == int(first) + 1
    assert least(61, read) > int(first) + LEADS


def test_without_a_report_nothing_is_held_back(world: World) -> None:
    world.tell(range(LEADS), amount=2)
    world.publish(LEADS)
    world.day += timedelta(days=35)
    said = json.loads((world.publish(LEADS, timedelta(days=30)) / "manifest.json").read_bytes())
    assert said["segments"] == []


def test_an_erasure_waits_for_nobody(
    world: World, workspace: Workspace, state: State, inbox: Path
) -> None:
    report_cursor(inbox, state, "crm", now=NOW)
    take_feedback(workspace)
    number = signal(state, 0)["siren"]
    world.erase(0)
    world.day += timedelta(days=1)
    folder = world.publish(LEADS, timedelta(days=30), least_read(workspace))
    for path in [*folder.rglob("segments/*.parquet"), *folder.rglob("signals_current.parquet")]:
        assert number not in str(pl.read_parquet(path, glob=False).to_dicts()), path


def test_it_goes_with_the_lead_and_with_the_account(
    workspace: Workspace, state: State, inbox: Path
) -> None:
    said = [Said(signal(state, n)["signalid"], "handled") for n in range(3)]
    acknowledge(inbox, state, said, now=NOW)
    report_cursor(inbox, state, "crm", now=NOW)
    take_feedback(workspace)
    subject = Subject("lead", f"{ACCOUNT}/essai-lead-1")
    copy = about_lead(workspace, subject)
    assert [row["status"] for row in copy["feedback_on_its_signals"]] == ["handled"]
    whole = of_account(workspace, ACCOUNT)
    assert len(whole["feedback"]) == 3
    assert whole["consumers"]["crm"]["sequence"] == state.cursor
    workspace.lead_store.erase(ACCOUNT, "essai-lead-1")
    assert [lead for lead, _, _ in kept(workspace)] == ["essai-lead-0", "essai-lead-2"]
    # The file still lies there: it brings nothing back, not even when all notes are lost.
    (workspace.data_dir / "feedback" / "accounts" / ACCOUNT / "state.json").unlink()
    taken = take_feedback(workspace)
    assert (taken.rows, dict(taken.refused)) == (0, {"lead_gone": 1})
    facts = facts_of("account", [Subject("account", ACCOUNT).tag(workspace.suppressions)])
    for place in all_places(workspace):
        if place.name in ("leads", "notes on feedback"):
            assert place.find(facts).rows > 0
            place.erase(facts)
            assert place.find(facts).rows == 0
    assert kept(workspace) == []
    assert not (workspace.data_dir / "feedback" / "accounts" / ACCOUNT).exists()


def test_a_reader_says_only_what_the_contract_has(
    state: State, tmp_path: Path, workspace: Workspace
) -> None:
    one = signal(state, 0)["signalid"]
    for row in (Said(one, "wrong"), Said(one, "handled", "outdated"), Said(one, "gone")):  # type: ignore[arg-type]
        with pytest.raises(ReaderError, match="is not said with"):
            acknowledge(tmp_path / "x", state, [row])
    with pytest.raises(ReaderError, match="nothing is said"):
        acknowledge(tmp_path / "x", state, [])
    with (
        State(tmp_path / "empty.db") as empty,
        pytest.raises(ReaderError, match="nothing was read"),
    ):
        report_cursor(tmp_path / "x", empty, "crm")
    assert take(replace(workspace, feedback_from=None), None, None).files == 0


def test_the_command_takes_a_file_counts_by_signal_and_fails_on_a_bad_row(
    workspace: Workspace, state: State, tmp_path: Path
) -> None:
    row = signal(state, 0)
    file = acknowledge(tmp_path / "made", state, [Said(row["signalid"], "wrong", "wrong_event")],
                       now=NOW)  # fmt: skip
    words = ["feedback", "--data-dir", str(workspace.data_dir), "--at", "2026-01-06"]
    done = CliRunner().invoke(app, [*words, str(file)])
    assert done.exit_code == 0, done.output
    assert "files 1, rows 1" in done.output
    code = str(row["type"]).split(".")[-2]
    assert re.search(rf"^{code} +1 +0 +0 +1 +100.0%$", done.output, re.MULTILINE)
    with file.open("a") as more:
        more.write("nothing\n")
    again = CliRunner().invoke(app, [*words, str(file)])
    assert again.exit_code == 1
    assert "refused: not_a_json_object 1" in again.output
    other = CliRunner().invoke(app, [*words, str(file), "--account", "nobody"])
    assert other.exit_code == 1
    assert "refused: no_such_stream 1" in other.output


@pytest.fixture
def sample(replayed: Replayed, portal: SamplePortal, tmp_path: Path) -> Workspace:
    return copied(replayed, portal, tmp_path)


@pytest.fixture
def btp(sample: Workspace, tmp_path: Path) -> Iterator[State]:
    with State(tmp_path / "btp.db") as opened:
        catch_up(Feed.at(sample.exports / "accounts" / "demo-btp"), opened)
        yield opened


def said_wrong(sample: Workspace, state: State, row: dict[str, Any], hours: int = 0) -> Taken:
    at = sample.clock.now() - timedelta(hours=hours)
    said = [Said(row["signalid"], "wrong", "wrong_company")]
    return take(sample, acknowledge(sample.data_dir.parent / "made", state, said, now=at), None)


def test_killed_between_the_answer_and_the_matching_the_same_command_matches(
    sample: Workspace, btp: State
) -> None:
    row = next(row for row in btp.standing() if row["match_status"] == "confirmed")

    # The answer is kept, and the file noted as taken.
    with killed_reaching("feedback:after-rename"), pytest.raises(Killed):
        said_wrong(sample, btp, row)
    assert sample.label_store.labels()["applied"].to_list() == [False]
    assert said_wrong(sample, btp, row).answers == 0
    assert sample.label_store.labels()["applied"].to_list() == [True]
    match = sample.lead_store.matches("demo-btp").filter(lead_id=row["lead_id"])
    assert match["siren"].to_list() != [row["siren"]]


def test_the_wrong_company_is_an_answer_and_the_feed_takes_it_back(
    sample: Workspace, btp: State, capsys: pytest.CaptureFixture[str]
) -> None:
    row = next(row for row in btp.standing() if row["match_status"] == "confirmed")
    inbox = sample.data_dir.parent / "inbox"
    said = [Said(row["signalid"], "wrong", "wrong_company")]
    acknowledge(inbox / "accounts" / "demo-btp", btp, said, now=sample.clock.now())
    # As a run does: no command of its own is needed.
    assert run_matching(replace(sample, feedback_from=inbox)).ok
    labels = sample.label_store.labels()
    assert labels.select("lead_id", "siren", "says", "applied").rows() == [
        (row["lead_id"], row["siren"], "no", True)
    ]
    feed.publish(sample)
    catch_up(Feed.at(sample.exports / "accounts" / "demo-btp"), btp)
    assert not any(
        one["lead_id"] == row["lead_id"] and one["siren"] == row["siren"] for one in btp.standing()
    )
    print_explanation(sample, row["signalid"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "RETRACT, match_changed" in shown
    assert "wrong, wrong_company" in shown
    carry_out(sample, "erase", Subject("account", "demo-btp"))
    assert sample.lead_store.feedback().is_empty()
    assert feedback_folders(sample) == {}


def test_a_person_s_own_yes_is_not_overruled(sample: Workspace, btp: State) -> None:
    row = next(row for row in btp.standing() if row["match_status"] == "confirmed")
    assert said_wrong(sample, btp, row, hours=1).answers == 1
    yes = sample.label_store.labels().with_columns(says=pl.lit("yes"))
    sample.label_store.put(yes, instead=True)
    taken = said_wrong(sample, btp, row)
    assert (taken.rows, taken.answers) == (1, 0)
    assert dict(taken.refused) == {"contradicts_an_earlier_answer": 1}
    assert sample.label_store.labels()["says"].to_list() == ["yes"]
