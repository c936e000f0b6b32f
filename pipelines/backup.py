"""A copy of the data folder elsewhere: made whole, checked whole.

Belongs here: what is copied, the list of it, and removing old copies. Does not belong here: the
place it goes to (``backup_places``), bringing it back (``restore``).

Files go in parts named by their hash, so that what did not change is sent once. The list comes
last: a copy that was killed does not exist. It is signed with the key of the record. Keys are
not in it: a copy that holds its own key protects nothing.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, ValidationError

from assets.workspace import Workspace
from leads import rotation
from opendata import folder_format
from opendata.catalogue import Model
from opendata.errors import StateError
from opendata.files import json_bytes, reached
from opendata.lock import one_writer
from pipelines.audit import noted
from pipelines.backup_places import BackupPlace
from pipelines.privacy import DEADLINE_DAYS

#: Bytes of a part.
PART = 32 << 20
#: Never copied: keys, what the next run makes anew, temporary files, what is no data of a run.
LEFT_OUT = frozenset(
    {"keys", "index", "tmp", "warehouse.duckdb", "sample", "replay", "dagster", "README.md"}
)


class CopiedFile(Model):
    """A file: path in the data folder, size, hash, mode, and the hashes of its parts."""

    path: str
    bytes: int
    sha256: str
    mode: int
    parts: tuple[str, ...]


class Copy(Model):
    """The list of a copy: formats, instant, files, signature."""

    format: Literal[1] = 1
    folder_format: int
    made_at: AwareDatetime
    files: tuple[CopiedFile, ...]
    signature: str = ""


@dataclass(frozen=True)
class Made:
    """What a backup did: its id, files and bytes in it, parts sent, older copies removed."""

    id: str
    files: int
    bytes: int
    sent: int
    removed: int


def backup(workspace: Workspace, place: BackupPlace, *, keep: int | None = None) -> Made:
    """Copy the data folder while nobody writes to it.

    Args:
        workspace: the data folder.
        place: where to.
        keep: copies that stay there, this one included; all of them if not given. Copies that
            hold somebody who was erased go in any case once the erasure is due.

    Raises:
        StateError: another run is writing, or a file changed while it was read.
    """
    with one_writer(workspace.data_dir):
        # Of an earlier release too: who is to migrate a folder is told to make a copy first.
        folder_format.require(workspace.data_dir, older=True)
        number = folder_format.found(workspace.data_dir)
        # Opens the record first: a renewal of its key that was killed is settled by that.
        workspace.suppressions.keys()
        readable = number == folder_format.FORMAT
        if readable and (workspace.data_dir / rotation.DATABASES[0]).exists():
            # Opens the leads: a copy that its key does not open would be none.
            workspace.lead_store.usage()
        known = place.parts()
        copied, sent = [], 0
        for path in _files(workspace.data_dir):
            one, new = _copied(workspace.data_dir, path, place, known)
            copied.append(one)
            sent += new
        made = Copy(
            folder_format=number,
            made_at=workspace.clock.now(),
            files=tuple(copied),
        )
        name = _free_id(place, workspace.run_id)
        reached("backup:before-list")
        place.put_list(name, json_bytes(_signed(workspace, made).model_dump(mode="json")))
        reached("backup:after-list")
        removed = _thinned(place, keep, _must_go(workspace))
        noted(workspace, "backup", backup=name, files=len(copied), sent=sent, removed=removed)
    return Made(name, len(copied), sum(one.bytes for one in copied), sent, removed)


def read_list(workspace: Workspace, place: BackupPlace, name: str | None) -> tuple[str, Copy]:
    """Return the id and list of a copy, the latest if none is named, once it was checked.

    Raises:
        StateError: there is none, it is of a newer format, or it is not the one written.
    """
    names = place.lists()
    if not names or (name is not None and name not in names):
        raise StateError("there is no such backup", next_step="look at what is in that place")
    chosen = name or names[-1]
    try:
        content = json.loads(place.get_list(chosen))
        number = int(content["format"]), int(content["folder_format"])
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged("its list cannot be read") from error
    if number > (1, folder_format.FORMAT):
        raise StateError(
            "the backup was made by a newer release",
            next_step="install that release or a newer one",
        )
    try:
        made = Copy.model_validate(content)
    except ValidationError as error:
        raise _damaged("its list cannot be read") from error
    if not workspace.suppressions.signed(_body(made), made.signature):
        raise StateError(
            "the list of the backup is not the one that was written, or is signed with another key",
            next_step="put the key of the record back (keys/record.key or SIGNALS_RECORD_KEY); "
            "if it is there, take another backup",
        )
    return chosen, made


def fetch(place: BackupPlace, one: CopiedFile, folder: Path) -> None:
    """Bring one file of a copy back under ``folder``, checked part by part.

    Raises:
        StateError: it is damaged, or its path leads elsewhere.
    """
    target = folder / one.path
    if not target.resolve().is_relative_to(folder.resolve()) or one.path.startswith("/"):
        raise _damaged("a path leads out of the data folder")
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    whole = hashlib.sha256()
    target.unlink(missing_ok=True)
    target.touch(mode=0o600)
    with target.open("wb") as stream:
        for part in one.parts:
            body = place.get_part(part)
            if body is None or hashlib.sha256(body).hexdigest() != part:
                raise _damaged("a part is missing or is not the one that was written")
            whole.update(body)
            stream.write(body)
    if whole.hexdigest() != one.sha256 or target.stat().st_size != one.bytes:
        raise _damaged("a file is not the one that was written")
    target.chmod(stat.S_IMODE(one.mode))
    reached("restore:fetched")


def _files(data_dir: Path) -> Iterator[Path]:
    for top in sorted(data_dir.iterdir()):
        if top.name in LEFT_OUT or top.name.startswith("."):
            continue
        found = sorted(top.rglob("*")) if top.is_dir() else [top]
        for path in found:
            inside = path.relative_to(data_dir).parts
            if path.is_file() and not any(part.startswith(".") for part in inside):
                yield path


def _copied(
    data_dir: Path, path: Path, place: BackupPlace, known: set[str]
) -> tuple[CopiedFile, int]:
    """Send the parts of a file that are not there yet; return its entry and how many went."""
    whole, parts, sent, size = hashlib.sha256(), [], 0, 0
    with path.open("rb") as stream:
        while body := stream.read(PART):
            whole.update(body)
            size += len(body)
            part = hashlib.sha256(body).hexdigest()
            parts.append(part)
            if part not in known:
                place.put_part(part, body)
                reached("backup:part")
                known.add(part)
                sent += 1
    entry = path.stat()
    if entry.st_size != size:
        raise StateError(
            "a file changed while it was copied",
            next_step="run again when nothing else writes to the data folder",
            file=path.name,
        )
    name = path.relative_to(data_dir).as_posix()
    mode = stat.S_IMODE(entry.st_mode)
    return CopiedFile(
        path=name, bytes=size, sha256=whole.hexdigest(), mode=mode, parts=tuple(parts)
    ), sent


def _signed(workspace: Workspace, made: Copy) -> Copy:
    return made.model_copy(update={"signature": workspace.suppressions.sign(_body(made))})


def _body(made: Copy) -> bytes:
    return json_bytes(made.model_copy(update={"signature": ""}).model_dump(mode="json"))


def _free_id(place: BackupPlace, wanted: str) -> str:
    taken = set(place.lists())
    return next(name for n in range(1, 10_000) if (name := f"{wanted}-{n:04d}") not in taken)


def _must_go(workspace: Workspace) -> datetime | None:
    """Return the instant before which no copy may stay: it holds somebody who was to be erased.

    What was erased may stand in copies made before for as long as an erasure may take.
    """
    last = workspace.clock.today() - timedelta(days=DEADLINE_DAYS)
    done = (
        one.done_at
        for one in workspace.suppressions.requests()
        if one.action != "restrict" and one.done_at is not None and one.asked_on <= last
    )
    return max(done, default=None)


def _thinned(place: BackupPlace, keep: int | None, before: datetime | None) -> int:
    """Remove copies beyond those to ``keep`` or made ``before``, then parts that no list names."""
    if not keep and before is None:
        return 0
    lists = {name: json.loads(place.get_list(name)) for name in place.lists()}
    *earlier, _latest = lists
    beyond = set(earlier[: len(lists) - keep] if keep else ())
    gone = [
        name
        for name in earlier
        if name in beyond
        or (before is not None and datetime.fromisoformat(lists[name]["made_at"]) < before)
    ]
    for name in gone:
        place.remove_list(name)
        reached("backup:list-removed")
        del lists[name]
    named = {part for one in lists.values() for entry in one["files"] for part in entry["parts"]}
    for part in sorted(place.parts() - named):
        place.remove_part(part)
    return len(gone)


def _damaged(what: str) -> StateError:
    return StateError(f"the backup is damaged: {what}", next_step="restore another backup")
