"""Alerts that did not arrive by every way, kept until they do.

Belongs here: the note of each such alert and sending it again. Does not belong here: what stands
in the data folder and is told from there (:mod:`pipelines.alerts`): a failed run leaves nothing
there that a later look would find.

One file an alert, so that two sensors never write the same one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from assets.workspace import Workspace
from opendata.files import write_json
from pipelines.alert_channels import LOG, Alert, Channel, send

#: Days after which an alert that never arrived is given up, and that is told in the log.
GIVEN_UP = 7


class Kept(BaseModel):
    """An alert and the ways that it still has to take."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    title: str
    text: str
    ways: tuple[str, ...]
    since: date


def tell_surely(workspace: Workspace, alert: Alert, by: Sequence[Channel]) -> None:
    """Send an alert, and keep it for the ways by which it did not arrive."""
    left = {way.name for way in by} - send(alert, by)
    if left:
        _keep(workspace, alert, sorted(left), workspace.clock.today())


def tell_again(workspace: Workspace, by: Sequence[Channel]) -> list[str]:
    """Send what was kept by the ways that it lacks; return the keys of what arrived now.

    A way that is no longer set is waited for no more.
    """
    arrived = []
    for path in sorted(_folder(workspace).glob("*.json")):
        try:
            kept = Kept.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            path.unlink(missing_ok=True)
            continue
        alert = Alert(kept.key, kept.title, kept.text)
        due = [way for way in by if way.name in kept.ways]
        left = sorted({way.name for way in due} - send(alert, due))
        if left and workspace.clock.today() < kept.since + timedelta(days=GIVEN_UP):
            _keep(workspace, alert, left, kept.since)
            continue
        path.unlink(missing_ok=True)
        if left:
            LOG.error("alert given up", title=kept.title, ways=left, days=GIVEN_UP)
        else:
            arrived.append(kept.key)
    return arrived


def _keep(workspace: Workspace, alert: Alert, left: Sequence[str], since: date) -> None:
    kept = Kept(key=alert.key, title=alert.title, text=alert.text, ways=tuple(left), since=since)
    name = hashlib.sha256(alert.key.encode()).hexdigest()[:16]
    path = _folder(workspace) / f"{name}.json"
    write_json(path, kept.model_dump(mode="json"), point="alerts-again")


def _folder(workspace: Workspace) -> Path:
    return workspace.data_dir / "state" / "alerts" / "undelivered"
