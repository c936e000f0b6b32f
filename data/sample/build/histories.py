"""The periods that the movements of 2017 tell, in INSEE's format of 2026.

Belongs here: which states follow one another, and what differs between them. Does not belong
here: one state (``states.py``), the columns it gives (``official.py``).

A state known from the files makes a period; it ends on the day before the next state starts. The
first one starts with the creation where the files tell no other date, and has no start where the
establishment was closed since nobody knows when. A state that starts no later than the one before
it is a correction and replaces it. What the files do not tell stays empty, its flag too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta

from daily import Movement
from states import State

Row = dict[str, str]

#: Empty in 2017 means that INSEE did not know, so that two states do not compare.
SOCIAL = "economieSocialeSolidaireUniteLegale"
#: Flag of the history → columns that it speaks of; those that 2017 does not tell are not here.
UNIT_FLAGS = {
    "changementEtatAdministratifUniteLegale": "etatAdministratifUniteLegale",
    "changementDenominationUniteLegale": "denominationUniteLegale",
    "changementCategorieJuridiqueUniteLegale": "categorieJuridiqueUniteLegale",
    "changementActivitePrincipaleUniteLegale": "activitePrincipaleUniteLegale",
    "changementNicSiegeUniteLegale": "nicSiegeUniteLegale",
    "changementEconomieSocialeSolidaireUniteLegale": SOCIAL,
}
SITE_FLAGS = {
    "changementEtatAdministratifEtablissement": "etatAdministratifEtablissement",
    "changementEnseigneEtablissement": "enseigne1Etablissement",
    "changementActivitePrincipaleEtablissement": "activitePrincipaleEtablissement",
}


def periods(
    movements: Sequence[Movement],
    vintage: str,
    state_at: Callable[[Sequence[Movement], str], State | None],
    row_of: Callable[[State], Row],
    flags: dict[str, str],
) -> list[Row]:
    """Return the periods that ``vintage`` knows, the current one first."""
    found: list[Row] = []
    for instant in _instants(movements, vintage):
        state = state_at(movements, instant)
        if state is None:
            continue
        row = row_of(state)
        if found and row["dateDebut"] == found[-1]["dateDebut"]:
            found[-1] = row
        elif found and not _later(row["dateDebut"], found[-1]["dateDebut"]):
            found = [row]
        else:
            found.append(row)
    for number, row in enumerate(found):
        before = found[number - 1] if number else None
        row["dateFin"] = _day_before(found[number + 1]["dateDebut"]) if found[number + 1 :] else ""
        for flag, column in flags.items():
            row[flag] = "false" if before is None else _differs(row, before, column)
    return found[::-1]


def _instants(movements: Iterable[Movement], vintage: str) -> list[str]:
    """Return before everything, and after each movement that ``vintage`` knows."""
    known = {row["DATEMAJ"] for row in movements if row["DATEMAJ"] < vintage}
    return ["", *(f"{instant}~" for instant in sorted(known))]


def _differs(row: Row, before: Row, column: str) -> str:
    if column == SOCIAL and not (row[column] and before[column]):
        return ""
    return "true" if row[column] != before[column] else "false"


def _later(start: str, before: str) -> bool:
    return bool(start) and start > before


def _day_before(day: str) -> str:
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()
