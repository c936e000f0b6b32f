"""What to start and what to undo because of the feed.

Belongs here: the rule of who may be acted upon, and giving each task once. Does not belong here:
the tasks themselves, which are the consumer's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from signals.reader.errors import StaleError
from signals.reader.feed import Feed
from signals.reader.manifest import Manifest
from signals.reader.rows import Row, instant
from signals.reader.state import STANDS, Change, State

_ATTEMPTS = 5
#: A second source tells the event of a signal: another one stands for both.
_MERGED = "identity_merge"


@dataclass(frozen=True)
class Task:
    """Something to do: ``start`` a workflow on a signal, or ``undo`` the one it started.

    Attributes:
        kind: what to do.
        row: the row because of which.
        signalid: the signal under whose name the workflow was or is to be started; not that of
            ``row`` where another signal took over (``identity_merge``).
    """

    kind: Literal["start", "undo"]
    row: Row
    signalid: str


@dataclass(frozen=True)
class Rule:
    """Whom a workflow is for.

    Attributes:
        accept: verdicts on the match that are good enough.
        selling: the purpose is a seller's contact: opportunities only, and no suppressed lead.
    """

    accept: tuple[str, ...] = ("confirmed",)
    selling: bool = True


def catch_up(feed: Feed, state: State) -> Manifest:
    """Bring ``state`` to what the feed says; return the publication it then agrees with.

    Raises:
        StaleError: publications kept coming in between; what was applied is kept, call again.
        StopError: a person must look; what was applied before is kept.
    """
    for left in reversed(range(_ATTEMPTS)):
        said = feed.manifest()
        try:
            for batch in feed.read(state.cursor, said):
                state.apply(batch)
        except StaleError:
            if not left:
                raise
            continue
        return said
    raise AssertionError("unreachable")


def tasks(
    feed: Feed, state: State, rule: Rule | None = None, now: datetime | None = None
) -> Iterator[Task]:
    """Read the news and yield what to do, each task once.

    A task counts as done when the next one is asked for: a process that dies before gets it
    again, so let the work be idempotent by ``signalid``.

    After an ``identity_merge`` the work goes on: it belongs to the signal that tells the event
    now, and is undone when that one is withdrawn. Where none was begun, it is as any other.

    Args:
        feed: the stream.
        state: what is kept of it.
        rule: whom the workflow is for.
        now: the instant at which signals expire; that of the machine by default.
    """
    judge = _Judge(feed, catch_up(feed, state), rule or Rule(), now or datetime.now(UTC))
    changes = state.changes()
    # First of all: a signal that takes over may come before the one that it replaces.
    state.done((one.row, one.begun) for one in changes if _goes_on(one))
    waiting = state.handed_on()
    silent: list[tuple[Row, str | None]] = []
    for change in changes:
        if _goes_on(change):
            continue
        over = change.kind in ("withdrawn", "erased")
        former = None if over or change.begun else _former(change.row, waiting)
        if over and change.begun:
            yield Task("undo", change.row, change.begun)
            state.done([(change.row, None)])
        elif former is not None:
            waiting.remove(former)
            state.done([(change.row, former.begun), (former.row, None)])
        elif over or change.begun or not judge.ever(change.row):
            silent.append((change.row, None if over else change.begun))
        elif judge.now(change.row):
            signalid = str(change.row["signalid"])
            yield Task("start", change.row, signalid)
            state.done([(change.row, signalid)])
    state.done(silent)


def _goes_on(change: Change) -> bool:
    """Return whether work that was begun goes on although its signal was withdrawn."""
    merged = change.kind == "withdrawn" and change.row.get("reason") == _MERGED
    return merged and change.begun is not None


def _former(row: Row, waiting: Iterable[Change]) -> Change | None:
    """Return the signal from which the one of ``row`` takes over its work, if it does.

    It is about the same lead and company and has the records of both.
    """
    for one in waiting:
        own = _records(row)
        told = len(own) > 1 or row["reason"] == _MERGED
        same = all(one.row[name] == row[name] for name in ("lead_id", "siren"))
        if told and same and _records(one.row) <= own:
            return one
    return None


def _records(row: Row) -> set[tuple[str, str]]:
    return {(one["dataset_id"], one["record_key"]) for one in row["evidence"]}


class _Judge:
    """Tells what may be acted upon: see the rules in docs/feed.md."""

    def __init__(self, feed: Feed, said: Manifest, rule: Rule, now: datetime) -> None:
        self._rule, self._instant = rule, now
        status = feed.table("source_status", said)
        self._gaps = {row["dataset"] for row in status if row["state"] == "GAP"}
        types = feed.table("signal_types", said)
        self._sold = {row["type"] for row in types if row["polarity"] == "opportunity"}
        scores = feed.table("lead_scores", said)
        self._silent = {
            (row["lead_id"], row["siren"]) for row in scores if row["suppressed_by"] is not None
        }

    def ever(self, row: Row) -> bool:
        """Return whether the row is for this workflow, be it later."""
        verdict = row["match_status"]
        return (
            row["op"] in STANDS
            and not row["is_baseline"]
            and not row["is_mass_operation"]
            and row["prospecting_allowed"]
            and (verdict is None or verdict in self._rule.accept)
            and not (self._rule.selling and row["type"] not in self._sold)
            and instant(row["expirytime"]) > self._instant
        )

    def now(self, row: Row) -> bool:
        """Return whether no gap of a source and no other signal of the lead forbids it today."""
        in_gap = any(record["dataset_id"] in self._gaps for record in row["evidence"])
        silent = self._rule.selling and (row["lead_id"], row["siren"]) in self._silent
        return not in_gap and not silent
