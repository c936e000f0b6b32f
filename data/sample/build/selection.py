"""Which of the 13 401 companies of 2017 are bundled.

Belongs here: the choice, made by kind of event and by a hash of the SIREN so that it is the same
every time. Does not belong here: how a company is written.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from daily import Movement
from safety import all_clean, siren_ok

Rule = tuple[str, int | None, Callable[[Movement], bool]]

#: Kind of company, how many at most (None: all), and the movement that makes it one.
RULES: tuple[Rule, ...] = (
    ("reactivated or refused", None, lambda row: row["EVE"] in {"RS", "RE", "RI"}),
    ("transfer between existing sites", 160, lambda row: row["EVE"].startswith("MT")),
    ("site moved", None, lambda row: row["EVE"] == "CTE"),
    ("head office moved", 850, lambda row: row["EVE"] == "CTS"),
    ("extra site", 300, lambda row: row["EVE"] == "CE"),
    ("site closed", 150, lambda row: row["EVE"] == "SE"),
    ("company ended", 450, lambda row: row["EVE"] in {"SU", "SS"}),
    ("company created", 550, lambda row: row["EVE"] == "CS"),
    ("entered diffusion", 60, lambda row: row["VMAJ"] == "D"),
    ("renamed", 120, lambda row: row["VMAJ"] == "F" and row["MNOMEN"] == "1"),
    ("activity changed", 120, lambda row: row["VMAJ"] == "F" and row["MAPEN"] == "1"),
    ("legal form changed", 120, lambda row: row["VMAJ"] == "F" and row["MNJ"] == "1"),
    ("otherwise modified", 250, lambda row: row["VMAJ"] == "F"),
)


def rank(siren: str) -> str:
    """Return a stable pseudo-random order for ``siren``."""
    return hashlib.sha256(f"sample {siren}".encode()).hexdigest()


def admissible(movements: Iterable[Movement]) -> bool:
    """Tell whether a company may be bundled: a legal person whose texts name nobody by title."""
    for row in movements:
        street = f"RUE {row['LIBVOIE']}" if row["TYPVOIE"] else row["LIBVOIE"]
        if row["NJ"][:1] in {"1", "2", ""} or not siren_ok(row.siren):
            return False
        if not all_clean([row["NOMEN_LONG"], row["SIGLE"], row["ENSEIGNE"], row["LIBCOM"], street]):
            return False
    return True


def choose(
    companies: Mapping[str, Sequence[Movement]], wanted: Collection[str]
) -> tuple[list[str], Counter[str]]:
    """Return the SIRENs taken, in order, and how many each reason brought."""
    allowed = {siren for siren, rows in companies.items() if admissible(rows)}
    taken: dict[str, str] = {}

    def take(reason: str, sirens: Iterable[str], limit: int | None = None) -> None:
        fresh = [siren for siren in sirens if siren in allowed and siren not in taken]
        for siren in sorted(set(fresh), key=rank)[:limit]:
            taken[siren] = reason

    take("seen in another source", wanted)
    take("linked with another company", _across(companies))
    take("homonyms", _homonyms(companies))
    for reason, limit, rule in RULES:
        take(reason, (siren for siren, rows in companies.items() if any(map(rule, rows))), limit)
    return sorted(taken), Counter(taken.values())


def _across(companies: Mapping[str, Sequence[Movement]]) -> set[str]:
    ends: set[str] = set()
    for siren, rows in companies.items():
        for row in rows:
            if row["SIRETPS"] and row["SIRETPS"][:9] != siren:
                ends |= {siren, row["SIRETPS"][:9]}
    return ends


def _homonyms(companies: Mapping[str, Sequence[Movement]]) -> set[str]:
    named: dict[str, set[str]] = {}
    for siren, rows in companies.items():
        named.setdefault(rows[-1]["NOMEN_LONG"], set()).add(siren)
    return {siren for sirens in named.values() if len(sirens) > 1 for siren in sirens}
