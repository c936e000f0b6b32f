"""The tables of the warehouse in a DuckLake, where the settings name one.

Belongs here: handing the tables that serve to ``opendata.lake``, whole or in shares. Does not
belong here: which tables these are (``feed``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from assets.workspace import Workspace
from opendata import lake
from opendata.assembly import Content
from opendata.shares import Share


def published(workspace: Workspace, contents: Mapping[str, Content]) -> lake.Shown | None:
    """Bring the lake to what serves, by this process alone; ``None`` if there is none."""
    if workspace.lake is None:
        return None
    prepared(workspace, contents)
    written(workspace, Share())
    return shown(workspace, contents)


def prepared(workspace: Workspace, contents: Mapping[str, Content]) -> int:
    """Make the empty tables of what changed, and the plan of who writes what; how many."""
    if workspace.lake is None:
        return 0
    return lake.prepare(contents, workspace.lake, environment=os.environ)


def written(workspace: Workspace, share: Share) -> int:
    """Write a share of the rows; return how many."""
    if workspace.lake is None:
        return 0
    return lake.fill(
        workspace.lake,
        share,
        environment=os.environ,
        memory_limit=workspace.memory_limit,
        temporary=workspace.work,
    )


def shown(workspace: Workspace, contents: Mapping[str, Content]) -> lake.Shown | None:
    """Show what all shares wrote, in one transaction."""
    if workspace.lake is None:
        return None
    return lake.show(contents, workspace.lake, workspace.run_id, environment=os.environ)
