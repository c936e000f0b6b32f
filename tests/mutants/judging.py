"""Which tests notice that a rule lacks a condition.

Belongs here: a pytest plugin that runs the tests of each signal once, sees which functions its
rule calls, then runs them again without one condition after another. Does not belong here: the
conditions (:mod:`removals`), the page (``__main__``).

A shared function is changed only while the rule under test runs, so that each signal has to
prove its guards by itself. A test notices when an assertion of it fails: a rule that cannot run
any more proves nothing about its guard, and is counted apart.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import polars as pl
import pytest
from _pytest.runner import runtestprotocol
from removals import Removal, removals

import signals.detectors
import signals.events
from signals.base import Signal
from signals.registry import Detector, registry

RULES = Path(signals.detectors.__file__).parent
SHARED = Path(signals.events.__file__)
TESTS = str(Path(__file__).resolve().parents[1])
#: Functions that word a title or show a value, and decide nothing.
WORDING = (
    "euros", "titled", "json_object", "measured", "turnover_titles", "result_titles", "_title",
    "about", "words", "arrow", "told", "department",
)  # fmt: skip
CAUGHT, BREAKS, LEFT = "caught", "breaks", "left"


@dataclass(frozen=True)
class Verdict:
    """What the tests of a signal say of its rule without one condition."""

    signal: str
    where: str
    removed: str
    outcome: str


class Judge:
    """Run every mutant of the signals asked for, once the tests themselves are green."""

    def __init__(self, asked: Sequence[str]) -> None:
        self.asked = asked or list(registry())
        self.verdicts: list[Verdict] = []
        self.tests: dict[str, list[pytest.Item]] = defaultdict(list)
        self.called: dict[str, set[CodeType]] = defaultdict(set)
        self.item: pytest.Item | None = None
        self.active: dict[str, Callable[[], Any]] = {}
        self.failure: BaseException | None = None
        self.shared = removals(SHARED)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, call: Any) -> Iterator[None]:
        if call.excinfo is not None:
            self.failure = call.excinfo.value
        yield

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        for detector in registry().values():
            self._watch(detector)
        self.neighbours = _neighbours(session.items)
        for item in session.items:
            self.item = item
            if self._run(item) is not None:
                raise pytest.UsageError(f"{item.nodeid} fails without any mutant: {self.failure}")
        self.item = None
        for code in self.asked:
            self.verdicts += self._judged(code)
        return True

    def _watch(self, detector: Detector) -> None:
        """Have each call of a rule noted: by which test, and what it calls; or mutated."""
        rule, code = detector.detect, detector.signal.code

        def detect(frames: Any) -> Any:
            if self.item is None:
                with self.active[code]() if code in self.active else _nothing():
                    return rule(frames)
            if self.item not in self.tests[code]:
                self.tests[code].append(self.item)
            return _noting(rule, frames, self.called[code])

        object.__setattr__(detector, "detect", detect)

    def _run(self, item: pytest.Item) -> BaseException | None:
        self.failure = None
        state = item.session._setupstate
        state.teardown_exact(item if item.parent in state.stack else None)
        runtestprotocol(item, log=False, nextitem=self.neighbours[item])
        return self.failure

    def _judged(self, code: str) -> Iterator[Verdict]:
        for removed, where, active in self._mutants(registry()[code].signal):
            self.active[code] = active
            try:
                outcome = self._outcome(code)
            finally:
                del self.active[code]
            verdict = Verdict(code, where, removed, outcome)
            print(f"{outcome:7} {code:28} {where:32} {removed}", flush=True)  # noqa: T201
            yield verdict

    def _outcome(self, code: str) -> str:
        """Return whether a test notices; the one that noticed is asked first the next time."""
        outcome = LEFT
        for item in list(self.tests[code]):
            failure = self._run(item)
            if failure is not None and _asserted(failure):
                self.tests[code].remove(item)
                self.tests[code].insert(0, item)
                return CAUGHT
            outcome = BREAKS if failure is not None else outcome
        return outcome

    def _mutants(self, signal: Signal) -> Iterator[tuple[str, str, Callable[[], Any]]]:
        """Return what is removed, where, and a context in which it is."""
        yield "window", "SIGNAL", lambda: _windowless(signal)
        yield "future", "signals.events.recent", lambda: _futureless(signal)
        functions = {function.__code__: function for function in _functions()}
        called = {functions[code] for code in self.called[signal.code] if code in functions}
        deciding = {one for one in called if one.__name__ not in WORDING}
        for function in sorted(deciding, key=lambda one: (one.__module__, one.__name__)):
            module = function.__module__.rpartition(".")[2]
            path = SHARED if module == SHARED.stem else RULES / f"{module}.py"
            for removal in self.shared if path == SHARED else removals(path):
                if removal.function == function.__name__ and removal.function != "recent":
                    where = f"{module}.{removal.function}"
                    yield removal.removed, where, lambda f=function, r=removal: _swapped(f, r)  # type: ignore[misc]


def _neighbours(items: Sequence[pytest.Item]) -> dict[pytest.Item, pytest.Item | None]:
    """Return another test of the same file, for which the fixtures of the file are kept."""
    files: dict[Any, list[pytest.Item]] = defaultdict(list)
    for item in items:
        files[item.parent].append(item)
    return {
        item: next((other for other in files[item.parent][:2] if other is not item), None)
        for item in items
    }


def _asserted(failure: BaseException) -> bool:
    """Return whether it was the test that objected, not the rule that could not run."""
    trace = failure.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_filename.startswith(TESTS)


def _functions() -> Iterator[FunctionType]:
    """Return the functions that rules are made of."""
    for name, module in list(sys.modules.items()):
        if name == "signals.events" or name.startswith("signals.detectors."):
            for value in vars(module).values():
                if isinstance(value, FunctionType) and value.__module__ == name:
                    yield value


def _noting(rule: Callable[[Any], Any], frames: Any, called: set[CodeType]) -> Any:
    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            called.add(frame.f_code)

    former = sys.getprofile()
    sys.setprofile(note)
    try:
        return rule(frames)
    finally:
        sys.setprofile(former)


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _swapped(function: FunctionType, removal: Removal) -> Iterator[None]:
    former = function.__code__
    function.__code__ = removal.code
    try:
        yield
    finally:
        function.__code__ = former


@contextmanager
def _windowless(signal: Signal) -> Iterator[None]:
    former = signal.window_days
    object.__setattr__(signal, "window_days", 365 * 300)
    try:
        yield
    finally:
        object.__setattr__(signal, "window_days", former)


@contextmanager
def _futureless(signal: Signal) -> Iterator[None]:
    former = signals.events.recent

    def recent(when: pl.Expr, asked: Signal, today: date) -> pl.Expr:
        if asked.code != signal.code:
            return former(when, asked, today)
        return (when >= today - timedelta(days=asked.window_days)).fill_null(False)

    signals.events.recent = recent
    try:
        yield
    finally:
        signals.events.recent = former
