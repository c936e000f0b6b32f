"""What goes in and out of an answering function.

Belongs here: the request and the answer as values, free of sockets. Does not belong here:
what any portal answers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Question:
    """A request for one official host.

    Attributes:
        path: path on that host, percent-decoded.
        query: every value of every parameter, in order.
        headers: header names in lower case.
    """

    path: str
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def one(self, name: str) -> str | None:
        """Return the last value of a parameter, as the portals take it."""
        values = self.query.get(name)
        return values[-1] if values else None


@dataclass(frozen=True)
class Answer:
    """A status, its headers and the whole body."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def as_json(content: Any, status: int = 200) -> Answer:
    """Return ``content`` as a JSON answer."""
    body = json.dumps(content, ensure_ascii=False).encode()
    return Answer(status, body, {"Content-Type": "application/json"})


def redirect(location: str) -> Answer:
    """Return a temporary redirect."""
    return Answer(302, b"", {"Location": location, "Cache-Control": "no-cache"})


def not_found() -> Answer:
    """Return the 404 that data.gouv.fr's API gives."""
    return as_json({"message": "The requested URL was not found on the server."}, 404)
