"""What is noted of an account's files of feedback: what was read, how far its consumers are.

Belongs here: forgetting it with the account. Does not belong here: what was said of leads, which
goes with them (``customers``); the platform's own files, which it removes itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assets.feedback import feedback_folders
from assets.workspace import Workspace
from leads.privacy.facts import Facts
from leads.privacy.receipts import PlaceReport
from pipelines.places import Place


@dataclass(frozen=True)
class Notes:
    """The folder of each account under ``feedback/``; it holds no lead and no signal."""

    workspace: Workspace
    name: str = "notes on feedback"
    order: int = 62
    follows: bool = False

    def find(self, facts: Facts) -> PlaceReport:
        """Return how many files are noted of the accounts concerned."""
        files = sum(1 for folder in self._concerned(facts) for _ in folder.rglob("*.json*"))
        return PlaceReport(place=self.name, rows=files, files=files)

    def erase(self, facts: Facts) -> PlaceReport:
        """Remove their folders; the note that names the account goes last."""
        found = self.find(facts)
        for folder in self._concerned(facts):
            shutil.rmtree(folder / "refused", ignore_errors=True)
            shutil.rmtree(folder)
        return found

    def _concerned(self, facts: Facts) -> list[Path]:
        if not facts.accounts:
            return []
        keys = self.workspace.suppressions.keys()
        return [
            folder
            for folder, account in feedback_folders(self.workspace).items()
            if account is not None and keys.account(account) in facts.accounts
        ]


def places(workspace: Workspace) -> Sequence[Place]:
    """Return the places of this module."""
    return (Notes(workspace),)
