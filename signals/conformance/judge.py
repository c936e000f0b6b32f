"""Running a consumer through the scenarios and saying where it departs from the contract.

Belongs here: the protocol with the consumer, the comparison, the findings. Does not belong here:
the scenarios (:mod:`signals.conformance.scenarios`).
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from signals.conformance.scenarios import COMPARED, Scenario, Step

_SECONDS = 120


@dataclass(frozen=True)
class Answer:
    """What a consumer did in one call: its exit code, and what it printed."""

    code: int
    text: str
    complaint: str = ""


#: Gets the folders of the feed and of its state, and the instant of the call.
Consumer = Callable[[Path, Path, str], Answer]


@dataclass
class Verdict:
    """What was found in one scenario; nothing if the consumer keeps to the rule."""

    scenario: str
    rule: str
    findings: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Return whether the consumer passed."""
        return not self.findings


def command(words: Sequence[str]) -> Consumer:
    """Return the consumer that is a command: ``words… FEED STATE NOW``."""

    def call(feed: Path, state: Path, now: str) -> Answer:
        try:
            done = subprocess.run(  # noqa: S603 (the command is the operator's own)
                [*words, str(feed), str(state), now],
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Answer(-1, "", f"no end after {_SECONDS} seconds")
        except OSError as error:
            return Answer(-1, "", f"it cannot be run: {error.strerror}")
        return Answer(done.returncode, done.stdout, done.stderr.strip())

    return call


def judge(
    consumer: Consumer, scenarios: Iterable[Scenario], feeds: Path, states: Path
) -> list[Verdict]:
    """Run the consumer through each scenario, its state beginning empty.

    Args:
        consumer: who is judged.
        scenarios: what it goes through.
        feeds: folder that the feeds are relative to.
        states: an empty folder; the consumer gets one under it per scenario.
    """
    return [_one(consumer, one, feeds, states / one.name) for one in scenarios]


def _one(consumer: Consumer, scenario: Scenario, feeds: Path, state: Path) -> Verdict:
    state.mkdir(parents=True)
    verdict = Verdict(scenario.name, scenario.rule)
    started: set[str] = set()
    for step in scenario.steps:
        answer = consumer(feeds / step.feed, state, step.now)
        found = _judged(step, answer, started, state)
        verdict.findings += [f"{step.feed}: {text}" for text in found]
        if found:
            break  # what follows would only repeat it
    return verdict


def _judged(step: Step, answer: Answer, started: set[str], state: Path) -> list[str]:
    if step.stop:
        if answer.code != 0 and not answer.text.strip():
            return []
        what = "went on" if answer.code == 0 else "printed something before it stopped"
        return [f"it must stop with an exit code that is not 0, and it {what}"]
    if answer.code != 0:
        return [f"it stopped (exit code {answer.code}): {answer.complaint[-300:]}"]
    try:
        lines = [json.loads(line) for line in answer.text.splitlines() if line.strip()]
        kinds = {
            kind: [line for line in lines if line["kind"] == kind]
            for kind in ("start", "undo", "signal")
        }
        begun = [line["signalid"] for line in kinds["start"]]
        held = {line["signalid"]: line for line in kinds["signal"]}
    except (ValueError, KeyError, TypeError):
        return ["it prints lines that are not those of the protocol"]
    found = _standing(step, held)
    undone = {line["signalid"] for line in kinds["undo"]}
    if ended := undone & set(step.goes_on):
        found.append(f"it undoes {len(ended)} workflow(s) whose event did happen")
    started -= undone
    found += _started(step, begun, started)
    return found + _left(step, answer, state)


def _standing(step: Step, held: dict[str, dict[str, Any]]) -> list[str]:
    wanted = {one["signalid"]: one for one in step.standing}
    found = []
    if more := len(held.keys() - wanted.keys()):
        found.append(f"it holds {more} signal(s) that do not stand")
    if fewer := len(wanted.keys() - held.keys()):
        found.append(f"it lacks {fewer} signal(s) that stand")
    other = [
        name
        for signalid in held.keys() & wanted.keys()
        for name in COMPARED
        if (name in held[signalid] or name == "id")
        and held[signalid].get(name) != wanted[signalid][name]
    ]
    if other:
        found.append(f"it shows other values in {sorted(set(other))}")
    return found


def _started(step: Step, begun: list[str], started: set[str]) -> list[str]:
    found = []
    twice = [one for number, one in enumerate(begun) if one in started or one in begun[:number]]
    started |= set(begun)
    if twice:
        found.append(f"it acts again on {len(twice)} signal(s)")
    if wrong := set(begun) - set(step.may_start):
        found.append(f"it acts on {len(wrong)} signal(s) that may not be acted upon")
    if idle := set(step.must_start) - started:
        found.append(f"it does not act on {len(idle)} signal(s) that are for it")
    # One that no longer stands may be acted upon once it is asserted again.
    started &= {one["signalid"] for one in step.standing}
    return found


def _left(step: Step, answer: Answer, state: Path) -> list[str]:
    kept = [answer.text.encode()]
    kept += [path.read_bytes() for path in sorted(state.rglob("*")) if path.is_file()]
    if any(text.encode() in body for text in step.gone for body in kept):
        return ["it still holds values that were erased"]
    return []
