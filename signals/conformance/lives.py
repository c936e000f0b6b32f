"""Publications of invented lives of a log, from which the scenarios are made.

Belongs here: what happens in which order, each publication kept in a folder. Does not belong
here: what a consumer must make of them (:mod:`signals.conformance.scenarios`).
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from signals.conformance import doctored
from signals.feed.fixtures import World, siren

_FLAWED = 10


@dataclass(frozen=True)
class Truth:
    """A good publication, kept in a folder."""

    folder: Path
    erased: tuple[int, ...] = ()

    def copy(self, target: Path) -> Path:
        """Copy it, to be changed."""
        return doctored.copied(self.folder, target)


def lives(work: Path) -> tuple[Truth, ...]:
    """Publish the life of a log, and keep each publication."""
    world = World(work / "world")
    every = len(world.signals)
    size = every + 3 * _FLAWED

    def publish(name: str, *erased: int) -> Truth:
        return Truth(doctored.copied(world.publish(size), work / name), erased)

    world.tell(range(every))
    world.tell(range(every, every + _FLAWED), flawed=True)
    first = publish("first")
    world.tell(range(4), amount=2)
    world.retract(4, 5, 6)
    corrected = publish("corrected")
    world.erase(7, 8)
    world.tell(range(every + _FLAWED, every + 2 * _FLAWED))
    erased = publish("erased", 7, 8)
    world.tell(range(5, 6), amount=3)
    again = publish("again", 7, 8)
    world.gap = True
    in_gap = publish("in-gap", 7, 8)
    world.gap = False
    after_gap = publish("after-gap", 7, 8)
    world.tell(range(2), amount=4)
    stream = world.publish(size, window=timedelta(days=2))
    compacted = Truth(doctored.copied(stream, work / "compacted"), (7, 8))
    shutil.rmtree(world.folder)
    return first, corrected, erased, again, in_gap, after_gap, compacted


def merging(work: Path) -> tuple[Truth, Truth, Truth, Truth, tuple[str, ...]]:
    """Let a second source tell an event that was told, and annul what stands for both.

    Returns:
        One source, both, something else later, the annulment; and the ids of both signals.
    """
    world = World(work / "merging")

    def publish(name: str) -> Truth:
        return Truth(doctored.copied(world.publish(2), work / name))

    world.tell(range(1), code="hq_moved_in")
    world.tell(range(1, 2))
    first = publish("merging-first")
    world.merge(0, "hq_moved")
    both = publish("merging-both")
    world.tell(range(1, 2), amount=2)
    later = publish("merging-later")
    world.retract(0)
    annulled = publish("merging-annulled")
    shutil.rmtree(world.folder)
    of_both = doctored.rows_of(both.folder).filter(siren=siren(0))
    goes_on = tuple(of_both["signalid"].unique().sort())
    return first, both, later, annulled, goes_on
