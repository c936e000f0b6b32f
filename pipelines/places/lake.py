"""The lake: what it shows, and every earlier state that it keeps.

Belongs here: publishing it anew after an erasure and letting go of its past. Does not belong
here: whom the tables show (``tables``).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from assets import feed
from assets import lake as lakes
from assets.workspace import Workspace
from leads.privacy.facts import Facts
from leads.privacy.receipts import PlaceReport
from opendata import lake
from pipelines.places import Place


@dataclass(frozen=True)
class Lake:
    """The DuckLake of the settings: earlier states go with their files, at once."""

    workspace: Workspace
    name: str = "lake"
    order: int = 91
    follows: bool = True

    def find(self, facts: Facts) -> PlaceReport:
        """Return nothing: it holds what the tables hold, which are counted."""
        return PlaceReport(place=self.name)

    def erase(self, facts: Facts) -> PlaceReport:
        """Write again what is made of other files now, and remove every earlier file."""
        if not facts.of_units or self.workspace.lake is None:
            return PlaceReport(place=self.name)
        lakes.published(self.workspace, feed.warehouse_contents(self.workspace))
        gone = lake.forget(self.workspace.lake, environment=os.environ)
        return PlaceReport(place=self.name, files=gone)


def places(workspace: Workspace) -> Sequence[Place]:
    """Return the places of this module: none where there is no lake."""
    return (Lake(workspace),) if workspace.lake is not None else ()
