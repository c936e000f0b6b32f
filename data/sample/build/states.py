"""What the register knew at a date.

Belongs here: which movement gives the state of a company or of an establishment at an instant,
looking back to the last movement or, before the first one, to what that movement shows of the
past. Does not belong here: columns of any file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from daily import UNIT_ENDS, Movement


@dataclass(frozen=True)
class State:
    """A known state: the movement that shows it, whether it is active, whether it is dated.

    ``dated`` is false when the state is only deduced from a later movement: the files then say
    nothing of when it began.
    """

    movement: Movement
    active: bool
    dated: bool
    head_office: str


def by_key(
    movements: Iterable[Movement], key: Literal["siren", "siret"]
) -> dict[str, list[Movement]]:
    """Group movements by company or establishment, order kept."""
    groups: defaultdict[str, list[Movement]] = defaultdict(list)
    for movement in movements:
        groups[movement.siren if key == "siren" else movement.siret].append(movement)
    return dict(groups)


def establishment(movements: Sequence[Movement], instant: str) -> State | None:
    """Return the state of one establishment at ``instant``; None if not in the public file."""
    past = [row for row in movements if row["DATEMAJ"] < instant and not row.before]
    if past:
        last = past[-1]
        return State(last, last["VMAJ"] != "E", dated=True, head_office=last["NICSIEGE"])
    first = movements[0]
    if first["VMAJ"] == "D":
        return None
    if first["VMAJ"] == "C":
        if first["EVE"] in {"RS", "RE"}:
            return State(first, active=False, dated=False, head_office=first["NICSIEGE"])
        return None
    return State(first, active=True, dated=False, head_office=first["NICSIEGE"])


def _ended(movements: Sequence[Movement]) -> bool:
    """Tell whether the company has ended and nothing has brought it back."""
    ended = False
    for row in movements:
        if row["VMAJ"] != "E":
            ended = False
        elif row["EVE"] in UNIT_ENDS:
            ended = True
    return ended


def unit(movements: Sequence[Movement], instant: str) -> State | None:
    """Return the state of one company at ``instant``; None if not in the public file."""
    past = [row for row in movements if row["DATEMAJ"] < instant and not row.before]
    # The departure of a transfer still shows the old head office.
    settled = [row for row in past if row["EVE"] not in {"STS", "STE"}]
    if settled:
        last = settled[-1]
        ended = _ended(settled)
        return State(last, not ended, dated=True, head_office=last["NICSIEGE"])
    first = movements[0]
    created = first["VMAJ"] == "C" and first["EVE"] in {"CS", ""}
    # A site that comes back to life belongs to a company that was there before.
    revived = any(row["EVE"] in {"RS", "RE"} for row in movements)
    if first["VMAJ"] == "D" or (created and not revived):
        return None
    ceased = created or (first["VMAJ"] == "C" and first["EVE"] == "RS")
    office = first["NICSIEGE"]
    if first["EVE"] == "CTS" and first["SIRETPS"].startswith(first.siren):
        office = first["SIRETPS"][9:]
    return State(first, not ceased, dated=False, head_office=office)
