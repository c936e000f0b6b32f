"""The record of what was done to this data folder, by whom it cannot be rewritten unseen.

Belongs here: what is noted (runs, publications, erasures, releases, rollbacks) and checking
it. Does not belong here: how a record is kept (``opendata.ledger``).
"""

from __future__ import annotations

from typing import Any

from assets.workspace import Workspace
from opendata.ledger import Entry, Ledger


def audit_log(workspace: Workspace) -> Ledger:
    """Return the record of a data folder."""
    return workspace.suppressions.audit


def noted(workspace: Workspace, kind: str, **facts: Any) -> Entry:
    """Add what was done: names of datasets, versions and places, counts; nobody's data."""
    return audit_log(workspace).append(kind, facts, workspace.clock.now())
