"""From settings to the workspace of a run.

Belongs here: the one translation of settings into a workspace and into its resource, which every
command and every process of Dagster takes.
"""

from __future__ import annotations

import os

from assets.workspace import Workspace, WorkspaceResource
from pipelines.settings import Settings


def resource(settings: Settings) -> WorkspaceResource:
    """Return the resource that assets get; what this process writes is its owner's from now on."""
    os.umask(int(settings.umask, 8))
    return WorkspaceResource(
        data_dir=str(settings.data_dir.resolve()),
        bases=settings.bases,
        leads=str(settings.leads.resolve()) if settings.leads else None,
        profiles=str(settings.profiles.resolve()) if settings.profiles else None,
        default_account=settings.default_account,
        leads_complete=settings.leads_complete,
        leads_floor=settings.leads_floor,
        warehouse_personal=settings.warehouse_personal,
        memory_limit=settings.memory_limit,
        changed_ceilings=settings.changed_ceilings,
        attempts=settings.attempts,
        feed_days=settings.feed_days,
        export_url=settings.export_url,
        export_endpoint=settings.export_endpoint,
        export_region=settings.export_region,
        export_encryption=settings.export_encryption,
        feedback=settings.feedback,
        lake=settings.lake,
        lake_data=settings.lake_data,
        lake_days=settings.lake_days,
        shares=settings.shares,
        at=settings.clock.now().isoformat() if settings.at else None,
        asks_again=True,
    )


def open_workspace(settings: Settings) -> Workspace:
    """Return the workspace that the settings describe."""
    return resource(settings).open()
