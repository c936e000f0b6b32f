"""An append-only record in which nothing can be changed unnoticed.

Belongs here: one JSON object a line, each carrying a keyed hash of itself and of the line
before, and the note of how long the record is. Does not belong here: what is recorded.

A line is written and made durable before anything is done on its word. A process killed in
the middle of a line leaves one without its end: it was never said, and the next entry takes
its place. The note beside the file says how many lines there were and is signed too, so that
cutting off the last ones is found.

Under a new key the lines are written anew. Each keeps the hash that it was given first: by it
the entry is named, and found again by whoever noted that hash elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, ValidationError

from opendata import files
from opendata.catalogue import Model
from opendata.errors import StateError

_RESTORE = "restore it from a backup; until then nothing can be shown to be suppressed"
_OTHER_KEY = (
    "give every part of the key, in order; if a part was added to it, run "
    "`company-signals keys rotate --record`"
)
#: Entries of the first form stood beside a note without a signature.
_FORM = 2
#: What the hash of an entry covers, where it has it.
_BODY = ("number", "at", "kind", "facts", "form", "first")


class Entry(Model):
    """One line: its number from 1, when, what kind, the facts, its form, and the chain.

    ``first`` is the hash it had before the key was renewed.
    """

    number: int
    at: AwareDatetime
    kind: str
    facts: dict[str, Any]
    form: int = 1
    first: str = ""
    previous: str
    hash: str

    @property
    def id(self) -> str:
        """Return the name of the entry, which it keeps under every key."""
        return (self.first or self.hash)[:16]


class _Note(Model):
    """How many entries there are, the hash of the last, which key, and the signature of it."""

    entries: int
    hash: str
    key: str = ""
    signature: str = ""


Facts = Mapping[str, Any]


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
            self._require_length(())
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
        if not before:
            # Without it a first entry that lost its note would pass for one just killed.
            self._note(0, "")
        body = {"number": number, "at": at.isoformat(), "kind": kind, "facts": dict(facts)}
        chained = self._chained({**body, "form": _FORM}, previous)
        files.append_line(self.path, _line(chained), point="ledger")
        self._note(number, chained["hash"])
        return Entry.model_validate(chained)

    def written_anew(
        self, path: Path, key: bytes, change: Callable[[str, Facts], Facts] | None = None
    ) -> Ledger:
        """Write every entry to another file under another key; return the record there.

        Args:
            path: the new file; one that is there is replaced.
            key: signs the new chain.
            change: gives the facts of an entry, from its kind and facts; unchanged without it.
        """
        other, previous, lines = Ledger(path, key), "", []
        for entry in self.entries():
            facts = change(entry.kind, entry.facts) if change else entry.facts
            said = {"number": entry.number, "at": entry.at.isoformat(), "kind": entry.kind}
            body = {**said, "facts": dict(facts), "form": _FORM, "first": entry.first or entry.hash}
            chained = other._chained(body, previous)
            previous = chained["hash"]
            lines.append(_line(chained) + b"\n")
        files.write_bytes(path, b"".join(lines), point="ledger-anew", private=True)
        other._note(len(lines), previous)
        return other

    def _read(self) -> tuple[Entry, ...]:
        self._require_key()
        entries: list[Entry] = []
        previous = ""
        for line in self.path.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            entry = self._checked(line, len(entries) + 1, previous)
            previous = entry.hash
            entries.append(entry)
        self._require_length(entries)
        return tuple(entries)

    def _checked(self, line: bytes, number: int, previous: str) -> Entry:
        try:
            content = json.loads(line)
            entry = Entry.model_validate(content)
            body = {name: content[name] for name in _BODY if name in content}
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise self._broken(f"line {number} is not an entry") from error
        right = (number, previous, self._hash(previous, body))
        if (entry.number, entry.previous, entry.hash) != right:
            raise self._broken(f"line {number} does not follow from the one before")
        return entry

    def _chained(self, body: Mapping[str, Any], previous: str) -> dict[str, Any]:
        return {**body, "previous": previous, "hash": self._hash(previous, body)}

    def _hash(self, previous: str, body: Mapping[str, Any]) -> str:
        text = json.dumps([previous, body], sort_keys=True, ensure_ascii=False)
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    def _mark(self) -> str:
        """Return what tells the keys of two records apart."""
        return self._hash("key", {})[:16]

    @property
    def _head(self) -> Path:
        return self.path.with_suffix(".head.json")

    def _note(self, number: int, last: str) -> None:
        note = {"entries": number, "hash": last}
        signed = {**note, "key": self._mark(), "signature": self._hash("note", note)}
        files.write_json(self._head, signed, point="ledger-head", private=True)

    def _noted(self) -> _Note | None:
        if not self._head.exists():
            return None
        try:
            return _Note.model_validate_json(self._head.read_bytes())
        except ValidationError as error:
            raise self._broken("the note of its length cannot be read") from error

    def _require_length(self, entries: Sequence[Entry]) -> None:
        """Refuse a file shorter than it was; one entry more is a process killed before its note."""
        note, number = self._noted(), len(entries)
        signed = bool(entries) and entries[-1].form >= _FORM
        if note is None:
            if number > 1 or signed:
                raise self._broken("the note of its length is missing")
            return
        said = {"entries": note.entries, "hash": note.hash}
        if (signed or note.signature) and note.signature != self._hash("note", said):
            raise self._broken("the note of its length is not the one that was written")
        known = entries[note.entries - 1].hash if 0 < note.entries <= number else ""
        if not note.entries <= number <= note.entries + 1 or known != note.hash:
            raise self._broken(f"it had {note.entries} entries and has {number}")

    def _require_key(self) -> None:
        """Refuse another key in other words than a change: nothing is lost by it."""
        note = self._noted()
        if note is not None and note.key not in ("", self._mark()):
            raise StateError(
                "the record is under another key", next_step=_OTHER_KEY, file=self.path.name
            )

    def _broken(self, what: str) -> StateError:
        return StateError(f"the record is damaged: {what}", next_step=_RESTORE, file=self.path.name)


def _line(chained: Mapping[str, Any]) -> bytes:
    return json.dumps(chained, ensure_ascii=False).encode()
