"""Where things stand in the charts, in SVG units.

Belongs here: geometry from counts. Does not belong here: colours (``style.css``), words.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
from typing import Any

from pipelines.report.facts import Week, consecutive, week_label

#: Families that have a colour of their own; the rarer ones share the last.
COLOURS = 7
_HEIGHT = 200
_BAR, _STEP, _GAP = 18, 24, 20
_LEFT = 40
#: Overseas départements, drawn as tiles: their outlines would not be to scale.
OVERSEAS = {
    "971": "Guadeloupe",
    "972": "Martinique",
    "973": "Guyane",
    "974": "La Réunion",
    "976": "Mayotte",
}
CLASSES = 5


@dataclass(frozen=True)
class Part:
    """One part of a bar."""

    x: float
    y: float
    width: float
    height: float
    colour: int
    family: str
    count: int


@dataclass(frozen=True)
class Bar:
    """The bar of one week; ``label`` stands below where it is not empty."""

    week: str
    x: float
    label: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Columns:
    """The chart of the weeks."""

    width: float
    height: float
    baseline: float
    bars: tuple[Bar, ...]
    lines: tuple[tuple[float, int], ...]
    legend: tuple[tuple[str, int], ...]


def columns(weeks: Sequence[Week]) -> Columns:
    """Return stacked bars, one per week, set apart where weeks without signals lie between."""
    totals = Counter[str]()
    for week in weeks:
        totals.update(week.counts)
    order = [family for family, _ in sorted(totals.items(), key=lambda one: (-one[1], one[0]))]
    colour = {family: min(at, COLOURS - 1) for at, family in enumerate(order)}
    highest = max((sum(week.counts.values()) for week in weeks), default=0)
    top = nice(highest)
    bars, x, year = [], float(_LEFT), None
    for at, week in enumerate(weeks):
        if at:
            x += _STEP if consecutive(weeks[at - 1], week) else _STEP + _GAP
        parts, y = [], float(_HEIGHT)
        for family in order:
            count = week.counts.get(family, 0)
            if count:
                height = count / top * (_HEIGHT - 20)
                y -= height
                parts.append(
                    Part(x, round(y, 2), _BAR, round(height, 2), colour[family], family, count)
                )
        shown = week.monday.isocalendar().year
        bars.append(
            Bar(week_label(week.monday), x, str(shown) if shown != year else "", tuple(parts))
        )
        year = shown
    lines = [
        (round(_HEIGHT - step / 2 * (_HEIGHT - 20), 2), round(top * step / 2)) for step in range(3)
    ]
    return Columns(
        max(x + _STEP + 6, 320),
        _HEIGHT + 26,
        _HEIGHT,
        tuple(bars),
        tuple(lines),
        tuple((family, colour[family]) for family in order),
    )


def nice(highest: int) -> int:
    """Return the end of an axis: a round even number, so that half of it is one too."""
    power: int = 10 ** int(math.log10(max(highest, 1)))
    steps = (1, 2, 3, 4, 5, 6, 8, 10) if power > 1 else (2, 4, 6, 8, 10)
    return next(step * power for step in steps if step * power >= highest)


@dataclass(frozen=True)
class Area:
    """A département on the map; ``level`` is 0 where nothing was signalled."""

    code: str
    name: str
    path: str
    level: int
    count: int


@dataclass(frozen=True)
class Map:
    """The map, its classes and whom to name for the outlines."""

    view_box: str
    areas: tuple[Area, ...]
    paris: tuple[Area, ...]
    overseas: tuple[Area, ...]
    classes: tuple[tuple[int, int, int], ...]
    source: str
    licence: str
    licence_url: str
    changes: str

    @property
    def names(self) -> dict[str, str]:
        """Return code → name of what is drawn."""
        return {one.code: one.name for one in (*self.areas, *self.overseas)}


def outlines() -> dict[str, Any]:
    """Return the bundled outlines of the départements, with their source and licence."""
    text = resources.files("pipelines.report").joinpath("departements.json")
    return dict(json.loads(text.read_text(encoding="utf-8")))


def departements(counts: Mapping[str, int]) -> Map:
    """Return the map of France, the counts in classes of about as many départements each."""
    drawn = outlines()
    found = sorted(count for count in counts.values() if count)
    limits = _limits(found)

    def area(code: str, name: str, path: str) -> Area:
        count = counts.get(code, 0)
        level = next((at for at, (low, high) in enumerate(limits, 1) if low <= count <= high), 0)
        return Area(code, name, path, level, count)

    mainland = [area(code, one["name"], one["path"]) for code, one in drawn["departements"].items()]
    return Map(
        view_box=" ".join(str(part) for part in drawn["view_box"]),
        areas=tuple(mainland),
        paris=tuple(one for one in mainland if one.code in ("75", "92", "93", "94")),
        overseas=tuple(area(code, name, "") for code, name in OVERSEAS.items()),
        classes=tuple((level, low, high) for level, (low, high) in enumerate(limits, 1)),
        source=drawn["source"],
        licence=drawn["licence"],
        licence_url=drawn["licence_url"],
        changes=drawn["changes"],
    )


def _limits(found: Sequence[int]) -> list[tuple[int, int]]:
    """Return the first and last count of each class, none of them empty."""
    if not found:
        return []
    cuts = sorted({found[len(found) * step // CLASSES] for step in range(CLASSES)})
    ends = [after - 1 for _, after in pairwise(cuts)] + [found[-1]]
    return list(zip(cuts, ends, strict=True))
