"""A transfer under way, so that it can be resumed.

Belongs here: the partial file, what must hold for it to be continued, and how far it may
grow. Does not belong here: requests, and what the finished file becomes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opendata import files
from opendata.errors import DownloadError

#: The disk is looked at again whenever so many bytes were written.
RECHECK = 64 << 20
_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)", re.IGNORECASE)


class TooLongError(DownloadError):
    """More bytes came than were announced, or than may come unannounced."""


@dataclass(frozen=True)
class Mark:
    """How far a portal's pages were received: its own word for the place, and the records."""

    place: str
    rows: int


@dataclass(frozen=True)
class Length:
    """How long a file may become.

    Attributes:
        announced: its bytes, as far as the portal or the answer say them.
        cap: the most bytes that are taken where nothing is announced; ``None`` for no cap.
    """

    announced: int | None
    cap: int | None = None

    def room(self, received: int, coming: int) -> int:
        """Return how many of ``coming`` bytes may be added to ``received``."""
        most = self.cap if self.announced is None else self.announced
        return coming if most is None else max(0, min(coming, most - received))

    def exceeded(self) -> TooLongError:
        """Return the error of a body that goes on after its room is used up."""
        if self.announced is not None:
            return TooLongError(
                f"the size differs: {self.announced:,} bytes were announced, more came",
                next_step="run again; if it lasts, tell the portal",
            )
        return TooLongError(
            f"more than {self.cap or 0:,} bytes came and no length was announced",
            next_step="look at the address with a browser; if the file is really that large, "
            "raise unannounced_bytes in opendata/pace.py",
        )

    def left(self, received: int) -> int:
        """Return the bytes that are still to come, 0 if unknown."""
        return max(0, (self.announced or 0) - received)


class Partial:
    """The bytes received so far of one address, with the validators of the answer.

    A partial file is continued only under the same ``ETag`` (a strong one) or the same
    ``Last-Modified``: anything else could join two different files.
    """

    def __init__(self, folder: Path, url: str) -> None:
        name = hashlib.sha256(url.encode()).hexdigest()[:12]
        self.path = folder / f"{name}.part"
        self._sidecar = folder / f"{name}.json"
        self._started_over = False

    @property
    def offset(self) -> int:
        """Return the number of bytes that need not be asked again."""
        if self._started_over or not self.validator or not self.path.is_file():
            return 0
        return self.path.stat().st_size

    @property
    def validator(self) -> str | None:
        """Return the ``If-Range`` value under which the rest may be asked."""
        known = self._known()
        return _validator(known.get("etag"), known.get("last_modified"))

    def _known(self) -> dict[str, Any]:
        try:
            known = json.loads(self._sidecar.read_bytes())
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def total_if_continued(self, headers: Mapping[str, str], size: int | None) -> int | None:
        """Return the bytes of the whole file if an answer 206 is the rest of this one.

        A server may ignore ``If-Range``, or answer less than it was asked for (RFC 9110,
        14.2 and 15.3.7): the validator, the first byte and the last one are compared here.

        Args:
            headers: those of the answer.
            size: bytes of the whole file as the portal announces them, if it does.

        Returns:
            The total, or ``None`` where the answer does not fit, or nobody tells whether it
            is the whole rest.
        """
        found = _RANGE.fullmatch(headers.get("content-range", "").strip())
        offset = self.offset
        if found is None or not offset:
            return None
        if _validator(headers.get("etag"), headers.get("last-modified")) != self.validator:
            return None
        start, last = int(found[1]), int(found[2])
        begun = self._known().get("length")
        told = None if found[3] == "*" else int(found[3])
        if told is not None and begun is not None and told != begun:
            return None
        total = next((known for known in (told, begun, size) if known is not None), None)
        return total if start == offset <= last and last + 1 == total else None

    def start_over(self) -> None:
        """Forget what was received, and ask this server for no rest again in this run.

        Raises:
            DownloadError: that was done before, and it still gives a part.
        """
        self.discard()
        if self._started_over:
            raise DownloadError(
                "the server answers a part where the whole file was asked for",
                next_step="run again later; if it lasts, tell the portal",
            )
        self._started_over = True

    def restart(self, headers: Mapping[str, str]) -> None:
        """Forget what was received; remember the validators of the new answer."""
        self.discard()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch()
        content = {
            "etag": headers.get("etag"),
            "last_modified": headers.get("last-modified"),
            "length": announced_length(headers),
        }
        files.write_json(self._sidecar, content, point="partial")

    @contextmanager
    def growing(self, length: Length) -> Iterator[Callable[[bytes], int]]:
        """Yield a function that appends bytes and returns how many there are now.

        A full disk would stay full, so what does not fit is removed. The beginning of a file
        that is longer than announced stays if it can be continued: descriptions lag behind.

        Raises:
            TooLongError: more came than ``length`` allows; the rest is not taken.
            DiskFullError: the disk has no room for what is to come.
        """
        received = checked = self.path.stat().st_size
        files.require_free(self.path.parent, length.left(received))

        def append(content: bytes) -> int:
            nonlocal received, checked
            room = length.room(received, len(content))
            stream.write(content[:room])
            # A mark counts the bytes that are in the file, not those in a buffer.
            stream.flush()
            received += room
            if room < len(content):
                raise length.exceeded()
            if received - checked >= RECHECK:
                checked = received
                files.require_free(self.path.parent, length.left(received))
            return received

        try:
            with self.path.open("ab") as stream:
                yield append
        except (OSError, files.DiskFullError):
            self.discard()
            raise
        except TooLongError:
            if not self.offset:
                self.discard()
            raise

    def mark(self, mark: Mark, shown: str) -> None:
        """Write down that all bytes so far are whole pages, up to ``mark``.

        Args:
            mark: where to go on.
            shown: state of the portal's data; pages of two states are never joined.
        """
        content = {"shown": shown, "bytes": self.path.stat().st_size, **vars(mark)}
        files.write_json(self._sidecar, content, point="mark")

    def marked(self, shown: str) -> Mark | None:
        """Cut the file back to its last mark and return it; ``None`` if there is none to use."""
        known = self._known()
        if known.get("shown") != shown or not self.path.is_file():
            return None
        kept = int(known["bytes"])
        if self.path.stat().st_size < kept:
            return None
        with self.path.open("r+b") as stream:
            stream.truncate(kept)
        return Mark(known["place"], known["rows"])

    def discard(self) -> None:
        """Remove what was received. The folder stays: other files of a window share it."""
        self._sidecar.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)


def announced_length(headers: Mapping[str, str]) -> int | None:
    """Return the ``Content-Length`` of an answer, ``None`` if it has none."""
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else None


def _validator(etag: str | None, last_modified: str | None) -> str | None:
    """Return the header under which two answers are parts of one file: a strong ``ETag`` first."""
    return etag if etag and not etag.startswith("W/") else last_modified or None
