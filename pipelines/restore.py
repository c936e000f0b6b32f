"""Bringing a backup back, less what was erased since.

Belongs here: the order in which it is fetched, cleared and shown. Does not belong here: what a
copy is (``backup``), what clearing means (``privacy``).

Everything is fetched and checked in a folder aside. There the newest record of suppressions is
put, and whatever is on it taken out, before the first file takes its place. A kill before that
leaves the folder as it was; after it, the next restore goes on where this one stopped.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from assets.workspace import Workspace
from leads import keys, rotation
from leads.privacy import renewal
from opendata import files, folder_format
from opendata.errors import StateError
from opendata.lock import one_writer
from pipelines.audit import noted
from pipelines.backup import fetch, read_list
from pipelines.backup_places import BackupPlace
from pipelines.migrations import migrate
from pipelines.numbering import go_on_above
from pipelines.privacy import reapply

_ASIDE, _FORMER = folder_format.ASIDES
#: Stays where it is: it is not of the copy, and the lock is held through it.
_STAYS = frozenset({".lock", "keys", _ASIDE, _FORMER, "sample", "replay", "dagster", "README.md"})


@dataclass(frozen=True)
class Restored:
    """What a restore did.

    Attributes:
        id: of the copy.
        files: in it.
        taken_out: rows taken out of it again.
        unread: the mirror could not be read.
    """

    id: str
    files: int
    taken_out: int
    unread: bool = False


def restore(workspace: Workspace, place: BackupPlace, name: str | None = None) -> Restored:
    """Put a copy in the place of the data folder; the latest if none is named.

    The keys must be there already: they are in no copy.

    Raises:
        StateError: the copy is damaged or newer than this release, a key is missing, or its
            record of suppressions is not the one of this folder.
    """
    data_dir = workspace.data_dir
    with one_writer(data_dir):
        if (data_dir / folder_format.RESTORING).exists():
            _shown(data_dir)
            return Restored("the one begun earlier", 0, 0)
        _require_key(workspace)
        chosen, made = read_list(workspace, place, name)
        aside = data_dir / _ASIDE
        for left in (aside, data_dir / _FORMER):
            shutil.rmtree(left, ignore_errors=True)
        aside.mkdir(mode=0o700)
        files.require_free(data_dir, sum(one.bytes for one in made.files))
        for one in made.files:
            fetch(place, one, aside)
        taken_out, unread = _cleared(workspace, aside)
        files.write_json(
            data_dir / folder_format.RESTORING, {"backup": chosen}, point="restore-ready"
        )
        _shown(data_dir)
        noted(replace(workspace), "restore", backup=chosen, taken_out=taken_out)
    return Restored(chosen, len(made.files), taken_out, unread)


def _require_key(workspace: Workspace) -> None:
    """Refuse to make a new key of the record: it would recognise nobody in the copy."""
    path = workspace.data_dir / "keys" / keys.RECORD_FILE
    if not path.exists() and keys.is_given(os.environ, keys.RECORD_VARIABLE) is None:
        raise StateError(
            "the key of the record is not here",
            next_step="put keys/record.key and keys/lead.key back, or set their variables",
        )


def _cleared(workspace: Workspace, aside: Path) -> tuple[int, bool]:
    """Take out of the copy what is on record here or there, its streams numbered anew.

    Returns:
        How many rows were taken out, and whether the mirror could not be read.
    """
    if (workspace.data_dir / "keys").exists():
        shutil.copytree(workspace.data_dir / "keys", aside / "keys")
    there = replace(workspace, data_dir=aside, export_to=None)
    # The key may have been renewed since the copy was made.
    renewal.renew(aside, workspace.record_key, workspace.clock.now())
    _newest_record(workspace, there)
    migrate(aside)
    # Opened anew: the record may be another one now.
    there = replace(there)
    if (aside / rotation.DATABASES[0]).exists():
        # A copy that the key does not open is refused before anything is replaced.
        there.lead_store.usage()
    # First of all: what is taken out is told in the streams, under numbers of its own.
    unread = go_on_above(workspace, there)
    reports = reapply(there)
    for name in ("keys", "tmp"):
        shutil.rmtree(aside / name, ignore_errors=True)
    (aside / ".lock").unlink(missing_ok=True)
    files.reached("restore:cleared")
    return sum(one.rows for one in reports), unread


def _newest_record(workspace: Workspace, there: Workspace) -> None:
    """Put the longer of two records into the copy; one must begin with the other.

    Raises:
        StateError: they differ, so that one of them is of another folder.
    """
    here, target = workspace.data_dir / "privacy", there.data_dir / "privacy"
    known, earlier = workspace.suppressions.entries(), there.suppressions.entries()
    common = min(len(known), len(earlier))
    if known[:common] != earlier[:common]:
        raise StateError(
            "the record of suppressions of the backup is not the one of this folder",
            next_step="restore into another data folder",
        )
    if here.exists() and len(known) >= len(earlier):
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(here, target)


def _shown(data_dir: Path) -> None:
    """Put what is aside in its place, name by name; doing it again goes on."""
    aside, former = data_dir / _ASIDE, data_dir / _FORMER
    emptied = aside / "emptied.json"
    if not emptied.exists():
        former.mkdir(mode=0o700, exist_ok=True)
        for path in sorted(data_dir.iterdir()):
            if path.name not in _STAYS:
                path.rename(former / path.name)
                files.reached("restore:out")
        files.write_json(emptied, {}, point="restore-emptied")
    ready = data_dir / folder_format.RESTORING
    for path in sorted(aside.iterdir()):
        if path not in (emptied, ready):
            path.rename(data_dir / path.name)
            files.reached("restore:in")
    shutil.rmtree(former, ignore_errors=True)
    files.reached("restore:former-removed")
    # First what says that there is something to do: the rest is of no use after it.
    ready.unlink()
    files.reached("restore:settled")
    shutil.rmtree(aside)
