"""What a person should be told without having to look: gaps, held versions, deadlines, failures.

Belongs here: what is worth an alert, and that it is told once. Does not belong here: the
ways it takes (:mod:`pipelines.alert_channels`). Commands and Dagster share one memory in the
data folder, so that both may watch it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import polars as pl
from pydantic import TypeAdapter, ValidationError

from assets.workspace import Workspace
from opendata.errors import OpenDataError, SettingsError
from opendata.files import write_json
from opendata.lock import in_turn
from opendata.source_status import last_attempt
from pipelines.alert_channels import LOG, Alert, Channel, LogLine, channels, send
from pipelines.privacy import deadlines
from pipelines.settings import Settings

#: Days after which what still stands is told again.
REMIND = 7
#: Beginning of the keys of what failed in a run of the command line: only such a run knows it.
FAILED = "failed:"
Memory = dict[str, dict[str, date]]
_MEMORY = TypeAdapter(Memory)


def standing(workspace: Workspace) -> list[Alert]:
    """Return what waits for a person in the data folder now; so does what cannot be read there."""
    if not workspace.data_dir.exists():
        return []
    found: list[Alert] = []
    for what, look in _LOOKS.items():
        try:
            found += look(workspace)
        except Exception as error:
            # The text of an unforeseen error may quote data, so only its kind is told.
            why = str(error) if isinstance(error, OpenDataError) else type(error).__name__
            title = f"{what} cannot be looked at"
            found.append(Alert(f"unreadable:{what}", title, f"{why} See `company-signals status`."))
    return found


def _held(workspace: Workspace) -> Iterable[Alert]:
    for name in workspace.store.datasets():
        for version in workspace.store.state(name).versions:
            if version.status == "held":
                yield Alert(
                    f"held:{name}:{version.id}",
                    f"{name}: a version waits for you",
                    f"{version.reason or 'held'}. The version before it serves. Look at it with "
                    f"`company-signals quarantine {name}`, publish it with "
                    f"`company-signals release {name}`.",
                )


def _gaps(workspace: Workspace) -> Iterable[Alert]:
    gaps = workspace.source_status().filter(pl.col("state") == "GAP")
    for name, message in gaps.select("dataset", "message").iter_rows():
        # One that was never asked for is nobody's loss; a held version is told as such.
        asked = last_attempt(workspace.data_dir, name) is not None
        if asked and not message.startswith("held: "):
            yield Alert(
                f"gap:{name}",
                f"{name}: readers see a gap",
                f"{message} What serves stays. See `company-signals status`.",
            )


def _deadlines(workspace: Workspace) -> Iterable[Alert]:
    for one in deadlines(workspace):
        if one.state != "waiting":
            yield Alert(
                f"request:{one.request}:{one.state.replace(' ', '-')}",
                f"a request about personal data is {one.state}",
                f"The {one.action} of a {one.kind} is due by {one.due_on} (request {one.request}). "
                "Run its command again to finish it; `company-signals status` lists them.",
            )


#: What is looked at → how.
_LOOKS: Mapping[str, Callable[[Workspace], Iterable[Alert]]] = {
    "held versions": _held,
    "gaps": _gaps,
    "requests": _deadlines,
}


def failed(failures: Mapping[str, str]) -> list[Alert]:
    """Return the alerts of what failed in a run: asset or dataset → why."""
    return [Alert(f"{FAILED}{place}", f"{place} failed", why) for place, why in failures.items()]


def after_run(workspace: Workspace, failures: Mapping[str, str], settings: Settings) -> None:
    """Tell what a run of the command line left to a person.

    What the command prints is its log. An alert that cannot be sent is told there and does not
    change the result of the run.
    """
    found = standing(workspace)
    gaps = {one.key.partition(":")[2] for one in found if one.key.startswith("gap:")}
    own = failed({place: why for place, why in failures.items() if place not in gaps})
    tell(workspace, [*found, *own], [way for way in ways(settings) if way.name != "log"])


@contextmanager
def alerting(workspace: Workspace, settings: Settings) -> Iterator[None]:
    """Tell of what ends the block before its end; an error of ours in its words.

    What was typed or set wrongly is told to whoever typed it, by the command itself.
    """
    try:
        yield
    except SettingsError:
        raise
    except Exception as error:
        # The text of an unforeseen error may quote data, so only its kind is told.
        ours = isinstance(error, OpenDataError)
        why = str(error) if ours else f"unforeseen {type(error).__name__}."
        after_run(workspace, {"the run": why}, settings)
        raise


def ways(settings: Settings) -> list[Channel]:
    """Return the ways that are set; the log alone, and why, if one of them cannot be used."""
    try:
        return channels(settings, os.environ)
    except SettingsError as error:
        LOG.error("alerts go to the log only", why=error.what, todo=error.next_step)
        return [LogLine()]


def tell(
    workspace: Workspace, alerts: Sequence[Alert], by: Sequence[Channel], *, kept: str = ""
) -> list[Alert]:
    """Tell what was not told within :data:`REMIND` days, and forget what no longer stands.

    Args:
        workspace: the data folder, which keeps what was told by which way.
        alerts: everything that stands.
        by: the ways.
        kept: beginning of the keys that this caller cannot judge: they are not forgotten.

    Returns:
        The alerts for which at least one way was due.
    """
    path = _memory(workspace)
    if not alerts and not path.exists():
        return []
    # A command and a sensor that look at once would both tell, and one forget what the other told.
    with in_turn(path.with_name(".told.lock")):
        return _told(path, workspace.clock.today(), alerts, by, kept)


def _told(
    path: Path, today: date, alerts: Sequence[Alert], by: Sequence[Channel], kept: str
) -> list[Alert]:
    known = _read(path)
    now: Memory = {k: told for k, told in known.items() if kept and k.startswith(kept)}
    told = []
    for one in alerts:
        before = known.get(one.key, {})
        due = [way for way in by if _is_due(before.get(way.name), today)]
        arrived = send(one, due)
        now[one.key] = {**before, **dict.fromkeys(sorted(arrived), today)}
        if due:
            told.append(one)
    if now != known:
        write_json(path, _MEMORY.dump_python(now, mode="json"), point="alerts")
    return told


def _memory(workspace: Workspace) -> Path:
    return workspace.data_dir / "state" / "alerts" / "told.json"


def _read(path: Path) -> Memory:
    """Return key → way → day it was told; a damaged note only means that all is told again."""
    try:
        return _MEMORY.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return {}


def _is_due(last: date | None, today: date) -> bool:
    return last is None or last + timedelta(days=REMIND) <= today
