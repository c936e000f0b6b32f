"""Detecting what is new, by one process or in shares.

Belongs here: which rules have something to look at, and what becomes of what they find. Does not
belong here: the rules, the log, the asset (``feed``).

In shares the events are dealt by company: the number of the unit decides, which every event has
and which cuts evenly, where departments do not. What
one source says of another's event is brought together afterwards, over all shares.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from assets import contradictions, discovery
from assets.frames import StoreFrames
from assets.parts import AGAIN, Parts
from assets.workspace import Workspace
from opendata.clock import Clock
from opendata.errors import StateError
from opendata.shares import Share
from signals.contract import CANDIDATE_SCHEMA
from signals.detect import detect_all
from signals.doubts import Doubts
from signals.log import Appended
from signals.merging import merged
from signals.registry import Detector, registry
from signals.withdrawn import withdrawn

NAME = "detection"


@dataclass(frozen=True)
class _Look:
    """What one run looks at: the versions that serve, seen from those last looked at."""

    frames: StoreFrames
    seen: Mapping[str, str]
    detectors: Mapping[str, Detector]


def detect(workspace: Workspace) -> Appended:
    """Run every detector over what is new and add the result to the log."""
    look = _look(workspace)
    found, left_out = _found(workspace, look, None)
    return _append(workspace, look, found, left_out)


def plan_detection(workspace: Workspace) -> dict[str, Any]:
    """Say what all shares look at, and on which instant; return how many rules there are."""
    parts, look = Parts(workspace, NAME), _look(workspace)
    parts.begin()
    parts.planned({"at": workspace.clock.now().isoformat(), "about": _about(look)})
    return {"rules with something to look at": len(look.detectors)}


def detect_share(workspace: Workspace, share: Share) -> int:
    """Run the detectors over the companies of ``share``; return how many events there were."""
    parts = Parts(workspace, NAME)
    workspace, look = _planned(parts)
    found, left_out = _found(workspace, look, share)
    told = pl.DataFrame({"code": [*left_out], "events": [*left_out.values()]}, schema=_LEFT_OUT)
    parts.write(f"left-out-{share.number}", told)
    parts.write(f"found-{share.number}", found)
    return found.height


def gather_detection(workspace: Workspace) -> Appended:
    """Add what all shares found to the log.

    Raises:
        StateError: a share was not done, or what serves changed since the plan.
    """
    parts = Parts(workspace, NAME)
    planned, look = _planned(parts)
    found = [parts.read(f"found-{share.number}") for share in parts.shares()]
    left_out = pl.concat([parts.read(f"left-out-{share.number}") for share in parts.shares()])
    counted = left_out.group_by("code").agg(pl.col("events").sum()).sort("code")
    ordered = pl.concat(found).cast(CANDIDATE_SCHEMA).sort("time", "type", "subject", "signalid")
    appended = _append(planned, look, ordered, dict(counted.iter_rows()))
    parts.end()
    return appended


_LEFT_OUT = pl.Schema({"code": pl.String(), "events": pl.Int64()})


def _planned(parts: Parts) -> tuple[Workspace, _Look]:
    """Return the workspace as of the plan, and what it looks at."""
    plan = parts.plan()
    at = Clock.at(datetime.fromisoformat(plan["at"]))
    workspace = replace(parts.workspace, clock=at)
    look = _look(workspace)
    if _about(look) != plan["about"]:
        raise StateError("what is looked at changed while it was looked at", next_step=AGAIN)
    return workspace, look


def _about(look: _Look) -> str:
    return json.dumps([look.seen, look.frames.cursors, sorted(look.detectors)], sort_keys=True)


def _look(workspace: Workspace) -> _Look:
    store, cursors = workspace.store, dict(workspace.log.state().cursors)
    seen = {
        name: version.id
        for name in discovery.sources()
        if (version := store.current(name)) is not None
    }
    owners = discovery.owners()
    moved = {name for name, version in seen.items() if cursors.get(name, version) != version}
    # A rule none of whose sources moved has nothing new to say, unless time alone makes it speak.
    concerned = {
        code: detector
        for code, detector in registry().items()
        if any(owners[table].name in moved for table in detector.signal.inputs)
        or (detector.signal.time_driven and not cursors.keys().isdisjoint(detector.signal.datasets))
    }
    frames = StoreFrames(store, owners, workspace.clock.today(), cursors)
    return _Look(frames, seen, concerned)


def _found(
    workspace: Workspace, look: _Look, share: Share | None
) -> tuple[pl.DataFrame, dict[str, int]]:
    left_out: dict[str, int] = {}
    found = detect_all(
        look.frames,
        recorded=workspace.clock.now(),
        run_id=workspace.run_id,
        detectors=look.detectors,
        left_out=left_out,
        share=share,
    )
    return found, left_out


def _append(
    workspace: Workspace, look: _Look, found: pl.DataFrame, left_out: Mapping[str, int]
) -> Appended:
    """Bring together what several sources say, withdraw what no longer holds, and log it."""
    log, now, run_id = workspace.log, workspace.clock.now(), workspace.run_id
    gone = withdrawn(look.frames, log.current(), recorded=now, run_id=run_id)
    found, gone = merged(look.frames, log.current(), found, gone, recorded=now, run_id=run_id)
    compared = contradictions.read(workspace)
    doubts = None if compared is None else Doubts(compared, now, run_id)
    return replace(log.append(found, look.seen, gone, doubts), left_out=left_out)
