"""Records deep inside a JSON document as lines of JSON.

Belongs here: finding one array in a document of any size and copying its items, in bounded
memory. Does not belong here: columns of text (:mod:`opendata.json_text`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from opendata.errors import ContractError

#: Characters read at a time, and of the largest single value.
CHUNK, LARGEST = 1 << 20, 1 << 26


class _Reading:
    """A document under a cursor; only what lies ahead of the cursor is kept."""

    def __init__(self, source: IO[str]) -> None:
        self._source = source
        self._text = ""
        self._at = 0
        self._ended = False
        self._decoder = json.JSONDecoder()

    def _more(self) -> bool:
        chunk = "" if self._ended else self._source.read(max(CHUNK, len(self._text) - self._at))
        self._ended = not chunk
        self._text, self._at = self._text[self._at :] + chunk, 0
        if len(self._text) > LARGEST:
            raise ValueError(f"a value is longer than {LARGEST:,} characters")
        return bool(chunk)

    def peek(self) -> str:
        """Return the next character that is not white space; empty at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at].isspace():
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, wanted: str) -> None:
        """Go past ``wanted``, which must come next."""
        found = self.peek()
        if found != wanted:
            raise ValueError(f"{wanted!r} is missing where {found or 'the end'!r} stands")
        self._at += 1

    def value(self) -> str:
        """Return the next value, whatever it is, as its text in one line."""
        self.peek()
        while True:
            try:
                _, end = self._decoder.raw_decode(self._text, self._at)
                # A number at the end of what was read may go on.
                if end < len(self._text) or not self._more():
                    break
            except json.JSONDecodeError:
                if not self._more():
                    raise
        found, self._at = self._text[self._at : end], end
        return found.replace("\n", " ").replace("\r", " ")


def array_as_lines(path: Path, records: str, target: Path) -> None:
    """Write each item of an array of ``path`` to ``target``, one a line, digits unchanged.

    Args:
        path: the document, one object.
        records: keys from the root to the array, e.g. ``marches/marche``.
        target: the file to write.

    Raises:
        ContractError: not JSON, or without that array.
    """
    try:
        with (
            path.open(encoding="utf-8-sig") as source,
            target.open("w", encoding="utf-8") as sink,
        ):
            for item in _items(_Reading(source), records.split("/")):
                sink.write(item + "\n")
    except (ValueError, RecursionError) as error:
        raise ContractError(
            f"not readable as JSON with {records}: {error}",
            next_step="fetch it again; if the publisher changed its shape, change `records`",
            file=path.name,
        ) from error


def _items(reading: _Reading, way: list[str]) -> Iterator[str]:
    for key in way:
        _enter(reading, key)
    reading.take("[")
    if reading.peek() == "]":
        return
    while True:
        yield reading.value()
        if reading.peek() == "]":
            return
        reading.take(",")


def _enter(reading: _Reading, wanted: str) -> None:
    """Go to the value of a key of the object that comes next."""
    reading.take("{")
    while reading.peek() not in ("}", ""):
        key = json.loads(reading.value())
        reading.take(":")
        if key == wanted:
            return
        reading.value()
        if reading.peek() == ",":
            reading.take(",")
    raise ValueError(f"it has no key {wanted!r}")
