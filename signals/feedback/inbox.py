"""Where platforms leave their files: a folder, or a prefix of an object store.

Belongs here: which names are files of feedback and of which stream, and getting their bytes. Does
not belong here: what they say (:mod:`signals.feedback.files`).

The folders are those of the exports: ``accounts/<account>/`` and ``company/``. A platform may
write to its own only; the pipeline never writes here, nor removes anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from opendata.errors import SettingsError
from opendata.stores import Store
from signals.feedback.files import MAX_BYTES, Kind

_FILE = re.compile(
    r"(?P<stream>company|accounts/[^/.][^/]*)/"
    r"(?P<kind>feedback|consumer_offsets)[^/]*\.(?:jsonl|parquet)"
)


@dataclass(frozen=True)
class Letter:
    """A file: its stream's folder, what its rows are, and how to get its bytes."""

    name: str
    stream: str
    kind: Kind
    body: Callable[[], bytes]


@dataclass(frozen=True)
class Inbox:
    """All files of one place, by name.

    Attributes:
        letters: what lies there.
        final: a name never gets other bytes there, so that what was read need not be asked again.
    """

    letters: Sequence[Letter]
    final: bool


def of_folder(folder: Path) -> Inbox:
    """Return the files under ``folder``; those that are being written have other names.

    Raises:
        SettingsError: there is no such folder.
    """
    if not folder.is_dir():
        raise SettingsError(
            "the folder of feedback does not exist",
            next_step="make it, or correct SIGNALS_FEEDBACK",
            file=folder.name,
        )

    def body(name: str) -> bytes:
        with (folder / name).open("rb") as file:
            return file.read(MAX_BYTES + 1)  # one more: enough to be refused

    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return Inbox(_letters(names, body), final=False)


def of_store(store: Store) -> Inbox:
    """Return the objects of a store."""

    def body(name: str) -> bytes:
        held = store.get(name)
        return b"" if held is None else held.body

    return Inbox(_letters(store.names(""), body), final=True)


def _letters(names: Iterable[str], body: Callable[[str], bytes]) -> list[Letter]:
    found = []
    for name in sorted(names):
        if parts := _FILE.fullmatch(name):
            kind = cast(Kind, parts["kind"])
            found.append(Letter(name, parts["stream"], kind, lambda at=name: body(at)))  # type: ignore[misc]
    return found
