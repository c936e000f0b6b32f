"""What is shown when keys are renewed and copies are made or brought back.

Belongs here: carrying such a command out and saying what was done. Does not belong here: how it
is done (``leads.rotation``, ``backup``, ``restore``, ``migrations``).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from rich.text import Text

from assets.workspace import Workspace
from leads import keys, rotation
from leads.privacy import renewal
from opendata.errors import SettingsError
from opendata.lock import one_writer
from pipelines.audit import audit_log, noted
from pipelines.backup import backup
from pipelines.backup_places import place_of
from pipelines.console import console
from pipelines.maintenance import shown_table
from pipelines.migrations import migrate
from pipelines.restore import restore
from pipelines.settings import load_settings
from signals.feed.sealing import unseal


def print_backup(workspace: Workspace, to: str, keep: int | None) -> None:
    """Make a copy and say what is in it."""
    made = backup(workspace, place_of(to, load_settings(data_dir=workspace.data_dir)), keep=keep)
    older = f"; {made.removed} older removed" if made.removed else ""
    console.print(
        f"Backup {made.id}: {made.files:,} files, {made.bytes:,} bytes, {made.sent:,} new "
        f"parts{older}. The keys are not in it: keep them elsewhere."
    )


def print_restored(workspace: Workspace, source: str, name: str | None) -> None:
    """Bring a copy back and say what was taken out of it again."""
    done = restore(workspace, place_of(source, load_settings(data_dir=workspace.data_dir)), name)
    console.print(
        f"Restored {done.id}: {done.files:,} files, {done.taken_out:,} rows taken out again. "
        "The next run makes the index and the warehouse."
    )
    if done.unread:
        console.print(
            "The mirror of the exports could not be read: restore once more when it answers, or "
            "empty it before the next run."
        )


def print_migrated(workspace: Workspace) -> None:
    """Take the steps that are missing and say how many."""
    with one_writer(workspace.data_dir):
        taken = migrate(workspace.data_dir)
        if taken:
            noted(workspace, "migration", steps=taken)
    console.print(f"{taken} step(s) taken; the data folder is of the format of this release.")


def print_keys(workspace: Workspace) -> None:
    """Print where the keys come from."""
    table = shown_table("", "key", "from", "parts", "fingerprint")
    named = ((keys.VARIABLE, keys.LEAD_FILE), (keys.RECORD_VARIABLE, keys.RECORD_FILE))
    for variable, file in named:
        path = workspace.data_dir / "keys" / file
        given = keys.is_given(os.environ, variable)
        if given is None and not path.exists():
            table.add_row(file, "none yet", "", "")
            continue
        key = keys.load(path, os.environ, variable=variable, make=False)
        source, parts = Text(given or "its file, mode 0600"), str(len(keys.parts_of(key)))
        table.add_row(Text(file), source, parts, keys.fingerprint(key))
    console.print(table)


def print_rotated(workspace: Workspace) -> None:
    """Renew the key and say what to do with it."""
    with one_writer(workspace.data_dir):
        old = workspace.lead_key
        outside = keys.is_given(os.environ)
        new = keys.given(os.environ, keys.NEW_VARIABLE)
        if new is None and outside is not None:
            raise SettingsError(
                f"the key comes from {outside}, so must the new one",
                next_step=f"set {keys.NEW_VARIABLE} or {keys.COMMANDS[keys.NEW_VARIABLE]}",
            )
        names = rotation.rotate(workspace.data_dir, old, new or keys.fresh())
        mark = keys.fingerprint(new) if new else ""
        noted(workspace, "rotation", files=list(names), old=keys.fingerprint(old))
    console.print(f"Under the new key: {', '.join(names) or 'nothing was encrypted yet'}.")
    if outside is not None:
        console.print(f"Give the new key ({mark}) in place of {outside} from now on.")


def print_record_rotated(workspace: Workspace) -> None:
    """Bring the record under a further part of its key, and say what to keep.

    Raises:
        SettingsError: the key comes from outside and has no part that is new to the record.
    """
    at = workspace.clock.now()
    with one_writer(workspace.data_dir):
        key, outside = workspace.record_key, keys.is_given(os.environ, keys.RECORD_VARIABLE)
        done = renewal.renew(workspace.data_dir, key, at)
        if done is None and outside is not None:
            raise SettingsError(
                f"the record is under every part of the key that {outside} gives",
                next_step="add a part there, behind a comma (`openssl rand -hex 32`); run again",
            )
        if done is None:
            key = keys.with_part(key, keys.fresh())
            done = renewal.renew(workspace.data_dir, key, at, key_file=True)
    if done is None:
        console.print("Nothing is on record yet: there is nothing to renew.")
    else:
        console.print(
            f"Under the new key: {done.entries:,} entries of suppressions, {done.audit:,} of the "
            f"audit log, {done.receipts:,} receipts. All {len(keys.parts_of(key))} parts of the "
            "key are needed from now on: keep them together, apart from the backups."
        )


def print_unsealed(source: Path, to: Path, key_file: Path) -> None:
    """Open an encrypted stream and say how many tables it has."""
    tables = unseal(source, to, keys.read(key_file), temporary=to / ".tmp")
    shutil.rmtree(to / ".tmp", ignore_errors=True)
    console.print(f"{tables:,} tables opened.")


def print_audit(workspace: Workspace, rows: int) -> None:
    """Print the last entries of what was done, once the chain was checked."""
    entries = audit_log(workspace).entries() if workspace.suppressions.folder.exists() else ()
    table = shown_table("", "number", "at", "what", "facts", right=("number",))
    for one in entries[-rows:]:
        told = ", ".join(f"{name}={value}" for name, value in one.facts.items())
        table.add_row(str(one.number), one.at.isoformat(), one.kind, Text(told))
    console.print(table)
