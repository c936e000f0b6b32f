"""The object store that the exports are mirrored to.

Belongs here: making it forget what the exports forgot. Does not belong here: how it is
brought to what they say (``signals.feed.remote``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assets import feed
from assets.workspace import Workspace
from leads.privacy.facts import Facts
from leads.privacy.receipts import PlaceReport
from pipelines.places import Place


@dataclass(frozen=True)
class Mirror:
    """The streams in the store: they hold what the local ones held when last mirrored.

    What the bucket itself keeps of deleted objects (versioning, backups) is out of reach
    of the publisher's key; docs/feed.md says how a bucket must be set up.
    """

    workspace: Workspace
    name: str = "mirror of the exports"
    order: int = 85
    follows: bool = True

    def find(self, facts: Facts) -> PlaceReport:
        """Return nothing: it holds what the exports hold, which are counted."""
        return PlaceReport(place=self.name)

    def erase(self, facts: Facts) -> PlaceReport:
        """Mirror the exports, which have forgotten; what they no longer name is removed."""
        sent = feed.mirrored(self.workspace) if facts and self.workspace.exports.exists() else None
        files = sent.objects + sent.swept if sent else 0
        return PlaceReport(place=self.name, files=files)


def places(workspace: Workspace) -> Sequence[Place]:
    """Return the places of this module."""
    return (Mirror(workspace),) if workspace.export_to is not None else ()
