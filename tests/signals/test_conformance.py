"""The suite lets good consumers pass and finds every broken one; each scenario is needed."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from signals.conformance import broken
from signals.conformance.judge import Answer, Consumer, Verdict, command, judge
from signals.conformance.scenarios import INDEX, Scenario, write
from signals.reader import __main__ as reader


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Scenario]]:
    folder = tmp_path_factory.mktemp("suite")
    (folder / "work").mkdir()
    return folder / "feeds", write(folder / "feeds", folder / "work")


def inside(main: Callable[[list[str]], int], *first: str) -> Consumer:
    """A consumer of this process: what it prints, and its exit code."""

    def call(feed: Path, state: Path, now: str) -> Answer:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([*first, str(feed), str(state), now])
        return Answer(code, out.getvalue(), err.getvalue())

    return call


def verdicts(
    suite: tuple[Path, list[Scenario]], consumer: Consumer, states: Path
) -> dict[str, Verdict]:
    feeds, scenarios = suite
    return {one.scenario: one for one in judge(consumer, scenarios, feeds, states)}


def findings(found: dict[str, Verdict]) -> list[str]:
    return [text for one in found.values() for text in one.findings]


def test_the_reader_keeps_to_every_rule(suite: tuple[Path, list[Scenario]], tmp_path: Path) -> None:
    found = verdicts(suite, inside(reader.main), tmp_path)
    assert findings(found) == []
    assert len(found) == len(suite[1]) > 10


def test_a_consumer_written_apart_from_it_passes_too(
    suite: tuple[Path, list[Scenario]], tmp_path: Path
) -> None:
    assert findings(verdicts(suite, inside(broken.main, "none"), tmp_path)) == []


@pytest.mark.parametrize("fault", broken.FAULTS)
def test_a_broken_consumer_is_found(
    fault: str, suite: tuple[Path, list[Scenario]], tmp_path: Path
) -> None:
    feeds, scenarios = suite
    concerned = [one for one in scenarios if one.name in broken.FAULTS[fault]]
    found = judge(inside(broken.main, fault), concerned, feeds, tmp_path)
    assert len(found) == len(broken.FAULTS[fault])
    assert [one.scenario for one in found if one.ok] == []


def test_every_scenario_finds_a_broken_consumer(suite: tuple[Path, list[Scenario]]) -> None:
    named = {name for scenarios in broken.FAULTS.values() for name in scenarios}
    # These two are for consumers that refuse too much, or count otherwise.
    assert {one.name for one in suite[1]} - named == {"cut-otherwise", "new-column"}


def test_a_command_is_judged_by_its_output_and_exit_code(
    suite: tuple[Path, list[Scenario]], tmp_path: Path
) -> None:
    feeds, scenarios = suite
    life = [one for one in scenarios if one.name == "catch-up"]
    good = command([sys.executable, "-m", "signals.reader"])
    assert findings({"": judge(good, life, feeds, tmp_path / "good")[0]}) == []
    for number, (words, complaint) in enumerate(
        [
            (["false"], "exit code 1"),
            (["echo"], "not those of the protocol"),
            (["no-such-program"], "cannot be run"),
        ]
    ):
        (verdict,) = judge(command(words), life, feeds, tmp_path / str(number))
        assert complaint in verdict.findings[0]


def test_the_feeds_have_every_op_and_type_and_say_that_they_are_invented(
    suite: tuple[Path, list[Scenario]],
) -> None:
    from stdnum.fr import siren as numbers

    from signals.conformance.doctored import manifest, rows_of
    from signals.registry import registry

    feeds, scenarios = suite
    rows = rows_of(feeds / "catch-up" / "1-all")
    assert set(rows["op"]) == {"ASSERT", "AMEND", "RETRACT", "ERASE"}
    assert set(rows["type"]) == {one.signal.type for one in registry().values()}
    named = rows.drop_nulls("siren")
    assert named["company_name"].str.starts_with("ESSAI FICTIF").all()
    assert not any(numbers.is_valid(one) for one in named["siren"])
    retained = manifest(feeds / "much-too-old" / "2-compacted")
    assert retained["min_sequence"] > manifest(feeds / "catch-up" / "1-all")["min_sequence"]
    assert retained["compacted"]
    index = json.loads((feeds / INDEX).read_bytes())["scenarios"]
    assert [one["name"] for one in index] == [one.name for one in scenarios]
