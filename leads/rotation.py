"""Renewing the key of the leads, so that a kill at any instant leaves one key that opens all.

Belongs here: writing the encrypted files under another key, the change from one to the other,
settling what was killed. Does not belong here: where keys come from (``keys``), the key of the
record (``privacy.renewal``).

All files are written anew beside the old ones first. Then a note says so, each file takes the
place of the old one, which is kept, and at last the old ones go. Until then whoever holds the
old key gets the old files back, and whoever holds the new one the new files.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from leads import keys
from opendata import files
from opendata.catalogue import Model
from opendata.errors import SettingsError, StateError
from opendata.lock import one_writer
from opendata.warehouse import Warehouse, identifier

#: What is under the key of the leads, in the data folder.
DATABASES = ("leads.duckdb", "labels.duckdb")


class Note(Model):
    """How far a rotation got: fingerprints of both keys, and the files it is about."""

    phase: Literal["prepared", "done", "undone"]
    old: str
    new: str
    names: tuple[str, ...]


def rotate(data_dir: Path, old: str, new: str) -> tuple[str, ...]:
    """Put every encrypted file under ``new``; return their names.

    The caller holds the lock and has settled what an earlier rotation left. A key file that
    is in use is replaced in the same change.

    Raises:
        SettingsError: both keys are the same, or the old one does not open the files.
    """
    if old == new:
        raise SettingsError("the new key is the old one", next_step="make another key")
    names = tuple(name for name in DATABASES if (data_dir / name).exists())
    for name in names:
        _written_anew(data_dir / name, old, new, data_dir / "tmp")
    if (key_file := data_dir / "keys" / keys.LEAD_FILE).exists():
        files.write_bytes(_next(key_file), f"{new}\n".encode(), point="rotation-key", private=True)
    note = Note(phase="prepared", old=keys.fingerprint(old), new=keys.fingerprint(new), names=names)
    _write(data_dir, note)
    _forward(data_dir, note)
    return names


def settle(data_dir: Path, key: str) -> None:
    """Finish or undo a rotation that was killed, whichever lets ``key`` open everything.

    Raises:
        SettingsError: ``key`` is neither of the two, or it was renewed already.
        StateError: another process is at work there.
    """
    path = _note_path(data_dir)
    if not path.exists() and not _left(data_dir):
        return
    if path.exists():
        with one_writer(data_dir):
            _settle(data_dir, key)
        return
    try:
        with one_writer(data_dir):
            # Killed before the change: the old files are as they were.
            _sweep(data_dir)
    except StateError:
        # A rotation is being prepared by another process: the files still are the old ones.
        return


def _settle(data_dir: Path, key: str) -> None:
    path = _note_path(data_dir)
    if not path.exists():
        return
    try:
        note = Note.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise StateError(
            "the note of a rotation of keys cannot be read",
            next_step="restore it from a backup",
            file=path.name,
        ) from error
    mark = keys.fingerprint(key)
    if mark == note.new and note.phase != "undone":
        _forward(data_dir, note)
    elif mark == note.old and note.phase != "done":
        _back(data_dir, note)
    else:
        needed = note.old if note.phase == "undone" else note.new
        raise SettingsError(
            f"this is not the key of the leads: its fingerprint is {needed}",
            next_step=f"give that key in {keys.VARIABLE} or by {keys.COMMANDS[keys.VARIABLE]}",
        )


def _written_anew(path: Path, old: str, new: str, temporary: Path) -> None:
    """Write one file under the new key beside it, and read it again."""
    target = _next(path)
    target.unlink(missing_ok=True)
    files.reached("rotation:before-write")
    with Warehouse.encrypted(path, old, temporary=temporary) as database:
        database.copy_encrypted(target, new)
        before = _counts(database)
    with Warehouse.encrypted(target, new, read_only=True, temporary=temporary) as database:
        after = _counts(database)
    if before != after:
        raise StateError(
            "the file under the new key does not hold what the old one does",
            next_step="run again; what was there is unchanged",
            file=path.name,
        )
    _sync(target)
    files.reached("rotation:written")


def _counts(database: Warehouse) -> dict[str, int]:
    tables = database.rows(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database()"
    )
    return {
        name: int(database.rows(f"SELECT count(*) FROM {identifier(name)}")[0][0])  # noqa: S608
        for (name,) in tables
    }


def _forward(data_dir: Path, note: Note) -> None:
    """Put the new files in place, then the new key, then remove the old files."""
    if note.phase == "prepared":
        for path in _paths(data_dir, note):
            if not _next(path).exists():
                continue
            if not _previous(path).exists():
                os.link(path, _previous(path))
            files.replace(_next(path), path, point="rotation-file")
        key_file = data_dir / "keys" / keys.LEAD_FILE
        if _next(key_file).exists():
            files.replace(_next(key_file), key_file, point="rotation-key-file")
        _write(data_dir, note.model_copy(update={"phase": "done"}))
    _sweep(data_dir)
    _note_path(data_dir).unlink()
    files.reached("rotation:settled")


def _back(data_dir: Path, note: Note) -> None:
    """Put the old files back; from here on the new key is of no use."""
    _write(data_dir, note.model_copy(update={"phase": "undone"}))
    for path in _paths(data_dir, note):
        if _previous(path).exists():
            files.replace(_previous(path), path, point="rotation-back")
    _sweep(data_dir)
    _note_path(data_dir).unlink()


def _paths(data_dir: Path, note: Note) -> Sequence[Path]:
    return [data_dir / name for name in note.names]


def _left(data_dir: Path) -> list[Path]:
    named = [data_dir / name for name in DATABASES] + [data_dir / "keys" / keys.LEAD_FILE]
    beside = [made(path) for path in named for made in (_next, _previous)]
    return [path for path in beside if path.exists()]


def _sweep(data_dir: Path) -> None:
    for path in _left(data_dir):
        files.reached("rotation:sweep")
        path.unlink()


def _next(path: Path) -> Path:
    return path.with_name(f".{path.name}.next")


def _previous(path: Path) -> Path:
    return path.with_name(f".{path.name}.previous")


def _note_path(data_dir: Path) -> Path:
    return data_dir / "keys" / "rotation.json"


def _write(data_dir: Path, note: Note) -> None:
    content = json.loads(note.model_dump_json())
    files.write_json(_note_path(data_dir), content, point="rotation-note", private=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
