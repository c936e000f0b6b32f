"""An append-only record in which nothing can be changed unnoticed.

Belongs here: one JSON object a line, each carrying a keyed hash of itself and of the line
before, and the note of how long the record is. Does not belong here: what is recorded.

A line is written and made durable before anything is done on its word. A process killed in
the middle of a line leaves one without its end: it was never said, and the next entry takes
its place. The note beside the file says how many lines there were, so that cutting off the
last ones is found too.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime

from opendata import files
from opendata.catalogue import Model
from opendata.errors import StateError

_RESTORE = "restore it from a backup; until then nothing can be shown to be suppressed"


class Entry(Model):
    """One line: its number from 1, when, what kind, the facts, and the chain."""

    number: int
    at: AwareDatetime
    kind: str
    facts: dict[str, Any]
    previous: str
    hash: str


class Ledger:
    """The record in one file; one process writes at a time.

    Args:
        path: the file, made with mode 0600 on the first entry.
        key: signs the chain, so that who has the file alone cannot forge it.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        self.path = path
        self._key = key
        self._seen: tuple[tuple[int, int], tuple[Entry, ...]] | None = None

    def entries(self) -> tuple[Entry, ...]:
        """Return every entry, oldest first, once the chain was checked.

        Raises:
            StateError: a line was changed, removed or added by somebody else.
        """
        if not self.path.exists():
            self._require_length(0, "")
            return ()
        stat = self.path.stat()
        seen = (stat.st_mtime_ns, stat.st_size)
        if self._seen is None or self._seen[0] != seen:
            self._seen = (seen, self._read())
        return self._seen[1]

    def append(self, kind: str, facts: Mapping[str, Any], at: datetime) -> Entry:
        """Add an entry; it is on the disk when this returns."""
        before = self.entries()
        previous = before[-1].hash if before else ""
        number = len(before) + 1
        body = {"number": number, "at": at.isoformat(), "kind": kind, "facts": dict(facts)}
        chained = {**body, "previous": previous, "hash": self._hash(previous, body)}
        entry = Entry.model_validate(chained)
        line = json.dumps(chained, ensure_ascii=False)
        files.append_line(self.path, line.encode(), point="ledger")
        self._note(entry)
        return entry

    def _read(self) -> tuple[Entry, ...]:
        entries: list[Entry] = []
        previous = ""
        for line in self.path.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            entry = self._checked(line, len(entries) + 1, previous)
            previous = entry.hash
            entries.append(entry)
        self._require_length(len(entries), previous)
        return tuple(entries)

    def _checked(self, line: bytes, number: int, previous: str) -> Entry:
        try:
            content = json.loads(line)
            entry = Entry.model_validate(content)
            body = {name: content[name] for name in ("number", "at", "kind", "facts")}
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise self._broken(f"line {number} is not an entry") from error
        right = (number, previous, self._hash(previous, body))
        if (entry.number, entry.previous, entry.hash) != right:
            raise self._broken(f"line {number} does not follow from the one before")
        return entry

    def _hash(self, previous: str, body: Mapping[str, Any]) -> str:
        text = json.dumps([previous, body], sort_keys=True, ensure_ascii=False)
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    @property
    def _head(self) -> Path:
        return self.path.with_suffix(".head.json")

    def _note(self, entry: Entry) -> None:
        note = {"entries": entry.number, "hash": entry.hash}
        files.write_json(self._head, note, point="ledger-head", private=True)

    def _require_length(self, number: int, last: str) -> None:
        """Refuse a file shorter than it was; one entry more is a process killed before its note."""
        if not self._head.exists():
            if number > 1:
                raise self._broken("the note of its length is missing")
            return
        try:
            note = json.loads(self._head.read_bytes())
            entries, noted = int(note["entries"]), str(note["hash"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise self._broken("the note of its length cannot be read") from error
        if not entries <= number <= entries + 1 or (number == entries and last != noted):
            raise self._broken(f"it had {entries} entries and has {number}")

    def _broken(self, what: str) -> StateError:
        return StateError(f"the record is damaged: {what}", next_step=_RESTORE, file=self.path.name)
