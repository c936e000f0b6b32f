"""States of insolvency, as the warehouse takes them.

Belongs here: making the table from the judgments that serve, and the question of a day. Does not
belong here: what judgments come to (``signals/insolvency.py``).
"""

from __future__ import annotations

from pathlib import Path

from assets.workspace import Workspace
from opendata import parquet
from opendata.assembly import Content
from signals.insolvency import COLUMNS, periods

TABLE = "insolvency_states"
JUDGMENTS, NOTICES = "bodacc__insolvencies", "bodacc__notices"
_AS_OF = f"""
SELECT * FROM {TABLE} WHERE since <= day AND (until IS NULL OR until > day)
"""  # noqa: S608 - a name of ours, no input


def content(workspace: Workspace) -> dict[str, Content]:
    """Write the states and say where they are; nothing before the first judgments are loaded.

    The table is made anew each time: a judgment that was annulled leaves no state behind.
    """
    store = workspace.store
    if store.current("bodacc") is None:
        return {}
    rows = periods(store.scan(JUDGMENTS), store.scan(NOTICES))
    target = workspace.data_dir / "tables" / f"{TABLE}.parquet"
    parquet.sink(rows, target, sort_by=("siren", "since"), point=TABLE)
    return described(target)


def described(path: Path) -> dict[str, Content]:
    """Return the table in the file ``path``, and the question of a day, with what they mean."""
    comment = (
        "State of insolvency of each company, from one judgment to the next, as BODACC now stands "
        "/ État de procédure collective de chaque société, d'un jugement au suivant"
    )
    asked = "State of insolvency on a day / État de procédure collective à une date"
    return {
        TABLE: Content([path], ("siren", "since"), comment, COLUMNS),
        f"{TABLE}_as_of": Content((), (), asked, COLUMNS, query=_AS_OF, parameters=("day",)),
    }
