"""A transfer under way, so that it can be resumed.

Belongs here: the partial file and what must hold for it to be continued. Does not belong
here: requests, and what the finished file becomes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from opendata import files


class Partial:
    """The bytes received so far of one address, with the validators of the answer.

    A partial file is continued only under the same ``ETag`` (a strong one) or the same
    ``Last-Modified``: anything else could join two different files.
    """

    def __init__(self, folder: Path, url: str) -> None:
        name = hashlib.sha256(url.encode()).hexdigest()[:12]
        self.path = folder / f"{name}.part"
        self._sidecar = folder / f"{name}.json"

    @property
    def offset(self) -> int:
        """Return the number of bytes that need not be asked again."""
        return self.path.stat().st_size if self.validator and self.path.is_file() else 0

    @property
    def validator(self) -> str | None:
        """Return the ``If-Range`` value under which the rest may be asked."""
        try:
            known = json.loads(self._sidecar.read_bytes())
        except (OSError, ValueError):
            return None
        etag = known.get("etag")
        if etag and not etag.startswith("W/"):
            return str(etag)
        return known.get("last_modified") or None

    def restart(self, headers: Mapping[str, str]) -> None:
        """Forget what was received; remember the validators of the new answer."""
        self.discard()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch()
        content = {
            "etag": headers.get("etag"),
            "last_modified": headers.get("last-modified"),
        }
        files.write_json(self._sidecar, content, point="partial")

    def discard(self) -> None:
        """Remove every trace of the transfer."""
        self._sidecar.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)
        if self.path.parent.is_dir() and not any(self.path.parent.iterdir()):
            self.path.parent.rmdir()
