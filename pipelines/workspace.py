"""From settings to the workspace of a run.

Belongs here: the one translation of settings into a workspace and into its resource.
"""

from __future__ import annotations

from assets.workspace import Workspace, WorkspaceResource
from pipelines.settings import Settings


def resource(settings: Settings) -> WorkspaceResource:
    """Return the resource that assets get."""
    return WorkspaceResource(
        data_dir=str(settings.data_dir.resolve()),
        bases=settings.bases,
        leads=str(settings.leads.resolve()) if settings.leads else None,
        default_account=settings.default_account,
        memory_limit=settings.memory_limit,
        changed_ceilings=settings.changed_ceilings,
        attempts=settings.attempts,
        at=settings.clock.now().isoformat() if settings.at else None,
    )


def open_workspace(settings: Settings) -> Workspace:
    """Return the workspace that the settings describe."""
    return resource(settings).open()
